"""transformers' training arguments: the optimizer that its Trainer would build, and the schedule."""

from __future__ import annotations

import difflib
from copy import deepcopy
from typing import Any

from ..errors import Problem, did_you_mean, text_of
from .arguments import Arguments
from .result import Converted, checked
from .transformers_schedules import schedule

# Any of these tells training arguments from another config with a learning_rate.
_TELLING = (
    "lr_scheduler_type",
    "lr_scheduler_kwargs",
    "warmup_ratio",
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
    "optim_args",
    "optim_target_modules",
    "per_device_train_batch_size",
)
_READ = (
    "learning_rate",
    "weight_decay",
    "optim",
    "lr_scheduler_type",
    "lr_scheduler_kwargs",
    "warmup_ratio",
    "warmup_steps",
    "max_steps",
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
    "optim_args",
    "optim_target_modules",
)
"""The arguments that are an optimizer's or a schedule's."""

# By `optim`: the NAME, the implementation, and the keys of `optim_args` that its Trainer reads.
_OPTIMIZERS: dict[str, tuple[str, str, dict[str, type]]] = {
    "adamw_torch": ("AdamW", "torch", {}),
    "adamw_torch_fused": ("AdamW", "fused", {}),
    "sgd": ("SGD", "torch", {"momentum": float, "dampening": float, "nesterov": bool}),
    "adagrad": ("Adagrad", "torch", {"lr_decay": float, "eps": float}),
    "rmsprop": ("RMSprop", "torch", {"momentum": float, "alpha": float, "eps": float, "centered": bool}),
}
_KEYS = {"lr_decay": "LEARNING_RATE_DECAY"}
_ADAFACTOR = "transformers.optimization.Adafactor"
# What a name of `optim` contains, and whose class it is.
_LIBRARIES = {
    "galore": "galore_torch's",
    "apollo": "apollo_torch's",
    "lomo": "lomo_optim's",
    "schedule_free": "schedulefree's",
    "grokadamw": "grokadamw's",
    "stable_adamw": "torch-optimi's",
    "xla": "torch_xla's",
    "npu": "torch_npu's",
    "anyprecision": "torchdistx's",
    "adamw_torch_": "torchao's",
    "adamw_hf": "an older transformers' own",
    "": "bitsandbytes'",
}
_KNOWN_OTHERS = (
    "ademamix", "sgd", "lion", "rmsprop", "adamw", "galore", "apollo", "lomo", "schedule_free", "grokadamw"
)  # fmt: skip

# transformers decays neither these names nor what lies in a LayerNorm (Trainer.get_decay_parameter_names).
_UNDECAYED = {
    "no_decay": {
        "WHERE": {"NAMES": [r"re:(?i)bias|layernorm|rmsnorm|(?:^|\.)norm(?:$|\.)|_norm(?:$|\.)"]},
        "SET": {"WEIGHT_DECAY": 0.0},
        "OPTIONAL": True,
    },
    "no_decay_layer_norms": {
        "WHERE": {"MODULES": "torch.nn.LayerNorm"},
        "SET": {"WEIGHT_DECAY": 0.0},
        "OPTIONAL": True,
    },
}


def is_arguments(values: dict[Any, Any]) -> bool:
    """Whether a mapping holds training arguments of transformers."""
    return any(key in values for key in _TELLING)


def convert_arguments(key: str, values: dict[Any, Any]) -> list[Converted]:
    """The optimizer and the schedule of training arguments.

    Args:
        key: Full key of the arguments, for the report.
        values: The arguments.
    """
    arguments = Arguments(values)
    optimizer = Converted("optimizer", key, "transformers", _optimizer(arguments))
    if optimizer.node is not None and "NAME" in optimizer.node:
        optimizer.node, problems = checked("optimizer", optimizer.node, "")
        arguments.problems += problems
    scheduler = Converted("lr_scheduler", key, "transformers", schedule(arguments))
    if scheduler.node is not None:
        scheduler.node, problems = checked("lr_scheduler", scheduler.node, "")
        arguments.problems += problems
    misspelt = _misspelt(values)
    arguments.problems += misspelt
    others = [text_of(name) for name in values if name not in {*_READ, *(problem.key for problem in misspelt)}]
    if others:
        count = f"{len(others)} other argument{'s' if len(others) > 1 else ''}"
        such = "max_grad_norm" if "max_grad_norm" in others else others[0]
        arguments.notes.append(f"{count} of training, such as {such}, stay with the trainer.")
    optimizer.problems = [problem.under(key) for problem in arguments.problems]
    optimizer.notes = arguments.notes
    return [optimizer, scheduler]


def _optimizer(arguments: Arguments) -> dict[str, Any] | None:
    name = arguments.text("optim", "adamw_torch_fused")
    rate, decay = arguments.number("learning_rate", 5e-5), arguments.number("weight_decay", 0.0)
    if name == "adafactor":
        arguments.notes.append(
            "adafactor is transformers' own class, which torch's Adafactor is not: the node names it by _target_, "
            "and needs transformers where it is built."
        )
        node: dict[str, Any] = {"_target_": _ADAFACTOR, "lr": rate, "weight_decay": decay}
        return {**node, "scale_parameter": False, "relative_step": False, "PARAM_GROUPS": deepcopy(_UNDECAYED)}
    if name not in _OPTIMIZERS:
        arguments.wrong("optim", _no_counterpart(name), name)
        return None
    ours, implementation, read = _OPTIMIZERS[name]
    node = {"NAME": ours, "IMPLEMENTATION": implementation, "LEARNING_RATE": rate, "WEIGHT_DECAY": decay}
    if ours == "AdamW":
        node["BETAS"] = [arguments.number("adam_beta1", 0.9), arguments.number("adam_beta2", 0.999)]
        node["EPS"] = arguments.number("adam_epsilon", 1e-8)
    return {**node, **_optim_args(arguments, name, read), "PARAM_GROUPS": deepcopy(_UNDECAYED)}


def _no_counterpart(name: str) -> str:
    if not any(part in name for part in _KNOWN_OTHERS):
        return f"is no optimizer of transformers'.{did_you_mean(name, [*_OPTIMIZERS, 'adafactor'])}"
    owner = next(owner for part, owner in _LIBRARIES.items() if part in name)
    return (
        f"has no counterpart: it is {owner}. Choose AdamW or another class, write the node of its class by _target_, "
        "or register the class with OPTIMIZERS.register_class()."
    )


def _optim_args(arguments: Arguments, name: str, read: dict[str, type]) -> dict[str, Any]:
    """Keys from `optim_args`: `momentum=0.9,nesterov=true`, or a mapping."""
    written = arguments.values.get("optim_args")
    if not written:
        return {}
    if isinstance(written, str):
        pairs = [pair.partition("=") for pair in written.replace(" ", "").split(",")]
        if not all(equals for _, equals, _ in pairs):
            arguments.wrong("optim_args", "must be key=value, with commas between.", written)
            return {}
        written = {key: value for key, _, value in pairs}
    if not isinstance(written, dict):
        arguments.wrong("optim_args", "must be key=value, with commas between.", written)
        return {}
    keys = {}
    for key, value in written.items():
        if key in read and read[key] is bool:
            keys[_KEYS.get(key, key.upper())] = str(value).lower() in ("true", "1", "yes")
        elif key in read:
            keys[_KEYS.get(key, key.upper())] = arguments.as_number(f"optim_args.{key}", value, 0.0)
        else:
            message = f"the trainer reads no such argument for {name}: left out.{did_you_mean(key, list(read))}"
            arguments.wrong(f"optim_args.{key}", message, value)
    return keys


def _misspelt(values: dict[Any, Any]) -> list[Problem]:
    """Keys that are no argument, so near to one that is read that it was meant."""
    problems = []
    for key in map(text_of, values):
        near = difflib.get_close_matches(key.lower(), _READ, n=1, cutoff=0.85) if key not in _READ else []
        if near:
            problems.append(Problem(key, f"is no training argument. Did you mean {near[0]}?", values[key]))
    return problems
