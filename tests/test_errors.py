"""Problems as data, and the nearest name."""

from __future__ import annotations

import copy
import enum
import pickle
import subprocess
import sys
import warnings
from typing import Any

import pytest
import torch

from scepter_opt import ConfigError, ConfigWarning, Problem
from scepter_opt.errors import ABSENT, below, did_you_mean, join_key, nearest, say, show


def test_an_error_survives_pickling_and_copying() -> None:
    error = ConfigError([Problem("optimizer.MOMENTUM", "must be at least 0.", -0.5), Problem("optimizer", "is odd.")])
    for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert (str(again), again.problems) == (str(error), error.problems)
        assert again.problems[1].value is ABSENT


def test_a_prefix_comes_before_every_key_and_the_cause_stays() -> None:
    cause = RuntimeError("why")
    with pytest.raises(ConfigError) as caught, below("optimizer"), below("BETAS"):
        raise ConfigError([Problem("[0]", "is odd."), Problem("", "is odd too.")]) from cause
    assert [problem.key for problem in caught.value.problems] == ["optimizer.BETAS[0]", "optimizer.BETAS"]
    assert caught.value.__cause__ is cause


@pytest.mark.parametrize(
    ("prefix", "key", "joined"), [("a", "b", "a.b"), ("a", "[0]", "a[0]"), ("", "b", "b"), ("a", "", "a")]
)
def test_keys_join_with_dots_and_brackets(prefix: str, key: str, joined: str) -> None:
    assert join_key(prefix, key) == joined


def test_the_nearest_name_ignores_case_and_knows_other_spellings() -> None:
    assert nearest("LR", {"lr": "LEARNING_RATE"}) == "LEARNING_RATE"
    assert nearest("sgd", ["SGD", "ASGD"]) == "SGD"
    assert nearest("entirely different", ["SGD"]) is None
    assert did_you_mean("entirely different", ["SGD"]) == ""


class Color(enum.Enum):
    red = 1


class Mute:
    def __repr__(self) -> str:
        raise RuntimeError


def test_any_value_is_shown_on_one_short_line() -> None:
    assert show(Color.red) == "'red'"
    assert show(Mute()).startswith("<Mute")
    assert len(show("x" * 10_000)) <= 62
    assert "\n" not in show(torch.ones(3, 3))
    assert len(show([0.1] * 10_000)) < 80


def test_a_warning_is_shown_once_whatever_happens_to_other_filters() -> None:
    program = """
import warnings, scepter_opt
node = {"NAME": "SGD", "DAMPENING": 0.5}
scepter_opt.check({"optimizer": node})
import torch  # changes filters
optimizer = scepter_opt.build_optimizer(torch.nn.Linear(2, 1), node)
warnings.filterwarnings("ignore", category=ImportWarning)
scepter_opt.build_optimizer(torch.nn.Linear(2, 1), node)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.count("ConfigWarning: optimizer.DAMPENING = 0.5: does nothing without MOMENTUM.") == 1


@pytest.mark.parametrize(("action", "times"), [("default", 1), ("always", 2), ("ignore", 0)])
def test_a_warning_follows_the_filter_that_holds(action: Any, times: int) -> None:
    problem = Problem(f"key.of.{action}", "says nothing.")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("error")
        warnings.filterwarnings(action, message=r"key\.of", category=UserWarning)
        say(problem)
        say(problem)
    assert [str(warning.message) for warning in said] == [str(problem)] * times


def test_a_warning_that_is_an_error_is_one_each_time() -> None:
    for _ in range(2):
        with pytest.raises(ConfigWarning, match="key: says nothing"):
            say(Problem("key", "says nothing."))
