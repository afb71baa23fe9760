from __future__ import annotations

from typing import Any

import pytest

from scepter_opt import ConfigError
from tests.parameters.models import plan, rule

AT_THE_PLAN = [
    ({"NAMES": "enocder.*"}, "the nearest names are encoder"),
    ({"MODULES": "LayerNrom"}, "the nearest classes are LayerNorm"),
    ({"KINDS": "scalar"}, "the kinds there are: vector"),
    ({"NDIM": 4}, "the dimensions there are: 1"),
    ({"MARKED": "no_weight_decay"}, "no parameter has this attribute"),
    ({"NAMES": "head", "KINDS": "norm"}, "no parameter has all of these together"),
    ({"NAMES": "head", "EXCEPT": {"NAMES": "*"}}, "left out by EXCEPT"),
]


@pytest.mark.parametrize(("where", "words"), AT_THE_PLAN)
def test_a_rule_that_matches_nothing_shows_what_is_near(where: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan({"r": rule(where, {"LR_MULT": 2})})
    assert caught.value.problems[0].key == "optimizer.PARAM_GROUPS.r.WHERE"
    assert words in str(caught.value)
    assert plan({"r": rule(where, {"LR_MULT": 2}, OPTIONAL=True)}).rules[0].hits == 0
