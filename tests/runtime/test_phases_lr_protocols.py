"""PhasesLR in torch's protocols, and the lengths of its runs."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import pytest
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

import scepter_opt
from scepter_opt import ConfigError, ConfigWarning
from tests.runtime.phase_schedulers import FACTORS, NODE, REST, RISE, WARMUP, build, column, go, group, sgd
from tests.support import without_ours


class TestProtocols:
    def test_rates_are_right_for_any_position(self) -> None:
        scheduler = build(sgd(group(1.0)))
        for position in (11, 0, 5, 100, 3):
            scheduler.last_epoch = position
            assert scheduler.get_lr() == pytest.approx([FACTORS[min(position, 12)]])
        scheduler.last_epoch = 6
        go(scheduler, 1)
        assert scheduler.get_last_lr() == pytest.approx([0.7])

    def test_its_state_is_its_position_and_loading_writes_the_rates(self) -> None:
        first = build(sgd())
        go(first, 7)
        assert without_ours(first.state_dict()) == {"last_epoch": 7, "total_steps": 12}
        second = build(sgd())
        second.load_state_dict(first.state_dict())
        assert second.optimizer.param_groups[0]["lr"] == first.optimizer.param_groups[0]["lr"]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            second.step()

    @pytest.mark.parametrize(
        ("saved", "kind", "text"),
        [
            (dict, ConfigWarning, r"configuration's holds\. PHASES\.decay\.LENGTH: configuration 20, checkpoint 8; "),
            # a state from before it had what its schedule was built from
            (without_ours, UserWarning, "saved in a schedule of 12 ticks, and this one has 20: this one holds"),
        ],
    )
    def test_another_total_is_said_once_and_the_configs_curve_holds(
        self, saved: Any, kind: type[UserWarning], text: str
    ) -> None:
        first = build(sgd())
        go(first, 7)
        second = build(sgd(), PHASES={"decay": {"CURVE": "linear", "FROM": 1, "TO": 0, "LENGTH": 20}})
        with pytest.warns(kind, match=text) as caught:
            second.load_state_dict(saved(first.state_dict()))
        assert [warning.category for warning in caught] == [kind]
        assert second.get_last_lr() == pytest.approx([0.1 * 13 / 20])

    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
    def test_a_copy_goes_on_by_itself(self, copied: Any) -> None:
        scheduler = build(
            sgd(group(), group(name="head")), RULES={"head": {"half": {"CURVE": "constant", "TO": 0.5, "LENGTH": 2}}}
        )
        go(scheduler, 3)
        again = copied(scheduler)
        go(again, 4)
        assert scheduler.last_epoch == 3
        assert again.get_last_lr() == pytest.approx([0.07, 0.035])
        assert [g["lr"] for g in again.optimizer.param_groups] == again.get_last_lr()

    @pytest.mark.parametrize("first", [True, False])
    def test_it_stands_in_torchs_sequential(self, first: bool) -> None:
        def make() -> Any:
            optimizer = sgd(group(1.0))
            parts: list[Any] = [build(optimizer), CosineAnnealingLR(optimizer, 10)]
            if not first:
                parts = [LinearLR(optimizer, 0.5, total_iters=4), build(optimizer)]
            return SequentialLR(optimizer, parts, [4])

        seen = column(make(), 14)
        if first:
            assert seen[:4] == pytest.approx(FACTORS[:4])
        else:
            assert seen[:4] == pytest.approx([0.5, 0.625, 0.75, 0.875])
            assert seen[4:] == pytest.approx(FACTORS[:10])
        for stop in range(1, 14):
            whole = make()
            go(whole, stop)
            saved = copy.deepcopy((whole.optimizer.state_dict(), whole.state_dict()))
            again = make()
            again.optimizer.load_state_dict(saved[0])
            again.load_state_dict(saved[1])
            assert column(again, 14 - stop) == seen[stop:]

    def test_it_stands_in_a_sequential_node(self) -> None:
        node = {
            "NAME": "SequentialLR",
            "MILESTONES": [10],
            "SCHEDULERS": {
                "a": {"NAME": "ConstantLR", "FACTOR": 0.5, "TOTAL_ITERS": 10},
                "b": {"NAME": "PhasesLR", "PHASES": {"decay": {"CURVE": "linear", "FROM": 1, "TO": 0}}},
            },
        }
        shown = scepter_opt.preview(node, 20)["default"]
        assert list(shown[:12]) == pytest.approx([*[0.5] * 10, 1.0, 0.9])

    def test_a_position_can_be_given_as_torch_takes_it(self) -> None:
        scheduler = build(sgd(group(1.0)))
        scheduler.optimizer.step()
        with pytest.warns(UserWarning, match="epoch parameter"):
            scheduler.step(5)
        assert scheduler.get_last_lr() == pytest.approx([0.9])


class TestHorizon:
    def test_config_or_call_says_the_total(self) -> None:
        for total, keys in ((14, {}), (None, {"TOTAL_STEPS": 14}), (14, {"TOTAL_STEPS": 14.0})):
            scheduler = build(sgd(group(1.0)), total, **REST, **keys)
            go(scheduler, 9)
            assert scheduler.get_last_lr() == pytest.approx([0.5])
            assert scheduler.total_steps == 14

    def test_ticks_of_epochs(self) -> None:
        horizon = scepter_opt.Horizon(total_steps=1400, steps_per_epoch=50)
        scheduler = scepter_opt.build_lr_scheduler(
            sgd(), {**NODE, **REST, "INTERVAL": "epoch", "FREQUENCY": 2}, horizon
        )
        assert scheduler.total_steps == 14  # type: ignore[attr-defined]  # torch's type has none

    def test_a_longer_run_holds_and_a_shorter_one_needs_truncate(self) -> None:
        assert build(sgd(), 100).total_steps == 12
        assert build(sgd(), 5, TRUNCATE=True).total_steps == 12
        assert build(sgd(), 5, TRUNCATE=True, TOTAL_STEPS=12).total_steps == 12
        assert build(sgd(), 3, TRUNCATE=True, **REST).get_last_lr() == [0.0]
        for keys in ({}, {"TOTAL_STEPS": 12}):
            with pytest.raises(ConfigError):
                build(sgd(), 5, **keys)

    def test_what_is_the_same_however_long_it_is_needs_no_total(self) -> None:
        phases = {"warmup": WARMUP, "decay": {"CURVE": "inverse_sqrt"}}
        scheduler = build(sgd(group(1.0)), PHASES=phases)
        scheduler.load_state_dict({"last_epoch": 10**9, "total_steps": None})
        assert scheduler.get_last_lr() == pytest.approx([(4 / 10**9) ** 0.5])

    def test_a_warm_up_that_rounds_to_nothing_is_left_out(self) -> None:
        phases = {"warmup": {**WARMUP, "LENGTH": "1%"}, "decay": {"CURVE": "linear", "TO": 0}}
        with pytest.warns(scepter_opt.ConfigWarning, match=r"^lr_scheduler.PHASES.warmup.LENGTH = '1%': rounds to 0"):
            assert build(sgd(group(1.0)), 10, PHASES=phases).get_last_lr() == [1.0]

    def test_a_failed_build_leaves_the_optimizer_as_it_was(self) -> None:
        optimizer = sgd()
        before = copy.deepcopy(optimizer.state_dict())
        with pytest.raises(ConfigError):
            build(optimizer, SETTINGS={"WEIGHT_DECAY": RISE})
        assert optimizer.state_dict() == before


@pytest.mark.parametrize("replaced", [0, 1])
def test_a_group_that_is_put_in_the_place_of_another_is_found(replaced: int) -> None:
    optimizer = sgd(group(1.0), group(0.1))
    scheduler = build(optimizer)
    go(scheduler, 2)
    optimizer.param_groups[replaced] = {**optimizer.param_groups[replaced], "initial_lr": 0.5}
    go(scheduler, 1)
    expected = [0.75, 0.075]
    expected[replaced] = 0.375
    assert [g["lr"] for g in optimizer.param_groups] == pytest.approx(expected)


@pytest.mark.parametrize("named", [False, True])
def test_a_group_in_the_place_of_another_may_be_new(named: bool) -> None:
    optimizer = sgd(group(1.0), group(0.1, **({"name": "head"} if named else {})))
    rules = {"head": {"half": {"CURVE": "constant", "TO": 0.5, "LENGTH": 9}}}
    scheduler = build(optimizer, RULES=rules if named else {})
    go(scheduler, 2)
    optimizer.param_groups[0] = {**sgd(group(0.5)).param_groups[0]}
    go(scheduler, 1)
    assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([0.375, 0.0375 if named else 0.075])
    go(scheduler, 1)
    assert optimizer.param_groups[0]["lr"] == 0.5


def test_it_has_a_total_only_where_there_is_an_end() -> None:
    """Accelerate compares with `total_steps` wherever there is such an attribute."""
    assert build(sgd()).total_steps == 12
    endless = build(sgd(), PHASES={"warmup": WARMUP, "hold": {"CURVE": "constant"}})
    assert not hasattr(endless, "total_steps")
    assert not hasattr(pickle.loads(pickle.dumps(endless)), "total_steps")
    go(endless, 20)
    assert not hasattr(scepter_opt.build_lr_scheduler(sgd(), {"NAME": "PlateauLR"}), "total_steps")


def test_phases_of_rules_and_settings_that_all_round_to_no_ticks_are_their_ends() -> None:
    """A smoke run of three steps of a config that is right for three thousand."""
    optimizer = sgd(group(name="head"), group(name="body"), weight_decay=0.1)
    short = {"warm": {"CURVE": "linear", "FROM": 0, "TO": 0.5, "LENGTH": "1%"}}
    keys: dict[str, Any] = {**REST, "TRUNCATE": True, "RULES": {"head": short}, "SETTINGS": {"WEIGHT_DECAY": short}}
    with pytest.warns(scepter_opt.ConfigWarning, match="rounds to 0 ticks"):
        scheduler = build(optimizer, 3, **keys)
    go(scheduler, 3)
    assert [g["weight_decay"] for g in optimizer.param_groups] == [0.05, 0.05]
    node = {"NAME": "PlateauLR", "INTERVAL": "step", "PHASES": {"warm": {**short["warm"], "LENGTH": "1%"}}}
    with pytest.warns(scepter_opt.ConfigWarning, match="rounds to 0 ticks"):
        plateau = scepter_opt.build_lr_scheduler(sgd(group(1.0)), node, 3)
    assert plateau.get_last_lr() == [0.5]
