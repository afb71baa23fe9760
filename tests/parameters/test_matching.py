"""Random models and rules against a matcher that is written anew from what the documentation says of WHERE and SET."""

from __future__ import annotations

import fnmatch
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

import scepter_opt
from scepter_opt import ConfigError

PARTS = ["a", "b", "layers", "encoder", "encoder_proj", "head", "norm", "bias_net"]
KINDS = ["bias", "norm", "embedding", "matrix", "vector", "scalar"]
PATTERNS = [*PARTS, "*", "*.bias", "*a*", "re:[01]", "re:bias$", "enc?der", "[ab]", "*.0", "layers.*", "encoder.layers"]
CLASSES = ["Linear", "LayerNorm", "Module", "torch.nn.Embedding", "MyNorm", "*Norm", "Conv1d", "LSTM"]


class MyNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))
        self.table = nn.Parameter(torch.ones(2, 2))


LEAVES: list[Callable[[], nn.Module]] = [
    lambda: nn.Linear(2, 3),
    lambda: nn.LayerNorm(2),
    lambda: nn.Embedding(3, 2),
    lambda: nn.Conv1d(1, 1, 1, bias=False),
    lambda: nn.LSTM(2, 2),
    lambda: parametrizations.weight_norm(nn.Linear(2, 2)),
    MyNorm,
]


def tree(rng: random.Random, depth: int = 0) -> nn.Module:
    if depth == 3 or rng.random() < 0.3:
        return rng.choice(LEAVES)()
    children = [tree(rng, depth + 1) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.3:
        children.append(rng.choice(children))  # shared
    if rng.random() < 0.4:
        return nn.Sequential(*children)
    return nn.ModuleDict(dict(zip(rng.sample(PARTS, len(children)), children, strict=True)))


def make_model(rng: random.Random) -> nn.Module:
    model = nn.ModuleDict({part: tree(rng) for part in rng.sample(PARTS, rng.randint(1, 4))})
    tensors = list(model.parameters())
    for tensor in rng.sample(tensors, rng.randint(0, len(tensors) // 3)):
        tensor.requires_grad_(False)
    for tensor in rng.sample(tensors, rng.randint(0, 2) if len(tensors) > 2 else 0):
        setattr(tensor, rng.choice(["no_weight_decay", "_no_weight_decay"]), True)
    return model


def some(rng: random.Random, values: list[Any]) -> Any:
    return rng.choice(values) if rng.random() < 0.5 else rng.sample(values, 2)


def make_where(rng: random.Random, inner: bool = False) -> dict[str, Any]:
    options: dict[str, Callable[[], Any]] = {
        "NAMES": lambda: some(rng, PATTERNS),
        "KINDS": lambda: some(rng, KINDS),
        "MODULES": lambda: some(rng, CLASSES),
        "NDIM": lambda: some(rng, [0, 1, 2, 3]),
        "MARKED": lambda: "no_weight_decay",
    }
    keys = rng.sample(list(options), rng.randint(1, 2))
    where = {key: options[key]() for key in keys}
    return where if inner or rng.random() < 0.7 else {**where, "EXCEPT": make_where(rng, inner=True)}


def make_rules(rng: random.Random) -> dict[str, Any]:
    values = {"LEARNING_RATE": [0.1, 0.5], "WEIGHT_DECAY": [0.0, 0.01, 0.5], "LR_MULT": [0.1, 1.0, 10.0]}
    values |= {"WEIGHT_DECAY_MULT": [0.0, 2.0], "EPS": [1e-8, 1e-3]}
    rules = {}
    for number in range(rng.randint(1, 5)):
        keys = rng.sample(list(values), rng.randint(0, 3))
        settings = {key: rng.choice(values[key]) for key in keys}
        rules[f"r{number}"] = {"WHERE": make_where(rng), "SET": settings, "OPTIONAL": True}
    return rules


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def is_named(name: str, pattern: str) -> bool:
    if pattern.startswith("re:"):
        return re.search(pattern[3:], name) is not None
    if set(pattern) & set("*?["):
        return fnmatch.fnmatchcase(name, pattern)
    return name == pattern or name.startswith(f"{pattern}.")


def owner_of(model: nn.Module, name: str) -> Any:
    """The module whose tensor it is: of what a parametrization keeps, the parametrized one."""
    path = name.split(".")[:-1]
    if len(path) >= 2 and path[-2] == "parametrizations":
        path = path[:-2]
    return model.get_submodule(".".join(path))


def is_of(owner: nn.Module, wanted: str) -> bool:
    names = {cls.__name__ for cls in type(owner).__mro__}
    if wanted.startswith("torch.nn."):
        return isinstance(owner, getattr(nn, wanted.removeprefix("torch.nn.")))
    return any(fnmatch.fnmatchcase(name, wanted) for name in names)


def kinds(tensor: torch.Tensor, name: str, owner: nn.Module) -> set[str]:
    thin = sum(size > 1 for size in tensor.shape) <= 1
    found = {0: {"scalar"}, 1: {"vector"}, 2: {"matrix"}}.get(tensor.ndim, set()).copy()
    parts = name.split(".")
    last = parts[-2] if len(parts) > 2 and parts[-3] == "parametrizations" else parts[-1]
    found |= {"bias"} if thin and "bias" in last.split("_") else set()
    found |= {"norm"} if thin and isinstance(owner, (nn.LayerNorm, MyNorm)) else set()
    found |= {"embedding"} if isinstance(owner, nn.Embedding) else set()
    return found


def matches(where: dict[str, Any], model: nn.Module, tensor: torch.Tensor, names: list[str]) -> bool:
    """Whether any of its names and owners has each selector."""
    owners = [owner_of(model, name) for name in names]
    pairs = list(zip(names, owners, strict=True))
    tests: dict[str, Callable[[Any], Any]] = {
        "NAMES": lambda v: any(is_named(name, pattern) for name in names for pattern in listed(v)),
        "MODULES": lambda v: any(is_of(owner, wanted) for owner in owners for wanted in listed(v)),
        "KINDS": lambda v: any(set(listed(v)) & kinds(tensor, name, owner) for name, owner in pairs),
        "NDIM": lambda v: tensor.ndim in listed(v),
        "MARKED": lambda _: getattr(tensor, "no_weight_decay", False) or getattr(tensor, "_no_weight_decay", False),
        "EXCEPT": lambda v: not matches(v, model, tensor, names),
    }
    return all(tests[key](value) for key, value in where.items())


def expected(model: nn.Module, rules: dict[str, Any]) -> dict[str, list[Any]]:
    """By name rate, decay, eps and rules of each parameter."""
    names_of: dict[int, list[str]] = {}
    for name, tensor in model.named_parameters(remove_duplicate=False):
        names_of.setdefault(id(tensor), []).append(name)
    found = {}
    for name, tensor in model.named_parameters():
        hit = [key for key, rule in rules.items() if matches(rule["WHERE"], model, tensor, names_of[id(tensor)])]
        settings = {"LEARNING_RATE": 1.0, "WEIGHT_DECAY": 0.25, "EPS": 1e-8, "LR_MULT": 1.0, "WEIGHT_DECAY_MULT": 1.0}
        for key in hit:
            for setting, value in rules[key]["SET"].items():
                settings[setting] = settings[setting] * value if setting.endswith("_MULT") else value
        rate = settings["LEARNING_RATE"] * settings["LR_MULT"]
        found[name] = [rate, settings["WEIGHT_DECAY"] * settings["WEIGHT_DECAY_MULT"], settings["EPS"], hit]
    return found


def compare(seed: int) -> None:
    rng = random.Random(seed)
    model, rules = make_model(rng), make_rules(rng)
    node = {"NAME": "AdamW", "LEARNING_RATE": 1.0, "WEIGHT_DECAY": 0.25, "EPS": 1e-8, "PARAM_GROUPS": rules}
    right = expected(model, rules)
    if not any(tensor.requires_grad for tensor in model.parameters()):
        with pytest.raises(ConfigError, match="parameters are frozen"):
            scepter_opt.build_optimizer(model, node)
        return
    optimizer = scepter_opt.build_optimizer(model, node)
    found = {}
    for group in optimizer.param_groups:
        for name in group["param_names"]:
            assert right[name][3] in group["rules"]
            found[name] = [group["lr"], group["weight_decay"], group["eps"], right[name][3]]
    assert found == {name: [*map(pytest.approx, values[:3]), values[3]] for name, values in right.items()}
    assert [row.rules for row in scepter_opt.plan(node, model)] == [tuple(values[3]) for values in right.values()]


@pytest.mark.parametrize("block", range(4))
def test_random_models_get_what_the_documentation_says(block: int) -> None:
    for seed in range(25 * block, 25 * block + 25):
        compare(seed)


@pytest.mark.long
def test_two_thousand_random_models_get_what_the_documentation_says() -> None:
    for seed in range(2000):
        compare(seed)
