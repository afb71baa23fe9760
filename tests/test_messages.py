"""Every error text is under snapshot: `python -m tests.test_messages` writes tests/messages/*.txt anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

import scepter_opt
from tests.support import make_model, messages_of, scheduler_node

FOLDER = Path(__file__).parent / "messages"

SGD = {"NAME": "SGD", "LEARNING_RATE": 0.1}
COSINE = {"NAME": "CosineAnnealingLR", "T_MAX": 10}


def build(node: Any, parameters: Any = None) -> Any:
    """Build an optimizer over a small model, or over what is given."""
    return scepter_opt.build_optimizer(make_model("SGD") if parameters is None else parameters, node)


def build_scheduler(node: Any, optimizer: Any = None, **keywords: Any) -> Any:
    """Build a scheduler over an SGD, or over what is given."""
    return scepter_opt.build_lr_scheduler(build(SGD) if optimizer is None else optimizer, node, **keywords)


def optimizer(**keys: Any) -> Callable[[], Any]:
    """Check an app's config whose optimizer is SGD with these keys, or what NAME says."""
    return lambda: scepter_opt.check({"optimizer": {"NAME": "SGD", **keys}})


def scheduler(name: str, **keys: Any) -> Callable[[], Any]:
    """Check an app's config with an SGD and this scheduler."""
    return lambda: scepter_opt.check({"optimizer": SGD, "lr_scheduler": scheduler_node(name, **keys)})


def parts(holder: str, parts: Any, **keys: Any) -> Callable[[], Any]:
    """Check a scheduler that holds others."""
    return lambda: scepter_opt.check({"lr_scheduler": {"NAME": holder, "SCHEDULERS": parts, **keys}})


def typed(name: str, **keys: Any) -> Any:
    """A typed OmegaConf node of a class, changed behind its type's back."""
    entry = next(r for r in (scepter_opt.OPTIMIZERS, scepter_opt.LR_SCHEDULERS) if r.has(name)).entry(name)
    node = OmegaConf.structured(entry.config)
    OmegaConf.set_struct(node, False)
    for key, value in keys.items():
        OmegaConf.update(node, key, value, force_add=True)
    return OmegaConf.create({"optimizer": node})


CASES: dict[str, dict[str, Callable[[], Any]]] = {
    "nodes": {
        "a text": lambda: scepter_opt.check({"optimizer": "adam"}),
        "a text given to the build": lambda: build("adam"),
        "null": lambda: scepter_opt.check({"lr_scheduler": None}),
        "null given to the build": lambda: build_scheduler(OmegaConf.create({"lr_scheduler": None}).lr_scheduler),
        "a list": lambda: scepter_opt.check({"optimizer": [1, 2]}),
        "a number given to check": lambda: scepter_opt.check(3),
        "an empty config": lambda: scepter_opt.check({}),
        "a config without nodes": lambda: scepter_opt.check({"model": {"width": 3}}),
        "NAME missing": lambda: scepter_opt.check({"optimizer": {"LEARNING_RATE": 1}}),
        "NAME still ???": lambda: scepter_opt.check(OmegaConf.create({"lr_scheduler": {"NAME": "???"}})),
        "NAME unknown": lambda: scepter_opt.check({"optimizer": {"NAME": "AdmaW"}}),
        "NAME is an option": lambda: scepter_opt.check({"lr_scheduler": {"NAME": "cosine_annealing"}}),
        "NAME is a list": lambda: scepter_opt.check({"optimizer": {"NAME": ["SGD"]}}),
        "NAME of the other registry": lambda: scepter_opt.check({"optimizer": COSINE}),
        "NAME overridden against its node": lambda: scepter_opt.check(typed("SGD", NAME="AdamW", MOMENTUM=-1)),
        "NAME overridden with nonsense": lambda: scepter_opt.check(typed("SGD", NAME="Foo")),
        "unresolvable interpolation": lambda: scepter_opt.check(
            OmegaConf.create({"optimizer": {**SGD, "MOMENTUM": "${nowhere}", "WEIGHT_DECAY": -1}})
        ),
        "interpolation in a list": lambda: scepter_opt.check(
            OmegaConf.create({"optimizer": {"NAME": "Adam", "BETAS": [0.9, "${oc.env:SCEPTER_OPT_NOT_SET}"]}})
        ),
        "deep key of a node": lambda: build(OmegaConf.create({"train": {"opt": {**SGD, "MOMENTUM": -1}}}).train.opt),
    },
    "keys": {
        "misspelt": optimizer(LERNING_RATE=0.1),
        "torch's name": optimizer(lr=0.1),
        "torch's name in capitals": optimizer(LR=0.1),
        "the wrong case, beside the right one": optimizer(LEARNING_RATE=0.1, learning_rate=0.2),
        "of another class": optimizer(BETAS=[0.9, 0.999]),
        "no text": lambda: scepter_opt.check({"optimizer": {"NAME": "SGD", 3: 1}}),
        "several at once, in order": optimizer(NESTEROV=3, LERNING_RATE=0.1, MOMENTUM=-0.5, WEIGHT_DECAY="none"),
        "missing": lambda: scepter_opt.check({"lr_scheduler": {"NAME": "StepLR"}}),
        "still ???": lambda: scepter_opt.check(OmegaConf.create({"optimizer": {"NAME": "SGD", "MOMENTUM": "???"}})),
        "foreach": optimizer(FOREACH=True),
        "verbose": scheduler("StepLR", VERBOSE=True),
    },
    "values": {
        "below": optimizer(LEARNING_RATE=-1),
        "a text": optimizer(LEARNING_RATE="fast"),
        "a number with a typo": optimizer(LEARNING_RATE="1_0"),
        "a boolean": optimizer(LEARNING_RATE=True),
        "bytes": optimizer(LEARNING_RATE=b"1"),
        "null": optimizer(LEARNING_RATE=None),
        "NaN": optimizer(LEARNING_RATE=float("nan")),
        "infinity": optimizer(LEARNING_RATE="inf"),
        "a huge whole number": optimizer(LEARNING_RATE=10**400),
        "a node": optimizer(LEARNING_RATE={"A": 1}),
        "a set": optimizer(LEARNING_RATE={1.0}),
        "a class": optimizer(LEARNING_RATE=int),
        "no boolean": optimizer(NESTEROV="maybe"),
        "one of two": optimizer(NAME="Adam", BETAS=[0.9]),
        "three of two": optimizer(NAME="Adam", BETAS=[0.9, 0.99, 0.999]),
        "the second of two": optimizer(NAME="Adam", BETAS=[0.9, 1]),
        "one for two": optimizer(NAME="Adam", BETAS=0.9),
        "etas": optimizer(NAME="Rprop", ETAS=[1.5, 0.5]),
        "adafactor": optimizer(NAME="Adafactor", EPS=[-1, None], D=0.5, BETA2_DECAY=1),
        "a choice": scheduler("ReduceLROnPlateau", MODE="mni"),
        "a choice that is a number": scheduler("ReduceLROnPlateau", MODE=1),
        "not whole": scheduler("StepLR", STEP_SIZE=2.5),
        "zero length": scheduler("CosineAnnealingLR", T_MAX=0),
        "a list with a text": scheduler("MultiStepLR", MILESTONES=[1, "x", 2.5]),
        "no list": scheduler("MultiStepLR", MILESTONES=3),
        "numbers or a list": scheduler("CyclicLR", MAX_LR="high"),
        "numbers in a list": scheduler("CyclicLR", MAX_LR=[0.1, "high"]),
        "implementation": optimizer(IMPLEMENTATION="fussed"),
        "a deep mapping": lambda: scepter_opt.check({"optimizer": {"NAME": "SGD", "LEARNING_RATE": deep()}}),
    },
    "combinations": {
        "nesterov without momentum": optimizer(NESTEROV=True),
        "nesterov with dampening": optimizer(NESTEROV=True, MOMENTUM=0.9, DAMPENING=0.1),
        "nesterov with a wrong momentum is one problem": optimizer(NESTEROV=True, MOMENTUM=-1),
        "nesterov with a misspelt momentum is one problem": optimizer(NESTEROV=True, MOMENTUN=0.9),
        "milestones": scheduler("MultiStepLR", MILESTONES=[3, 3]),
        "epochs without steps": scheduler("OneCycleLR", EPOCHS=3),
        "scale mode without function": scheduler("CyclicLR", SCALE_MODE="iterations"),
        "mode beside a function": scheduler("CyclicLR", MODE="exp_range", SCALE_FN="math.sqrt"),
        "cycled momentum": lambda: scepter_opt.check(
            {"optimizer": {"NAME": "Adagrad"}, "lr_scheduler": scheduler_node("CyclicLR", CYCLE_MOMENTUM=True)}
        ),
        "cycled momentum at the build": lambda: build_scheduler(
            scheduler_node("OneCycleLR", CYCLE_MOMENTUM=True), build({"NAME": "Adagrad"})
        ),
    },
    "parts": {
        "none": parts("ChainedScheduler", {}),
        "a list": parts("ChainedScheduler", [COSINE]),
        "a misspelt key inside": parts("ChainedScheduler", {"decay": {**COSINE, "T_MAXX": 3, "ETA_MIN": -1}}),
        "an optimizer": parts("ChainedScheduler", {"decay": SGD}),
        "one cycle": parts("ChainedScheduler", {"cycle": {"NAME": "OneCycleLR", "MAX_LR": 1}}),
        "plateau": parts("SequentialLR", {"a": {"NAME": "ReduceLROnPlateau"}, "b": COSINE}, MILESTONES=[3]),
        "a sequence that is not first": parts(
            "SequentialLR", {"a": COSINE, "b": scheduler_node("SequentialLR")}, MILESTONES=[3]
        ),
        "an interval": parts("ChainedScheduler", {"decay": {**COSINE, "INTERVAL": "epoch"}}),
        "too few milestones": parts("SequentialLR", {"a": COSINE, "b": COSINE}, MILESTONES=[]),
        "an end that is not known": lambda: build_scheduler(
            {"NAME": "SequentialLR", "SCHEDULERS": {"a": COSINE, "b": {"NAME": "CosineAnnealingLR"}}, "MILESTONES": [3]}
        ),
    },
    "imports": {
        "no path": lambda: scepter_opt.check(scheduler_node("LambdaLR", LR_LAMBDA="decay"), imports=True),
        "no module": lambda: scepter_opt.check(scheduler_node("LambdaLR", LR_LAMBDA="mathh.sqrt"), imports=True),
        "no such function": lambda: scepter_opt.check(scheduler_node("LambdaLR", LR_LAMBDA="math.sqrtt"), imports=True),
        "not callable": lambda: scepter_opt.check(scheduler_node("LambdaLR", LR_LAMBDA="math.pi"), imports=True),
        "in a list": lambda: scepter_opt.check(
            scheduler_node("LambdaLR", LR_LAMBDA=["math.sqrt", "math.pi"]), imports=True
        ),
        "refused": lambda: scepter_opt.check(scheduler_node("LambdaLR", LR_LAMBDA="math.sqrt"), imports=False),
        "at the build": lambda: build_scheduler(scheduler_node("LambdaLR", LR_LAMBDA="math.sqrtt")),
        "not callable at the build": lambda: build_scheduler(scheduler_node("LambdaLR", LR_LAMBDA=["math.pi"])),
    },
    "builds": {
        "no optimizer": lambda: build_scheduler(COSINE, optimizer=make_model("SGD")),
        "an optimizer's node": lambda: build_scheduler(SGD),
        "a total that is not known": lambda: build_scheduler({"NAME": "CosineAnnealingLR"}),
        "a total that is zero": lambda: build_scheduler({"NAME": "CosineAnnealingLR"}, total_steps=0),
        "totals that differ": lambda: build_scheduler(scheduler_node("OneCycleLR"), total_steps=31),
        "totals in epochs that differ": lambda: build_scheduler(
            {"NAME": "OneCycleLR", "MAX_LR": 1, "EPOCHS": 2, "STEPS_PER_EPOCH": 5}, total_steps=31
        ),
        "epochs of unknown length": lambda: build_scheduler(
            {"NAME": "CosineAnnealingLR", "INTERVAL": "epoch"}, total_steps=100
        ),
        "resuming without a start": lambda: build_scheduler({**COSINE, "LAST_EPOCH": 3}),
        "a dense gradient's class over sparse parameters": lambda: build(
            {"NAME": "SparseAdam"}, [torch.zeros(2, 2).to_sparse().requires_grad_()]
        ),
    },
}


def rules(**named: Any) -> Callable[[], Any]:
    """Build an AdamW with these rules over a small model."""
    return lambda: build({"NAME": "AdamW", "PARAM_GROUPS": named})


def hybrid(**keys: Any) -> Callable[[], Any]:
    """Build Muon and AdamW as one over a small model."""
    parts = {"muon": {"NAME": "Muon"}, "adamw": {"NAME": "AdamW"}}
    return lambda: build({"NAME": "Hybrid", "OPTIMIZERS": parts, "DEFAULT": "adamw", **keys})


BIAS = {"WHERE": {"KINDS": "bias"}}

CASES["rules"] = {
    "matches nothing": rules(head={"WHERE": {"NAMES": "haed"}, "SET": {"LR_MULT": 2}}),
    "a module class that is not there": rules(norm={"WHERE": {"MODULES": "LayerNrom"}}),
    "no WHERE": rules(bias={"SET": {"LR_MULT": 2}}),
    "an empty WHERE": rules(bias={"WHERE": {}}),
    "an unknown selector": rules(bias={"WHERE": {"KIND": "bias"}}),
    "an unknown kind": rules(bias={"WHERE": {"KINDS": "baises"}}),
    "a selector beside WHERE": rules(bias={"KINDS": "bias", "SET": {"LR_MULT": 2}}),
    "a misspelt key": rules(bias={**BIAS, "SET": {"WIEGHT_DECAY": 0}}),
    "torch's key": rules(bias={**BIAS, "SET": {"lr": 0.1}}),
    "a wrong value": rules(bias={**BIAS, "SET": {"WEIGHT_DECAY": -1}}),
    "a negative multiplier": rules(bias={**BIAS, "SET": {"LR_MULT": -1}}),
    "a multiplier that is NaN": rules(bias={**BIAS, "SET": {"LR_MULT": float("nan")}}),
    "a broken expression": rules(bias={"WHERE": {"NAMES": "re:("}}),
    "no rule": rules(bias="no_decay"),
    "everything frozen": rules(all={"WHERE": {"NAMES": "*"}, "SET": {"FREEZE": True}}),
    "no names": lambda: build(
        {"NAME": "AdamW", "PARAM_GROUPS": {"head": {"WHERE": {"NAMES": "head"}}}}, list(make_model("SGD").parameters())
    ),
    "momentum that Nesterov needs": lambda: build(
        {"NAME": "SGD", "NESTEROV": True, "MOMENTUM": 0.9, "PARAM_GROUPS": {"bias": {**BIAS, "SET": {"MOMENTUM": 0}}}}
    ),
    "two groups for LBFGS": lambda: build(
        {"NAME": "LBFGS", "PARAM_GROUPS": {"bias": {**BIAS, "SET": {"LR_MULT": 0.1}}}}
    ),
    "vectors for Muon": lambda: build({"NAME": "Muon"}),
    "no parameters": lambda: build(SGD, []),
    "a parameter twice": lambda: build(SGD, [torch.zeros(1, requires_grad=True)] * 2),
    "no parameter": lambda: build(SGD, [3]),
}
CASES["hybrid"] = {
    "no default": hybrid(DEFAULT="adam"),
    "an unknown part": hybrid(PARAM_GROUPS={"matrices": {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "muno"}}}),
    "vectors for Muon": hybrid(PARAM_GROUPS={"all": {"WHERE": {"NAMES": "*"}, "SET": {"OPTIMIZER": "muon"}}}),
    "a part without parameters": hybrid(),
    "a key that the part has not": hybrid(
        PARAM_GROUPS={"m": {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "muon", "BETAS": [0.9, 0.9]}}}
    ),
    "a part that cannot be one": hybrid(OPTIMIZERS={"lbfgs": {"NAME": "LBFGS"}, "adamw": {"NAME": "AdamW"}}),
    "cycled momentum": lambda: scepter_opt.check(
        {
            "optimizer": {"NAME": "Hybrid", "OPTIMIZERS": {"a": SGD}, "DEFAULT": "a"},
            "lr_scheduler": scheduler_node("CyclicLR", CYCLE_MOMENTUM=True),
        }
    ),
}


def deep() -> dict[str, Any]:
    """A mapping that holds itself."""
    node: dict[str, Any] = {}
    node["A"] = node
    return node


def messages(topic: str) -> str:
    """The messages of a topic, each under its case."""
    return messages_of(CASES[topic]).replace(torch.__version__, "VERSION")


@pytest.mark.parametrize("topic", CASES)
def test_messages_are_as_written(topic: str) -> None:
    assert messages(topic) == (FOLDER / f"{topic}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("topic", CASES)
def test_every_case_is_an_error(topic: str) -> None:
    assert "no error" not in messages(topic)


if __name__ == "__main__":
    for topic in CASES:
        (FOLDER / f"{topic}.txt").write_text(messages(topic), encoding="utf-8")
