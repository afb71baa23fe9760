"""torch's schedulers with a state by name: they are torch's, read torch's states, and torch reads theirs."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from io import BytesIO
from typing import Any, get_type_hints

import pytest
import torch
from torch.optim import lr_scheduler
from torch.optim.swa_utils import SWALR

import scepter_opt
from scepter_opt import LR_SCHEDULERS, ConfigWarning
from scepter_opt.config.fields import Import, metadata
from scepter_opt.runtime.named_schedulers import by_name
from scepter_opt.schedules.record import KINDS
from tests.runtime.named_runs import FAST, NAMED, NODES, SLOW, Run, built, go, groups_of
from tests.support import TORCH_SCHEDULERS, by_hand, make_model, said, same

# They are torch's


@pytest.mark.parametrize("name", TORCH_SCHEDULERS)
def test_a_class_is_a_kind_of_torchs_under_its_name(name: str) -> None:
    torchs = getattr(lr_scheduler, name)
    cls = type(built(name, SLOW).scheduler)
    assert issubclass(cls, torchs)
    assert cls is by_name(torchs)
    assert cls.__name__ == cls.__qualname__ == name
    assert cls.__doc__ == f"torch's {name}, whose state finds its groups."


@pytest.mark.parametrize("name", ["SequentialLR", "ChainedScheduler"])
def test_the_parts_of_a_scheduler_are_by_name_too(name: str) -> None:
    parts = [type(part) for part in built(name, SLOW).scheduler._schedulers]
    assert parts == [
        by_name(getattr(lr_scheduler, NODES[name]["SCHEDULERS"][part]["NAME"])) for part in ("warmup", "decay")
    ]


def test_anybodys_own_class_is_as_it_is() -> None:
    class Own(lr_scheduler.StepLR):
        pass

    assert [by_name(cls) for cls in (Own, SWALR, lr_scheduler.LRScheduler)] == [Own, SWALR, lr_scheduler.LRScheduler]


@pytest.mark.parametrize("how", [copy.deepcopy, lambda scheduler: pickle.loads(pickle.dumps(scheduler))])
@pytest.mark.parametrize("name", NODES)
# torch's own: a part of SequentialLR that has not stepped looks for its mark on the step of the copied optimizer
@pytest.mark.filterwarnings("ignore:Seems like `optimizer.step:UserWarning")
def test_a_copy_is_of_the_class_and_goes_on_alone(name: str, how: Callable[[Any], Any]) -> None:
    scheduler = built(name, SLOW | FAST).scheduler
    go(scheduler, 3)
    before = copy.deepcopy(scheduler.state_dict())
    again = how(scheduler)
    assert type(again) is type(scheduler)
    assert same(again.state_dict(), before)
    rates = go(again, 10)
    assert same(scheduler.state_dict(), before)
    assert go(scheduler, 10) == rates


# States


@pytest.mark.parametrize("name", NODES)
def test_a_state_from_a_file_of_data_goes_on_and_is_not_changed_by_it(name: str) -> None:
    run = built(name, SLOW | FAST)
    go(run.scheduler, 3)
    file = BytesIO()
    torch.save((run.optimizer.state_dict(), run.scheduler.state_dict()), file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    assert same(saved[1], run.scheduler.state_dict())
    before = copy.deepcopy(saved[1])
    again = built(name, FAST | SLOW)
    again.optimizer.load_state_dict(saved[0])
    again.scheduler.load_state_dict(saved[1])
    go(run.scheduler, 10)
    go(again.scheduler, 10)
    assert again.settings() == run.settings()
    assert same(saved[1], before)


def torchs_own(name: str) -> Any:
    """torch's scheduler over torch's optimizer, with groups of one rate: it knows of no rates in proportion."""
    run = Run(NODES[name], NAMED)
    run.build_optimizer()
    groups = [{"params": group["params"]} for group in run.optimizer.param_groups]
    return by_hand(torch.optim.SGD(groups, lr=0.1, momentum=0.9), run.node)


def load(scheduler: Any, saved: Any) -> None:
    scheduler.optimizer.load_state_dict(copy.deepcopy(saved.optimizer.state_dict()))
    scheduler.load_state_dict(copy.deepcopy(saved.state_dict()))


@pytest.mark.parametrize("name", TORCH_SCHEDULERS)
def test_plain_torch_reads_our_states(name: str) -> None:
    ours, theirs = built(name, NAMED).scheduler, torchs_own(name)
    go(ours, 3)
    load(theirs, ours)
    assert theirs.get_last_lr() == ours.get_last_lr()
    assert go(theirs, 10) == go(ours, 10)


@pytest.mark.parametrize("name", TORCH_SCHEDULERS)
def test_we_read_torchs_states(name: str) -> None:
    ours, theirs = built(name, NAMED).scheduler, torchs_own(name)
    go(theirs, 3)
    load(ours, theirs)
    assert ours.get_last_lr() == theirs.get_last_lr()
    assert go(ours, 10) == go(theirs, 10)


@pytest.mark.parametrize("name", TORCH_SCHEDULERS)
def test_the_last_rates_of_torchs_states_are_read_before_the_optimizer_is_loaded(name: str) -> None:
    ours, theirs, saved = built(name, NAMED).scheduler, torchs_own(name), torchs_own(name)
    go(saved, 3)
    before = groups_of(ours.optimizer)
    for scheduler in (ours, theirs):
        scheduler.load_state_dict(copy.deepcopy(saved.state_dict()))
    assert groups_of(ours.optimizer) == before  # without groups in it a state is of the scheduler alone
    assert ours.get_last_lr() == theirs.get_last_lr() == saved.get_last_lr()


@pytest.mark.parametrize("name", TORCH_SCHEDULERS)
def test_a_state_that_went_through_plain_torch_goes_on(name: str) -> None:
    ours, theirs, again = built(name, NAMED).scheduler, torchs_own(name), built(name, NAMED).scheduler
    go(ours, 3)
    load(theirs, ours)
    go(theirs, 4)
    # torch keeps all that it was given, and saves it again: the groups in it are older than the rates
    load(again, theirs)
    assert go(again, 10) == go(theirs, 10)


# What is said

OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "ExponentialLR": ({"GAMMA": 0.5}, "the checkpoint's holds. GAMMA: configuration 0.5, checkpoint 0.9. To"),
    "SequentialLR": ({"MILESTONES": [5]}, "the checkpoint's holds. MILESTONES: configuration [5], checkpoint [4]. To"),
    "LinoPolyLR": ({"POWER": 1.0}, "the checkpoint's holds. POWER: configuration 1.0, checkpoint 2.0. To"),
    "PhasesLR": ({"FIRST_STEP": 1}, "the configuration's holds. FIRST_STEP: configuration 1, checkpoint 0. To"),
    "PlateauLR": ({"PATIENCE": 4}, "the configuration's holds. PATIENCE: configuration 4, checkpoint 1. To"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_schedule_is_said_once(name: str) -> None:
    keys, words = OTHERS[name]
    saving, run = built(name, SLOW), built(name, SLOW, **keys)
    go(saving.scheduler, 3)
    with said() as texts:
        run.load_scheduler(saving.saved())
    (text,) = texts
    assert text.startswith("lr_scheduler: the loaded state is of another schedule; ")
    assert words in text


@pytest.mark.parametrize("name", OTHERS)
def test_as_an_error_it_changes_nothing(name: str) -> None:
    saving, run = built(name, SLOW), built(name, SLOW, **OTHERS[name][0])
    go(saving.scheduler, 3)
    before = copy.deepcopy((run.scheduler.state_dict(), groups_of(run.optimizer)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConfigWarning, match="of another schedule"):
            run.load_scheduler(saving.saved())
    assert same((run.scheduler.state_dict(), groups_of(run.optimizer)), before)


def test_of_another_class_the_names_are_said() -> None:
    saving, run = built("StepLR", {}), built("ExponentialLR", {})
    with pytest.warns(ConfigWarning, match="NAME: configuration ExponentialLR, checkpoint StepLR"):
        run.load_scheduler(saving.saved())


@pytest.mark.parametrize("name", ["ChainedScheduler", "SequentialLR", "ExponentialLR", "LinearLR", "NoneLR"])
def test_a_total_from_which_nothing_is_made_is_no_other_schedule(name: str) -> None:
    with said():  # that a cosine of a sequence ends before its run
        first, second = (
            scepter_opt.build_lr_scheduler(torch.optim.SGD(make_model("SGD").parameters(), lr=0.1), NODES[name], total)
            for total in (100, 200)
        )
    with said() as texts:
        second.load_state_dict(first.state_dict())
    assert texts == []


# Of another class, or of another function, which torch does not save


def halved(position: int) -> float:
    return 0.5**position


def rates_after(name: str, saved: dict[str, Any], here: dict[str, Any]) -> tuple[float, list[float], str, Any]:
    """The rate at which one schedule was saved after 3 ticks, those of another that goes on, and what was said."""
    saving, run = built(name, {}, **saved), built(name, {}, **here)
    go(saving.scheduler, 3)
    run.load_optimizer(saving.saved())
    with said() as texts:
        run.load_scheduler(saving.saved())
    (text,) = texts
    (rate,) = saving.scheduler.get_last_lr()
    return rate, [rate for (rate,) in go(run.scheduler, 4)], text, run.scheduler


def test_another_function_is_the_configurations_and_what_is_said_and_kept_is_so_too() -> None:
    function = {"LR_LAMBDA": f"{__name__}.halved"}
    _, rates, text, scheduler = rates_after("LambdaLR", {}, function)
    assert rates == [0.1 * 0.5**position for position in range(4, 8)]
    assert f"the configuration's holds. LR_LAMBDA: configuration {__name__}.halved, checkpoint tests.support." in text
    assert (
        scheduler.built_from["node"]["LR_LAMBDA"]
        == scheduler.built_from["fitted"]["LR_LAMBDA"]
        == function["LR_LAMBDA"]
    )
    rate, rates, _, _ = rates_after("MultiplicativeLR", {}, function)
    assert rates == pytest.approx([rate * 0.5**4, rate * 0.5**9, rate * 0.5**15, rate * 0.5**22])


@pytest.mark.parametrize("function", [None, f"{__name__}.halved"])
def test_a_cycle_of_another_function_is_all_the_configurations(function: str | None) -> None:
    cycle = {"STEP_SIZE_UP": 2, "BASE_LR": 0.1, "MAX_LR": 0.5}
    other = f"{__name__}.halved" if function is None else None
    mode = {"MODE": "triangular2"} if function is None else {}
    theirs = {} if function is None else {"MODE": "exp_range", "GAMMA": 0.9}
    _, rates, text, scheduler = rates_after(
        "CyclicLR", {**cycle, **theirs, "SCALE_FN": other}, {**cycle, **mode, "SCALE_FN": function}
    )
    assert "the configuration's holds." in text
    # cycles of four ticks, each half as high as the one before, or by the cycle's number from 1
    heights = [0.4 * (0.5 if function else 1.0) * 0.5**number for number in range(2)]
    assert rates == pytest.approx([0.1, 0.1 + heights[1] / 2, 0.1 + heights[1], 0.1 + heights[1] / 2])
    assert scheduler.built_from["node"]["SCALE_FN"] == function


def test_of_parts_of_other_classes_the_place_is_taken_and_the_configuration_holds() -> None:
    exponentials = {"one": {"NAME": "ExponentialLR", "GAMMA": 0.5}, "two": {"NAME": "ExponentialLR", "GAMMA": 0.9}}
    for more in ({}, {"three": {"NAME": "ExponentialLR", "GAMMA": 0.1}}):
        node = {"SCHEDULERS": exponentials | more, "MILESTONES": [4, 6][: 1 + len(more)]}
        _, rates, text, _ = rates_after("SequentialLR", {}, node)
        # torch begins a part at its first rate
        assert rates == pytest.approx([0.1, 0.09, *((0.1, 0.01) if more else (0.081, 0.0729))])
        assert "the configuration's holds." in text


def test_parts_in_another_order_are_another_schedule() -> None:
    parts = {
        "up": {"NAME": "LinearLR", "START_FACTOR": 0.5, "TOTAL_ITERS": 4},
        "down": {"NAME": "ExponentialLR", "GAMMA": 0.9},
    }
    back = {"SCHEDULERS": dict(reversed(parts.items()))}
    rate, rates, text, scheduler = rates_after("ChainedScheduler", {"SCHEDULERS": parts}, back)
    assert "the configuration's holds. SCHEDULERS: configuration" in text
    assert rates == pytest.approx([rate * 0.9 / 0.875, *(rate * 0.9**n / 0.875 for n in (2, 3, 4))])
    assert list(scheduler.built_from["node"]["SCHEDULERS"]) == ["down", "up"]


def test_every_key_that_names_a_function_is_one_of_which_states_hold_nothing() -> None:
    named = {
        key
        for name in TORCH_SCHEDULERS
        for key, annotation in get_type_hints(LR_SCHEDULERS.entry(name).config, include_extras=True).items()
        if any(isinstance(mark, Import) for mark in metadata(annotation))
    }
    assert {"NAME", *named} == set(KINDS)
