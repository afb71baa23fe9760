"""transformers' training arguments: its optimizers with the groups of its Trainer, and what has no counterpart."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt.conversion import convert

RATE = 0.3


def arguments(**values: Any) -> dict[str, Any]:
    return {"learning_rate": RATE, "optim": "sgd", "lr_scheduler_type": "linear", **values}


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.proj, self.layer_scale_norm = nn.Linear(3, 3), nn.Linear(3, 3)
        self.first = nn.LayerNorm(3)
        self.norm, self.batch = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
        self.RMSNorm_1 = nn.Linear(3, 3, bias=False)
        self.scale = nn.Parameter(torch.ones(1))


@pytest.mark.parametrize(
    ("name", "args", "cls", "expected"),
    [
        ("adamw_torch", None, torch.optim.AdamW, {"betas": (0.8, 0.95), "eps": 1e-6}),
        (
            "adamw_torch_fused",
            None,
            torch.optim.AdamW,
            {"betas": (0.8, 0.95), "eps": 1e-6, "fused": True, "foreach": False},
        ),
        ("sgd", "momentum=0.9, nesterov=true", torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
        ("adagrad", "lr_decay=0.1,eps=1e-5", torch.optim.Adagrad, {"lr_decay": 0.1, "eps": 1e-5}),
        (
            "rmsprop",
            {"alpha": "0.9", "momentum": 0.5, "centered": "yes"},
            torch.optim.RMSprop,
            {"alpha": 0.9, "momentum": 0.5, "centered": True},
        ),
    ],
)
def test_an_optimizer_has_the_groups_of_the_trainer(name: str, args: Any, cls: Any, expected: dict[str, Any]) -> None:
    values = arguments(
        optim=name, optim_args=args, weight_decay="0.1", adam_beta1=0.8, adam_beta2=0.95, adam_epsilon=1e-6
    )
    conversion = convert(values)
    assert not conversion.unconverted
    model = Block()
    ours = scepter_opt.build_optimizer(model, conversion.nodes["optimizer"])
    undecayed = {n for n, _ in model.named_parameters() if "norm" in n.lower() or "bias" in n or n.startswith("first.")}
    names = {id(p): n for n, p in model.named_parameters()}
    theirs = cls(model.parameters(), lr=RATE, weight_decay=0.1, **expected)
    assert isinstance(ours, cls)
    for group in ours.param_groups:
        inside = {names[id(p)] for p in group["params"]}
        assert inside <= undecayed if group["weight_decay"] == 0.0 else not inside & undecayed
        settings = {key: group[key] for key in theirs.defaults if key != "weight_decay"}
        assert settings == {key: value for key, value in theirs.defaults.items() if key != "weight_decay"}
    assert sum(len(group["params"]) for group in ours.param_groups) == len(names)


def test_adafactor_is_transformers_own_class() -> None:
    node = convert(arguments(optim="adafactor")).nodes["optimizer"]
    assert node["_target_"] == "transformers.optimization.Adafactor"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optim": "adamw_bnb_8bit"}, "optim = 'adamw_bnb_8bit': has no counterpart: it is bitsandbytes'."),
        ({"optim": "galore_adamw_8bit"}, "optim = 'galore_adamw_8bit': has no counterpart: it is galore_torch's."),
        ({"optim": "adamw_torch_4bit"}, "optim = 'adamw_torch_4bit': has no counterpart: it is torchao's."),
        ({"optim": "adam_torch"}, "optim = 'adam_torch': is no optimizer of transformers'. Did you mean adamw_torch?"),
        ({"lr_scheduler_type": "greedy"}, "lr_scheduler_type = 'greedy': has no counterpart"),
        (
            {"lr_scheduler_type": "cosin"},
            "lr_scheduler_type = 'cosin': is no schedule of transformers'. Did you mean cos",
        ),
        ({"lr_scheduler_kwargs": {"power": 2}}, "lr_scheduler_kwargs.power = 2: transformers' linear has no"),
        ({"lr_scheduler_kwargs": "power=2"}, "lr_scheduler_kwargs = 'power=2': must be a mapping."),
        (
            {"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"num_cycles": 0.3}},
            "lr_scheduler_kwargs.num_cycles = 0.3: only whole",
        ),
        (
            {"lr_scheduler_type": "warmup_stable_decay"},
            "lr_scheduler_kwargs.num_decay_steps = None: transformers requires it.",
        ),
        (
            {"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"num_cycles": "${n}"}},
            "lr_scheduler_kwargs.num_cycles = '${n}': an interpolation cannot be made a phase",
        ),
        ({"learning_rate": "fast"}, "learning_rate = 'fast': must be a number."),
        ({"learning_rate": -1}, "LEARNING_RATE = -1.0: must be at least 0."),
        ({"warmup_ratio": 2}, "warmup_ratio = 2.0: must be between 0 and 1."),
        ({"optim_args": "momentum"}, "optim_args = 'momentum': must be key=value"),
        ({"optim_args": "momentun=1"}, "optim_args.momentun = '1': the trainer reads no such argument"),
        ({"adam_beta_1": 0.9}, "adam_beta_1 = 0.9: is no training argument. Did you mean adam_beta1?"),
    ],
)
def test_what_has_no_counterpart_or_is_wrong_is_told(values: dict[str, Any], message: str) -> None:
    assert convert(arguments(**values)).report().startswith(message)


def test_one_note_says_what_stays_with_the_trainer() -> None:
    conversion = convert(arguments(max_grad_norm=1.0, output_dir="out", num_train_epochs=3))
    assert not conversion.unconverted
    assert conversion.notes == ["3 other arguments of training, such as max_grad_norm, stay with the trainer."]
