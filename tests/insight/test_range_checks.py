"""What cannot be given to a learning-rate range test is refused, all of it at once, and nothing was touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError, find_lr

BATCHES = [torch.ones(1, 2)]


def net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Linear(2, 1)


def never(*_: Any) -> float:
    raise AssertionError("no step is to be made")


def refused(*positional: Any, **keywords: Any) -> list[str]:
    with pytest.raises(ConfigError) as error:
        find_lr(*positional, **keywords)
    return [str(problem) for problem in error.value.problems]


NUMBERS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "start 0": ({"start": 0}, ["start = 0: must be above 0: rates grow by a factor."]),
    "start after end": ({"start": 1, "end": 0.1}, ["end = 0.1: must be above `start`, which is 1."]),
    "start is end": ({"start": 1, "end": 1}, ["end = 1: must be above `start`, which is 1."]),
    "texts": ({"start": "1e-7", "end": None}, ["start = '1e-7': must be a number.", "end = None: must be a number."]),
    "infinite": ({"end": float("inf")}, ["end = inf: must be a number."]),
    "few steps": ({"steps": 5}, ["steps = 5: must be a whole number of at least 20: so many rates are tried."]),
    "no whole steps": (
        {"steps": 1e2},
        ["steps = 100.0: must be a whole number of at least 20: so many rates are tried."],
    ),
    "smoothing": ({"smoothing": 1}, ["smoothing = 1: must be at least 0 and below 1."]),
    "diverged": ({"diverged": 1}, ["diverged = 1: must be above 1: so many times the least loss is too much."]),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_are_checked(case: str) -> None:
    keywords, expected = NUMBERS[case]
    model = net()
    assert refused(model, torch.optim.SGD(model.parameters(), lr=0.1), never, **keywords) == expected


OBJECTS: dict[str, tuple[Callable[[Any, Any], list[str]], list[str]]] = {
    "no model": (
        lambda _, o: refused("net", o, never),
        ["model: must be the module that is trained, or several; not a str."],
    ),
    "no optimizer": (
        lambda m, _: refused(m, m, never),
        ["optimizer: must be an optimizer of torch's kind; not a Linear."],
    ),
    "no function": (
        lambda m, o: refused(m, o, 3.0),
        ["train_step = 3.0: must be a function that makes one step and returns its loss."],
    ),
    "a batch of nothing": (
        lambda m, o: refused(m, o, lambda batch: batch),
        ["train_step: takes an argument, and there is no `data` to give it."],
    ),
    "a batch too many": (
        lambda m, o: refused(m, o, lambda: 1.0, BATCHES),
        ["train_step: takes no batch of `data`."],
    ),
    "an iterator": (
        lambda m, o: refused(m, o, never, iter(BATCHES)),
        ["data: a list_iterator cannot be rewound: give what it goes through, such as the DataLoader."],
    ),
    "a number of batches": (
        lambda m, o: refused(m, o, never, 10),
        ["data: must have batches to go through, as a DataLoader has; not a int."],
    ),
    "another scaler": (
        lambda m, o: refused(m, o, never, scaler=o),
        ["scaler: must be the GradScaler of the loop; not a SGD."],
    ),
    "nothing to keep": (
        lambda m, o: refused(m, o, never, also=[m, 3]),
        ["also[1] = 3: has nothing that a step could change."],
    ),
    "another model": (
        lambda _, o: refused(net(1), o, never),
        [
            (
                "model: has not all that the optimizer trains: not a tensor of the shape (1, 2) and 1 more. "
                "Several can be given in a list."
            )
        ],
    ),
}


@pytest.mark.parametrize("case", OBJECTS)
def test_objects_are_checked(case: str) -> None:
    call, expected = OBJECTS[case]
    model = net()
    assert call(model, torch.optim.SGD(model.parameters(), lr=0.1)) == expected


def test_parameters_that_have_names_are_named() -> None:
    model = nn.Sequential(net(), net(1))
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "SGD"})
    (problem,) = refused(model[0], optimizer, never)
    assert "not 1.weight and 1 more." in problem


@pytest.mark.parametrize("make", ["StepLR", "ReduceLROnPlateau", "PhasesLR"])
def test_an_optimizer_with_a_scheduler_is_refused_until_that_is_gone(make: str) -> None:
    model = net()
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "SGD"})
    phases = {"NAME": "PhasesLR", "PHASES": {"decay": {"CURVE": "linear", "TO": 0}}}
    scheduler: Any = (
        scepter_opt.build_lr_scheduler(optimizer, phases, total_steps=10)
        if make == "PhasesLR"
        else torch.optim.lr_scheduler.StepLR(optimizer, 3)
        if make == "StepLR"
        else torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    )
    state = repr(scheduler.state_dict())
    (problem,) = refused(model, optimizer, never)
    assert problem == (
        f"optimizer: a {type(scheduler).__name__} is attached to it, which would write rates of its own: find the rate "
        "before the scheduler is built, or let go of it (del scheduler)."
    )
    assert repr(scheduler.state_dict()) == state
    del scheduler

    def train_step() -> float:
        optimizer.step()
        return 1.0

    assert len(find_lr(model, optimizer, train_step, steps=20).rates) == 20


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([{"lr": 0.0}], "optimizer: has the rate 0 in all groups, which have no proportions then."),
        ([{"name": "body"}, {"name": "head", "lr": 1.0}], "optimizer: has no learning rate, `lr`, in the group body."),
    ],
)
def test_groups_without_a_rate_are_refused(groups: list[dict[str, Any]], expected: str) -> None:
    model = nn.Sequential(*(net() for _ in groups))
    given = [{"params": part.parameters(), **group} for part, group in zip(model, groups, strict=True)]
    optimizer = torch.optim.SGD(given, lr=0.1)
    for own, group in zip(optimizer.param_groups, groups, strict=True):
        if "lr" not in group:
            del own["lr"]
    assert refused(model, optimizer, never) == [expected]


def test_lazy_parameters_are_to_be_made_first() -> None:
    model = nn.Sequential(nn.LazyLinear(2), net())
    optimizer = torch.optim.SGD(model[1].parameters(), lr=0.1)
    assert refused(model, optimizer, never) == ["model: has lazy parameters: call it once, so that they are there."]


def test_all_problems_come_at_once() -> None:
    assert len(refused("net", "optimizer", "step", 5, start=-1, steps=0)) == 6
