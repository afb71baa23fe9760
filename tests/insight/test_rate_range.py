"""A learning-rate range test tries rates in any loop, and leaves nothing behind."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError, find_lr
from tests.checkpoint.test_snapshot import random_numbers, told_of
from tests.support import OPTIMIZERS, make_loss, make_model, optimizer_node

ROWS = torch.linspace(-1, 1, 32).reshape(8, 4)
HEAD = {"head": {"WHERE": {"NAMES": "2"}, "SET": {"LR_MULT": 10}}}


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))


def stepping(model: nn.Module, optimizer: Any) -> Callable[[], torch.Tensor]:
    def train_step() -> torch.Tensor:
        optimizer.zero_grad()
        loss: torch.Tensor = (model(ROWS) - 1).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
        optimizer.step()
        return loss

    return train_step


@pytest.mark.parametrize(("name", "before"), [("AdamW", 0), ("LBFGS", 0), *((name, 2) for name in OPTIMIZERS)])
def test_everything_is_as_it_was(name: str, before: int) -> None:
    model = make_model(name)
    optimizer = scepter_opt.build_optimizer(model, optimizer_node(name))
    closure = make_loss(model)
    for _ in range(before):
        optimizer.step(closure)
    was = told_of(model), told_of(optimizer), torch.get_rng_state().tolist()
    found = find_lr(model, optimizer, lambda: optimizer.step(closure), steps=20)
    assert len(found.rates) > 1
    assert (told_of(model), told_of(optimizer), torch.get_rng_state().tolist()) == was


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt], ids=["an error", "Ctrl-C"])
def test_a_test_that_is_broken_off_leaves_nothing_either(error: type[BaseException]) -> None:
    model = net()
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "AdamW"})
    train_step, calls = stepping(model, optimizer), []

    def broken() -> Any:
        calls.append(random_numbers())
        loss = train_step()
        model.eval()
        if len(calls) == 5:
            raise error
        return loss

    was, first = (told_of(model), told_of(optimizer)), []
    for _ in range(2):
        calls.clear()
        with pytest.raises(error):
            find_lr(model, optimizer, broken)
        assert (told_of(model), told_of(optimizer)) == was
        first.append(calls[0])
    assert first[0] == first[1]


def test_each_group_has_its_share_of_rates_that_grow_by_one_factor() -> None:
    model = net()
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "SGD", "LEARNING_RATE": 0.02, "PARAM_GROUPS": HEAD})
    seen = []

    def train_step() -> float:
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        return 1.0

    found = find_lr(model, optimizer, train_step, start=1e-4, end=1.0, steps=41)
    assert [rate for rate, _ in seen] == pytest.approx([10 ** (-4 + i / 10) for i in range(41)])
    assert [head / rate for rate, head in seen] == pytest.approx([10.0] * 41)
    assert found.rates == [rate for rate, _ in seen]
    assert found.shares == {"default": 1.0, "head": 10.0}
    assert found.keys == {"LEARNING_RATE": 1.0}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"NAME": "AdamW", "LR_SCALING": {"BATCH_SIZE": 512}}, {"LEARNING_RATE": 1.0}),
        (
            {
                "NAME": "Hybrid",
                "OPTIMIZERS": {
                    "muon": {"NAME": "Muon", "LEARNING_RATE": 0.02},
                    "adamw": {"NAME": "AdamW", "LEARNING_RATE": 0.001, "LR_SCALING": {"BATCH_SIZE": 512}},
                },
                "DEFAULT": "adamw",
                "PARAM_GROUPS": {"hidden": {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "muon"}}},
            },
            {"OPTIMIZERS.muon.LEARNING_RATE": 20.0, "OPTIMIZERS.adamw.LEARNING_RATE": 1.0},
        ),
    ],
    ids=["LR_SCALING", "Hybrid"],
)
def test_the_suggestion_is_what_the_node_says(node: dict[str, Any], expected: dict[str, float]) -> None:
    model = net()
    optimizer = scepter_opt.build_optimizer(model, node)
    train_step = stepping(model, optimizer)
    found = find_lr(model, optimizer, train_step)
    assert found.keys == pytest.approx(expected)
    assert found.suggestion is not None
    rates = dict(found.learning_rates)
    own = {name: value["LEARNING_RATE"] for name, value in node.get("OPTIMIZERS", {}).items()}
    for key, rate in rates.items():
        name = key.split(".")[1] if own else ""
        assert rate / found.suggestion == pytest.approx(own[name] / own["adamw"] if own else 1.0)
    # groups built with it have the rates that it says of groups
    keys: dict[str, Any] = {**node}
    if own:
        parts = {
            n: {**part, "LEARNING_RATE": rates[f"OPTIMIZERS.{n}.LEARNING_RATE"]}
            for n, part in node["OPTIMIZERS"].items()
        }
        keys["OPTIMIZERS"] = parts
    else:
        keys["LEARNING_RATE"] = rates["LEARNING_RATE"]
    again = scepter_opt.build_optimizer(net(), keys)
    assert {group["name"]: group["lr"] for group in again.param_groups} == pytest.approx(found.groups)


@pytest.mark.parametrize(
    ("rates", "default", "shares"),
    [([0.1, 0.4], 0.1, [1.0, 4.0]), ([0.2, 0.4], 0.1, [1.0, 2.0]), ([0.0, 0.4], 0.0, [0.0, 1.0])],
)
def test_of_an_optimizer_that_another_built_the_shares_are_of_a_rate_that_it_has(
    rates: list[float], default: float, shares: list[float]
) -> None:
    model = net()
    groups = [{"params": model[i].parameters(), "lr": rate} for i, rate in zip((0, 2), rates, strict=True)]  # type: ignore[index]  # a Sequential
    optimizer = torch.optim.SGD(groups, lr=default)
    found = find_lr(model, optimizer, stepping(model, optimizer))
    assert list(found.shares.values()) == pytest.approx(shares)
    assert list(found.shares) == ["0", "1"]
    assert found.keys == {}


def test_tensor_rates_stay_the_same_tensors() -> None:
    model = net()
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "AdamW", "TENSOR_LR": True, "LEARNING_RATE": 0.25})
    (group,) = optimizer.param_groups
    rate, train_step, seen = group["lr"], stepping(model, optimizer), []

    def watched() -> Any:
        seen.append((group["lr"] is rate, float(rate)))
        return train_step()

    found = find_lr(model, optimizer, watched)
    assert group["lr"] is rate
    assert float(rate) == 0.25
    assert all(same for same, _ in seen)
    assert [value for _, value in seen] == pytest.approx(list(found.rates))


LOSSES: dict[str, tuple[Callable[[int], float], int]] = {
    "nan": (lambda i: math.nan if i == 30 else 1.0, 31),
    "infinity": (lambda i: math.inf if i == 12 else 1.0, 13),
    "four times the least": (lambda i: 2.0 if i < 20 else 1e6, 21),
    "it never diverges": (lambda i: 2.0 - i / 100, 60),
    "negative, and rising": (lambda i: -3.0 if i < 25 else 40.0, 30),
    "small, and below the first": (lambda i: 1.0 if i < 10 else 1e-4 * (1 + i % 9), 60),
}


@pytest.mark.parametrize("case", LOSSES)
def test_it_ends_where_the_loss_diverges(case: str) -> None:
    loss, expected = LOSSES[case]
    model, calls = net(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)

    def train_step() -> float:
        optimizer.step()
        calls.append(1)
        return loss(len(calls) - 1)

    found = find_lr(model, optimizer, train_step, steps=60)
    assert len(found.losses) == expected
    assert found.diverged is (expected < 60)


def test_a_loop_with_a_scaler_goes_on_as_one_that_was_never_tried() -> None:
    def run(tried: bool) -> Any:
        model, scaler = net(), torch.amp.GradScaler("cpu", init_scale=1e38, growth_interval=3)
        optimizer = scepter_opt.build_optimizer(model, {"NAME": "AdamW", "LEARNING_RATE": 0.01})

        def train_step() -> Any:
            optimizer.zero_grad()
            loss = (model(ROWS) - 1).square().mean()
            scaler.scale(1e4 * loss).backward()
            scaler.step(optimizer)
            scaler.update()
            return loss

        train_step()  # an overflow, which is skipped
        if tried:
            find_lr(model, optimizer, train_step, scaler=scaler)
        for _ in range(8):
            train_step()
        return scaler.state_dict(), [p.tolist() for p in model.parameters()]

    assert repr(run(True)) == repr(run(False))


def test_what_else_a_step_changes_is_as_it_was_when_it_is_named() -> None:
    model = net()
    average = torch.optim.swa_utils.AveragedModel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    train_step = stepping(model, optimizer)

    def averaged() -> Any:
        loss = train_step()
        average.update_parameters(model)
        return loss

    was = told_of(average)
    find_lr({"net": model}, optimizer, averaged, also=average)
    assert told_of(average) == was
    find_lr([model], optimizer, averaged)
    assert told_of(average) != was


def test_a_suggestion_trains_better_than_rates_far_from_it() -> None:
    def loss_after(rate: float) -> float:
        model = net()
        optimizer = scepter_opt.build_optimizer(model, {"NAME": "Adam", "LEARNING_RATE": rate})
        train_step = stepping(model, optimizer)
        return [train_step().item() for _ in range(40)][-1]

    model = net()
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "Adam"})
    found = find_lr(model, optimizer, stepping(model, optimizer))
    assert found.suggestion is not None
    assert loss_after(found.suggestion) < min(loss_after(found.suggestion / 300), loss_after(found.suggestion * 300))


MISTAKES: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "no step": (lambda m, o: find_lr(m, o, lambda: 1.0), "train_step: makes no step of this SGD."),
    "no loss": (
        lambda m, o: find_lr(m, o, o.step),
        "returns the loss of its step, one number; this was None.",
    ),
    "several losses": (lambda m, o: find_lr(m, o, lambda: o.step() or torch.ones(2)), "Return its mean."),
    "a mapping": (lambda m, o: find_lr(m, o, lambda: o.step() or {"loss": 1}), "one number; this was {'loss': 1}."),
    "no batch": (lambda m, o: find_lr(m, o, lambda _: 1.0, []), "data: has no batch."),
    "all skipped": (
        lambda m, o: find_lr(m, o, lambda: 1.0, scaler=torch.amp.GradScaler("cpu")),
        "train_step: the scaler skipped every step: its scale is too great.",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_step_that_is_none_is_refused(case: str) -> None:
    call, message = MISTAKES[case]
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    was = told_of(model), told_of(optimizer)
    with pytest.raises(ConfigError) as refused:
        call(model, optimizer)
    assert message in str(refused.value)
    assert (told_of(model), told_of(optimizer)) == was
