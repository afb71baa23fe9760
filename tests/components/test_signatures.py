from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

import scepter_opt
from scepter_opt import LR_SCHEDULERS, OPTIMIZERS, ConfigError
from scepter_opt.components.signatures import parameters_of


class Base(torch.optim.Optimizer):
    """As the base classes of other packages: `defaults` is for a subclass to give."""

    def __init__(self, params: Any, defaults: Any, *, maximize: bool = False, **kwargs: Any) -> None:
        super().__init__(params, defaults)
        self.maximize = maximize
        assert not kwargs


class Lion(Base):
    def __init__(self, params: Any, lr: float = 1e-3, weight_decay: float = 0.0, **kwargs: Any) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay}, **kwargs)

    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # as others write it
        """Nothing."""


class Fixed(Lion):
    """Gives its base a keyword that nobody else can then give."""

    def __init__(self, params: Any, *, rate: float, **kwargs: Any) -> None:
        Lion.__init__(self, params, rate, maximize=True, **kwargs)


class Through(Base):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


def build(cls: Any, **keys: Any) -> Any:
    OPTIMIZERS.register_class()(cls)
    return scepter_opt.build_optimizer(nn.Linear(2, 1), {"NAME": cls.__name__, **keys})


def test_what_a_class_gives_its_base_is_no_key() -> None:
    assert list(parameters_of(Lion)) == ["maximize", "lr", "weight_decay"]
    assert build(Lion).param_groups[0]["lr"] == Lion(nn.Linear(2, 1).parameters()).param_groups[0]["lr"]
    optimizer = build(Lion, LEARNING_RATE=0.5, MAXIMIZE=True)
    assert (optimizer.param_groups[0]["lr"], optimizer.maximize) == (0.5, True)


def test_what_is_given_by_position_or_by_name_is_no_key_of_a_deeper_base_either() -> None:
    assert list(parameters_of(Fixed)) == ["weight_decay", "rate"]
    optimizer = build(Fixed, RATE=0.25)
    assert (optimizer.param_groups[0]["lr"], optimizer.maximize) == (0.25, True)
    with pytest.raises(ConfigError, match=r"optimizer.RATE: is required"):
        build(Fixed)


def test_a_class_that_hands_all_through_has_its_bases_required_keys() -> None:
    class Rated(torch.optim.SGD):
        def __init__(self, params: Any, lr: float, **kwargs: Any) -> None:
            super().__init__(params, lr, **kwargs)

    class Mine(Rated):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)

    assert build(Mine, LEARNING_RATE=0.25, MOMENTUM=0.5).param_groups[0]["lr"] == 0.25
    with pytest.raises(ConfigError, match=r"optimizer.LEARNING_RATE: is required"):
        build(Mine)


@pytest.mark.parametrize("keyword", ["learning_rate", "min_learning_rate", "decoupled_learning_rate", "lr", "alpha_lr"])
def test_keywords_of_rates_reach_the_class_under_its_own_name(keyword: str) -> None:
    seen: list[dict[str, Any]] = []

    class Rate(torch.optim.SGD):
        def __init__(self, params: Any, other: int = 1, **keywords: Any) -> None:
            seen.append(keywords)
            super().__init__(params, lr=keywords.get("learning_rate", 0.1))

    names = f"self, params, {keyword}: float = 0.25"
    scope: dict[str, Any] = {"super_init": Rate.__init__, "Any": Any}
    exec(f"def __init__({names}):\n    super_init(self, params, {keyword}={keyword})", scope)
    cls = type("Rated", (Rate,), {"__init__": scope["__init__"], "__module__": __name__})
    key = "LEARNING_RATE" if keyword in ("lr", "learning_rate") else keyword.upper()
    build(cls, **{key: 0.5})
    assert seen == [{keyword: 0.5}]


def test_learning_rate_is_lr_in_a_group() -> None:
    class Spelt(torch.optim.SGD):
        def __init__(self, params: Any, learning_rate: float = 0.1) -> None:
            super().__init__(params, lr=learning_rate)

    rules = {"r": {"WHERE": {"NAMES": "bias"}, "SET": {"LR_MULT": 0.5}}}
    optimizer = build(Spelt, LEARNING_RATE=2.0, PARAM_GROUPS=rules)
    assert [(group["lr"], "learning_rate" in group) for group in optimizer.param_groups] == [(2.0, False), (1.0, False)]


def test_a_rate_of_none_is_the_classes_to_find() -> None:
    class Adafactor(torch.optim.SGD):
        def __init__(self, params: Any, lr: float | None = None) -> None:
            super().__init__(params, lr=0.1)
            for group in self.param_groups:
                group["lr"] = lr

    OPTIMIZERS.register_class(name="RateOfNone")(Adafactor)
    for keys in ({}, {"TENSOR_LR": True}, {"LR_SCALING": {"BATCH_SIZE": 512}}):
        optimizer = scepter_opt.build_optimizer(nn.Linear(2, 1), {"NAME": "RateOfNone", **keys})
        assert optimizer.param_groups[0]["lr"] is None
    rules = {"r": {"WHERE": {"NAMES": "bias"}, "SET": {"LR_MULT": 0.5}}}
    with pytest.raises(ConfigError, match=r"PARAM_GROUPS.r.SET.LR_MULT = 0.5: RateOfNone has no LEARNING_RATE"):
        scepter_opt.build_optimizer(nn.Linear(2, 1), {"NAME": "RateOfNone", "PARAM_GROUPS": rules})
    optimizer = scepter_opt.build_optimizer(nn.Linear(2, 1), {"NAME": "RateOfNone"})
    phases = {"NAME": "PhasesLR", "PHASES": {"decay": {"CURVE": "linear", "FROM": 1, "TO": 0}}}
    for node in ({"NAME": "StepLR", "STEP_SIZE": 2}, {"NAME": "CosineAnnealingLR"}, phases):
        with pytest.raises(ConfigError, match=r"lr_scheduler: the optimizer finds its rate itself"):
            scepter_opt.build_lr_scheduler(optimizer, node, total_steps=4)
    scepter_opt.build_lr_scheduler(optimizer, {"NAME": "NoneLR"}, total_steps=4)


def named(keyword: str, base: Any) -> Any:
    scope: dict[str, Any] = {}
    exec(f"def __init__(self, first, {keyword}: int = 3):\n    self.seen = {keyword}", scope)
    return type("Colliding", (base,), {"__init__": scope["__init__"], "__module__": __name__})


@pytest.mark.parametrize(
    ("registry", "base", "keyword", "key"),
    [
        (LR_SCHEDULERS, LRScheduler, "frequency", "FREQUENCY"),
        (LR_SCHEDULERS, LRScheduler, "interval", "INTERVAL"),
        (LR_SCHEDULERS, LRScheduler, "monitor", "MONITOR"),
        (LR_SCHEDULERS, LRScheduler, "name", "NAME"),
        (OPTIMIZERS, torch.optim.SGD, "name", "NAME"),
        (OPTIMIZERS, torch.optim.SGD, "only", "ONLY"),
        (OPTIMIZERS, torch.optim.SGD, "implementation", "IMPLEMENTATION"),
    ],
)
def test_a_keyword_that_collides_with_a_key_of_ours_is_refused_at_registration(
    registry: Any, base: Any, keyword: str, key: str
) -> None:
    both = rf"Colliding.{keyword}: `{keyword}` of its constructor and this package's {key} \(.*\) are two"
    with pytest.raises(ConfigError, match=both):
        registry.register_class()(named(keyword, base))
    assert not registry.has("Colliding")


def test_two_keywords_of_one_key_are_refused_at_registration() -> None:
    class Two(torch.optim.SGD):
        def __init__(self, params: Any, lr: float = 0.1, learning_rate: float = 0.2) -> None:
            super().__init__(params, lr)

    with pytest.raises(ConfigError, match="another keyword has the key LEARNING_RATE too"):
        OPTIMIZERS.register_class()(Two)


def test_defaults_that_can_be_changed_are_the_classes_own_until_the_config_says_otherwise() -> None:
    seen: list[Any] = []
    own: tuple[Any, ...] = ({"a": 1}, {"x", "y"}, [1, 2], frozenset({3}))

    class Loose(torch.optim.SGD):
        def __init__(self, params: Any, d: Any = own[0], s: Any = own[1], li: Any = own[2], f: Any = own[3]) -> None:
            seen.append((d, s, li, f))
            super().__init__(params, lr=0.1)

    build(Loose)
    build(Loose, D={"b": 2}, S=["z"], F=[4])
    assert seen == [own, ({"b": 2}, {"z"}, [1, 2], frozenset({4}))]
    node = OmegaConf.structured(Loose.Config)  # type: ignore[attr-defined]  # given by the registry
    assert (dict(node.D), list(node.S)) == ({"a": 1}, ["x", "y"])
    assert "D: {a: 1}" in OPTIMIZERS.get_config_template("Loose").replace("\n  a: 1", " {a: 1}")


def linear(required: bool) -> type[LRScheduler]:
    def init(self: Any, optimizer: Any, total_steps: Any, last_epoch: int = -1) -> None:
        self.total = total_steps
        LRScheduler.__init__(self, optimizer, last_epoch)

    def rates(self: Any) -> Any:
        return [base * max(0.0, 1 - self.last_epoch / self.total) for base in self.base_lrs]

    optional: Callable[..., None] = lambda self, optimizer, total_steps=8, last_epoch=-1: init(  # noqa: E731
        self, optimizer, total_steps, last_epoch
    )
    names = {"__init__": init if required else optional, "get_lr": rates, "__module__": __name__}
    return type("Falling", (LRScheduler,), names)


@pytest.mark.parametrize("required", [True, False])
def test_total_steps_is_filled_from_the_call(required: bool) -> None:
    LR_SCHEDULERS.register_class()(linear(required))
    optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
    built: Any = scepter_opt.build_lr_scheduler(optimizer, {"NAME": "Falling"}, total_steps=20)
    assert built.total == 20
    built = scepter_opt.build_lr_scheduler(optimizer, {"NAME": "Falling", "TOTAL_STEPS": 5})
    assert built.total == 5
    with pytest.raises(ConfigError, match=r"TOTAL_STEPS = 5: the call's total_steps makes 20"):
        scepter_opt.build_lr_scheduler(optimizer, {"NAME": "Falling", "TOTAL_STEPS": 5}, total_steps=20)
    if required:
        with pytest.raises(ConfigError, match=r"lr_scheduler.TOTAL_STEPS: is needed"):
            scepter_opt.build_lr_scheduler(optimizer, {"NAME": "Falling"})
    else:
        built = scepter_opt.build_lr_scheduler(optimizer, {"NAME": "Falling"})
        assert built.total == 8


def test_a_subclass_of_one_cycle_takes_epochs_or_the_calls_total() -> None:
    class MyCycle(torch.optim.lr_scheduler.OneCycleLR):
        pass

    LR_SCHEDULERS.register_class()(MyCycle)
    keys = {"NAME": "MyCycle", "MAX_LR": 1.0, "CYCLE_MOMENTUM": False}
    epochs = {"EPOCHS": 3, "STEPS_PER_EPOCH": 10}

    def total(node: Any, **call: Any) -> Any:
        optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)
        scheduler: Any = scepter_opt.build_lr_scheduler(optimizer, {**keys, **node}, **call)
        return scheduler.total_steps

    assert [total({}, total_steps=20), total(epochs), total(epochs, total_steps=30)] == [20, 30, 30]
    with pytest.raises(ConfigError, match=r"TOTAL_STEPS = 30: the call's total_steps makes 20"):
        total(epochs, total_steps=20)
    with pytest.raises(ConfigError, match=r"TOTAL_STEPS = 7: EPOCHS and STEPS_PER_EPOCH make 30"):
        total({**epochs, "TOTAL_STEPS": 7})
