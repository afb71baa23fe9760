from __future__ import annotations

from typing import Any

import pytest
import torch

from scepter_opt.schedules.group_settings import Setting, rules_of

MUON: dict[str, Any] = {"lr": 0.1, "momentum": 0.95}
ADAM: dict[str, Any] = {"lr": 0.1, "betas": (0.9, 0.99)}


@pytest.mark.parametrize(
    ("name", "groups", "key", "beta"),
    [
        ("MOMENTUM", [ADAM], "betas", 0),
        ("MOMENTUM", [MUON], "momentum", None),
        ("MOMENTUM", [ADAM, MUON], "momentum", None),
        ("BETA1", [ADAM, MUON], "betas", 0),
        ("BETA2", [ADAM], "betas", 1),
        ("LEARNING_RATE", [ADAM], "lr", None),
        ("WEIGHT_DECAY", [ADAM], "weight_decay", None),
    ],
)
def test_where_a_setting_stands(name: str, groups: Any, key: str, beta: int | None) -> None:
    setting = Setting.of(name, groups)
    assert (setting.key, setting.beta) == (key, beta)


def test_a_momentum_of_any_group_is_the_one_that_is_meant() -> None:
    setting = Setting.of("MOMENTUM", [ADAM, MUON])
    assert (setting.is_in(MUON), setting.is_in(ADAM)) == (True, False)


def test_writing_one_beta_leaves_the_other() -> None:
    group = dict(ADAM)
    for name, value in (("BETA1", 0.5), ("BETA2", 0.6)):
        setting = Setting.of(name, [group])
        setting.base(group)
        setting.write(group, value)
    assert group == {"lr": 0.1, "betas": (0.5, 0.6), "initial_beta1": 0.9, "initial_beta2": 0.99}


def test_a_tensor_is_written_in_place_and_its_base_is_a_copy() -> None:
    rate = torch.tensor(0.1)
    group = {"lr": rate}
    setting = Setting.of("LEARNING_RATE", [group])
    base = setting.base(group)
    setting.write(group, 0.5)
    assert group["lr"] is rate
    assert (rate.item(), base.item()) == pytest.approx((0.5, 0.1))


@pytest.mark.parametrize("value", [True, None, "0.1"])
def test_what_is_no_number_is_no_setting(value: Any) -> None:
    assert not Setting.of("NESTEROV", []).is_in({"nesterov": value})


def test_a_name_that_looks_like_several_rules_is_one() -> None:
    assert rules_of({"name": "a+b"}) == ({"a+b"}, set())
    assert rules_of({}) == (set(), set())
