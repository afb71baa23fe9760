from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError
from tests.optimizers.test_torch_optimizers import CLASSES_AND_KEYS, OTHER
from tests.support import keyword

READ_ONCE = [(name, key) for name, key in CLASSES_AND_KEYS if key == "DIFFERENTIABLE"]
READ_ONCE += [("Adagrad", "INITIAL_ACCUMULATOR_VALUE")]
# LBFGS takes one group only, and a step on a CPU cannot be captured
BY_GROUP = [p for p in CLASSES_AND_KEYS if p not in READ_ONCE and p[0] != "LBFGS" and p[1] != "CAPTURABLE"]


def other(name: str, key: str) -> Any:
    """A value that is not the default."""
    if (name, key) == ("Adafactor", "EPS"):
        return (1e-3, 1e-2)
    default = getattr(scepter_opt.check({"NAME": name}), key)
    return not default if isinstance(default, bool) else OTHER[key]


def steps(optimizer: Any, tensor: nn.Parameter, sparse: bool) -> list[torch.Tensor]:
    """The parameter after each of some steps with fixed gradients."""
    trace = []
    generator = torch.Generator().manual_seed(0)
    for _ in range(6):
        gradient = torch.randn(tensor.shape, generator=generator)
        tensor.grad = gradient.to_sparse() if sparse else gradient
        optimizer.step()
        trace.append(tensor.detach().clone())
    return trace


@pytest.mark.filterwarnings("ignore:.*does nothing without:scepter_opt.ConfigWarning")
@pytest.mark.parametrize(("name", "key"), BY_GROUP)
def test_a_rules_setting_is_followed_as_an_optimizer_of_its_own_would(name: str, key: str) -> None:
    value = other(name, key)
    ruled, alone, rest = (nn.Parameter(torch.ones(3, 3)) for _ in range(3))
    rules = {"r": {"WHERE": {"NAMES": "ruled"}, "SET": {key: value}}}
    node = {"NAME": name, "IMPLEMENTATION": "torch", "PARAM_GROUPS": rules}
    extra = {"WEIGHT_DECAY": 0.1} if key == "DECOUPLED_WEIGHT_DECAY" else {}
    extra |= {"MOMENTUM": 0.5, "DAMPENING": 0.0} if (name, key) == ("SGD", "NESTEROV") else {}
    ours = scepter_opt.build_optimizer([("rest", rest), ("ruled", ruled)], {**node, **extra})
    keywords = {keyword(k): v for k, v in {**extra, key: value}.items()}
    theirs = getattr(torch.optim, name)([alone], **keywords)
    sparse = name == "SparseAdam"
    assert all(map(torch.equal, steps(ours, ruled, sparse), steps(theirs, alone, sparse)))


@pytest.mark.parametrize(("name", "key"), READ_ONCE)
def test_what_a_class_reads_once_no_rule_can_set(name: str, key: str) -> None:
    rules = {"r": {"WHERE": {"NAMES": "*"}, "SET": {key: other(name, key)}}}
    with pytest.raises(ConfigError, match=rf"PARAM_GROUPS.r.SET.{key} = .*: holds for the whole optimizer"):
        scepter_opt.check({"NAME": name, "PARAM_GROUPS": rules})
    parts = {"a": {"NAME": name}, "b": {"NAME": "SGD"}}
    hybrid = {"NAME": "Hybrid", "OPTIMIZERS": parts, "DEFAULT": "a", "PARAM_GROUPS": rules}
    if name != "SGD":
        with pytest.raises(ConfigError, match=rf"PARAM_GROUPS.r.SET.{key} = .*: holds for the whole optimizer"):
            scepter_opt.build_optimizer(nn.Linear(2, 2), hybrid)
