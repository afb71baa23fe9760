"""FinishLR: from where any schedule stands, saved inside and resumed, the rates are those of a closed form."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from math import cos, pi, sqrt
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError, ConfigWarning, checkpoint
from scepter_opt.runtime.finish_lr import FinishLR
from tests.runtime.named_runs import FAST, NODES, ORDERS, REGROUPED, SLOW, Run, built, go
from tests.support import said, same

STOP, LENGTH = 6, 8
FINISH: dict[str, Any] = {"CURVE": "one_minus_sqrt", "TO": 0.0, "LENGTH": LENGTH}
CURVES: dict[str, tuple[dict[str, Any], Callable[[float, float], float]]] = {
    "one_minus_sqrt to 0": (FINISH, lambda f, x: f * (1 - sqrt(x))),
    "linear to a half": ({**FINISH, "CURVE": "linear", "TO": 0.5}, lambda f, x: f + (0.5 - f) * x),
    "cosine to a tenth": (
        {**FINISH, "CURVE": "cosine", "TO": 0.1},
        lambda f, x: 0.1 + (f - 0.1) * (1 + cos(pi * x)) / 2,
    ),
    "exponential to a hundredth": ({**FINISH, "CURVE": "exponential", "TO": 0.01}, lambda f, x: f * (0.01 / f) ** x),
}
pytestmark = pytest.mark.filterwarnings("ignore:.*lr_scheduler.step", "ignore:the schedule of", "ignore:the run of 14")


def finishing(name: str, rules: dict[str, Any], finish: dict[str, Any] = FINISH, **keys: Any) -> Run:
    """A run that is ended, of one of the NODES, with nothing built."""
    # the total of the schedule before is not that of the run that is ended
    return Run({**NODES[name], "TOTAL_STEPS": None, "FINISH": finish}, rules, **keys)


def stopped(name: str, rules: dict[str, Any] = SLOW | FAST) -> Run:
    run = built(name, rules)
    go(run.scheduler, STOP)
    return run


def loaded(run: Run, saved: Any, order: str = "built, then loaded") -> Run:
    for act in ORDERS[order]:
        act(run, saved)
    return run


def rates(run: Run) -> dict[str, float]:
    return {name: settings["lr"] for name, settings in run.settings().items()}


def bases(run: Run) -> dict[str, float]:
    return {name: settings.get("initial_lr", settings["lr"]) for name, settings in run.settings().items()}


# The rates


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("name", NODES)
def test_from_every_scheduler_the_rates_are_a_closed_form(name: str, curve: str) -> None:
    finish, form = CURVES[curve]
    saving = stopped(name)
    base, begun = bases(saving), rates(saving)
    run = loaded(finishing(name, SLOW | FAST, finish), saving.saved())
    assert rates(run) == begun
    assert run.scheduler.total_steps == STOP + LENGTH
    for k in range(1, LENGTH + 3):
        go(run.scheduler, 1)
        expected = {n: base[n] * form(begun[n] / base[n], min(1.0, k / LENGTH)) for n in base}
        assert rates(run) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ["PhasesLR", "CosineAnnealingLR", "OneCycleLR", "SequentialLR", "NoneLR"])
def test_the_order_of_building_and_loading_changes_nothing_before_it_begins_and_inside(name: str, order: str) -> None:
    saving = stopped(name)
    unbroken = loaded(finishing(name, SLOW | FAST), saving.saved())
    run = loaded(finishing(name, SLOW | FAST), saving.saved(), order)
    for _ in range(3):
        assert go(run.scheduler, 2) == go(unbroken.scheduler, 2)
        run = loaded(finishing(name, SLOW | FAST), run.saved(), order)
        assert run.settings() == unbroken.settings()
    assert go(run.scheduler, 4) == go(unbroken.scheduler, 4)


@pytest.mark.parametrize("case", REGROUPED)
@pytest.mark.parametrize("name", ["PhasesLR", "CosineAnnealingLR", "OneCycleLR", "NoneLR"])
def test_saved_inside_and_regrouped_every_parameter_goes_on(name: str, case: str) -> None:
    before, after = REGROUPED[case]
    unbroken = loaded(finishing(name, before), stopped(name, before).saved())
    go(unbroken.scheduler, 3)
    run = loaded(finishing(name, after), unbroken.saved())
    for _ in range(LENGTH):
        assert rates(run) == pytest.approx(rates(unbroken), rel=1e-12)
        go(run.scheduler, 1)
        go(unbroken.scheduler, 1)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda scheduler: pickle.loads(pickle.dumps(scheduler))])
def test_a_copy_goes_on_alone(how: Callable[[Any], Any]) -> None:
    run = loaded(finishing("PhasesLR", SLOW), stopped("PhasesLR", SLOW).saved())
    go(run.scheduler, 2)
    again = how(run.scheduler)
    before = copy.deepcopy(run.scheduler.state_dict())
    seen = go(again, 5)
    assert same(run.scheduler.state_dict(), before)
    assert go(run.scheduler, 5) == seen


def test_a_rate_that_is_a_tensor_stays_the_same_tensor() -> None:
    saving = built("PhasesLR", {})
    go(saving.scheduler, STOP)
    run = loaded(finishing("PhasesLR", {}, TENSOR_LR=True), saving.saved())
    (group,) = run.optimizer.param_groups
    tensor, before = group["lr"], float(group["lr"])
    go(run.scheduler, 2)
    assert group["lr"] is tensor
    assert float(tensor) == pytest.approx(before * 0.5, rel=1e-6)


def test_a_group_that_is_added_later_begins_where_it_is() -> None:
    run = loaded(finishing("PhasesLR", {}), stopped("PhasesLR", {}).saved())
    go(run.scheduler, 2)
    run.optimizer.add_param_group({"params": [torch.zeros(1, requires_grad=True)], "lr": 0.5})
    go(run.scheduler, 2)
    assert run.optimizer.param_groups[1]["lr"] == pytest.approx(0.5 * (1 - sqrt(4 / LENGTH)))


def test_groups_without_names_go_on_by_their_places() -> None:
    def made(node: dict[str, Any]) -> tuple[Any, Any]:
        groups = [{"params": [torch.zeros(2, requires_grad=True)], "lr": rate} for rate in (0.1, 0.3)]
        optimizer = torch.optim.SGD(groups)
        return optimizer, scepter_opt.build_lr_scheduler(optimizer, node)

    node = {"NAME": "ExponentialLR", "GAMMA": 0.5}
    first, second = made(node), made({**node, "FINISH": FINISH})
    go(first[1], 1)
    for one, other in ((first, second), (second, made({**node, "FINISH": FINISH}))):
        for item, each in zip(other, one, strict=True):
            item.load_state_dict(copy.deepcopy(each.state_dict()))
        go(other[1], 2)
        done = other[1].last_epoch - 1
        assert other[1].get_last_lr() == pytest.approx([0.05 * (1 - sqrt(done / 8)), 0.15 * (1 - sqrt(done / 8))])


# checkpoint


def restored(saving: Run, run: Run, **how: Any) -> Any:
    run.build_optimizer()
    run.build_scheduler()
    objects = {"model": saving.model, "optimizer": saving.optimizer, "scheduler": saving.scheduler}
    state = checkpoint.state(**objects, step=STOP)
    return checkpoint.restore(state, model=run.model, optimizer=run.optimizer, scheduler=run.scheduler, **how)


@pytest.mark.parametrize("name", NODES)
def test_a_checkpoint_is_ended_and_resumed_without_a_word_of_its_old_schedule(name: str) -> None:
    saving = stopped(name)
    run = finishing(name, SLOW | FAST)
    run.node = {**run.node, "FINISH": FINISH} | ({"GAMMA": 0.123} if name == "ExponentialLR" else {})
    assert restored(saving, run).same
    unbroken = loaded(finishing(name, SLOW | FAST), saving.saved())
    assert go(run.scheduler, 3) == go(unbroken.scheduler, 3)
    again = finishing(name, SLOW | FAST)
    again.node = run.node
    assert restored(run, again).same
    assert again.settings() == run.settings()
    assert go(again.scheduler, 6) == go(unbroken.scheduler, 6)


def test_a_rate_that_the_policy_changes_is_the_base_of_the_same_factors() -> None:
    saving = stopped("PhasesLR", {})
    factor = rates(saving)["0.weight"] / 0.1
    run = finishing("PhasesLR", {}, LEARNING_RATE=0.2)
    restored(saving, run, policy="config")
    go(run.scheduler, 2)
    assert rates(run)["0.weight"] == pytest.approx(0.2 * factor * 0.5)
    again = finishing("PhasesLR", {}, LEARNING_RATE=0.4)
    restored(run, again, policy="config")
    assert rates(again)["0.weight"] == pytest.approx(0.4 * factor * 0.5)


def test_another_finish_is_a_difference_that_a_policy_decides() -> None:
    saving = loaded(finishing("PhasesLR", {}), stopped("PhasesLR", {}).saved())
    begun = rates(saving)["0.weight"]
    go(saving.scheduler, 2)
    longer = {**FINISH, "LENGTH": 2 * LENGTH}
    with pytest.raises(ConfigError, match=r"FINISH.LENGTH = 16: the checkpoint has 8"):
        restored(saving, finishing("PhasesLR", {}, longer))
    for policy, share in (("config", 2 / 16), ("checkpoint", 2 / 8)):
        run = finishing("PhasesLR", {}, longer)
        restored(saving, run, policy=policy)
        assert rates(run)["0.weight"] == pytest.approx(begun * (1 - sqrt(share)))


@pytest.mark.parametrize("name", ["PhasesLR", "CosineAnnealingLR", "SequentialLR", "ReduceLROnPlateau"])
def test_without_one_here_a_policy_takes_the_checkpoints_or_goes_back_to_the_schedule(name: str) -> None:
    saving = loaded(finishing(name, {}), stopped(name, {}).saved())
    go(saving.scheduler, 2)
    with pytest.raises(ConfigError, match=r"FINISH = None: the checkpoint has \{"):
        restored(saving, Run(NODES[name], {}))
    run = Run(NODES[name], {})
    restored(saving, run, policy="checkpoint")
    assert isinstance(run.scheduler, FinishLR)
    assert go(run.scheduler, 3) == go(saving.scheduler, 3)
    back = Run(NODES[name], {})
    restored(saving, back, policy="config")
    there = built(name, {})
    go(there.scheduler, STOP + 2)
    assert back.scheduler.last_epoch == STOP + 5
    assert not isinstance(back.scheduler, FinishLR)


# What cannot be


def test_a_total_that_is_not_its_end_is_refused_before_anything_changes() -> None:
    saving = stopped("StepLR", {})
    run = finishing("StepLR", {}, {**FINISH, "LENGTH": "25%"})
    run.build_optimizer()
    run.scheduler = scepter_opt.build_lr_scheduler(run.optimizer, run.node, total_steps=100)
    before = copy.deepcopy((run.scheduler.state_dict(), run.settings()))
    words = r"lr_scheduler.TOTAL_STEPS = 100: FINISH begins after 6 ticks and takes 2, so the run ends at 8: give that"
    with pytest.raises(ConfigError, match=words):
        run.load_scheduler(saving.saved())
    state = checkpoint.state(model=saving.model, optimizer=saving.optimizer, scheduler=saving.scheduler, step=STOP)
    with pytest.raises(ConfigError, match=words):
        checkpoint.restore(state, model=run.model, optimizer=run.optimizer, scheduler=run.scheduler)
    assert same((run.scheduler.state_dict(), run.settings()), before)


def test_a_checkpoint_from_after_at_is_refused_and_one_from_before_goes_on_to_it() -> None:
    saving = stopped("ExponentialLR", {})
    with pytest.raises(ConfigError, match=r"FINISH.AT = 4: the checkpoint stands after it, at tick 6: leave AT out"):
        restored(saving, finishing("ExponentialLR", {}, {**FINISH, "AT": 4}))
    run = finishing("ExponentialLR", {}, {**FINISH, "AT": 9})
    assert restored(saving, run).same
    again = finishing("ExponentialLR", {}, {**FINISH, "AT": 9})
    loaded(again, run.saved())
    seen = [rate for (rate,) in go(again.scheduler, 5)]
    begun = 0.1 * 0.9**9
    assert seen == pytest.approx([0.1 * 0.9**7, 0.1 * 0.9**8, begun, begun * (1 - sqrt(1 / 8)), begun * 0.5])


def test_an_end_that_the_groups_cannot_come_to_is_refused_at_the_first_tick() -> None:
    saving = built("WarmupToConstantLR", {})
    run = loaded(finishing("WarmupToConstantLR", {}, CURVES["exponential to a hundredth"][0]), saving.saved())
    before = run.settings()
    with pytest.raises(ConfigError, match=r"lr_scheduler.FINISH.CURVE = 'exponential': never leaves 0, and there"):
        run.scheduler.step()
    assert run.settings() == before


def test_under_plain_torch_another_finish_is_said_and_the_configurations_holds() -> None:
    saving = loaded(finishing("PhasesLR", {}), stopped("PhasesLR", {}).saved())
    go(saving.scheduler, 2)
    run = finishing("PhasesLR", {}, {**FINISH, "CURVE": "linear"})
    with pytest.warns(ConfigWarning, match=r"the configuration's holds. FINISH.CURVE: configuration linear, checkp"):
        loaded(run, saving.saved())
    for name in ("PhasesLR", "CosineAnnealingLR", "NoneLR", "SequentialLR", "ReduceLROnPlateau"):
        inside = loaded(finishing(name, {}), stopped(name, {}).saved())
        go(inside.scheduler, 2)
        with said() as texts:
            plain = loaded(Run(NODES[name], {}), inside.saved())
        assert len(texts) == 1
        assert "the configuration's holds. FINISH" in texts[0]
        assert plain.scheduler.last_epoch == STOP + 2
        go(plain.scheduler, 1)


def test_after_its_end_the_last_rates_hold_and_that_is_said_once() -> None:
    run = loaded(finishing("PhasesLR", {}, {**FINISH, "LENGTH": 2, "TO": 0.5}), stopped("PhasesLR", {}).saved())
    go(run.scheduler, 2)
    with pytest.warns(UserWarning, match="the run of 8 ticks is over: its last rates hold"):
        go(run.scheduler, 1)
    assert go(run.scheduler, 2) == [[0.05], [0.05]]


def test_a_driver_ticks_it_and_passes_metrics_on() -> None:
    node = {"NAME": "ReduceLROnPlateau", "MONITOR": "loss", "INTERVAL": "step", "FINISH": {**FINISH, "AT": 2}}
    optimizer = torch.optim.SGD(nn.Linear(2, 1).parameters(), lr=0.1)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, node)
    driver = scepter_opt.Driver(scheduler, node)
    for _ in range(4):
        optimizer.step()
        driver.step({"loss": 1.0})
    assert scheduler.get_last_lr() == pytest.approx([0.1 * 0.5])
