"""Processes agree, or all of them hear why not."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import torch.distributed as dist

from scepter_opt import ConfigError, Problem
from scepter_opt.parameters.processes import Processes, attempt, rank_and_count
from tests.processes import together

ALL = Processes("the call", 60)


def agreements() -> list[Any]:
    """Agreements one after the other, of whatever comes out."""
    rank, count = rank_and_count()
    # twenty of them, since each leaves the store as it was
    totals = [ALL.agree(rank + number, sum) for number in range(20)]

    def fail() -> None:
        raise OSError(28, "No space left on device")

    def refuse() -> None:
        raise ConfigError([Problem("optimizer.NAME", "is unknown.", object), Problem("seed", "differs.")])

    results: list[Any] = [count, totals]
    for wrong in (lambda: None, fail, refuse):
        own = attempt(wrong) if rank == 1 else None
        results.append(attempt(lambda own=own: ALL.agree(own, len)))  # type: ignore[misc]
    results.append(attempt(lambda: ALL.agree(attempt(refuse), len)))
    results.append(attempt(lambda: ALL.agree(None, lambda _: fail())))
    results.append(ALL.agree(None, len))
    return [repr(each) if isinstance(each, OSError) else str(each) for each in results]


def test_all_get_what_the_first_decides_or_the_error_of_one(tmp_path: Path) -> None:
    refused = "2 problems in the configuration\n  optimizer.NAME = <class 'object'>: is unknown.\n  seed: differs."
    full = "1 problem in the configuration\n  process {}: OSError: [Errno 28] No space left on device"
    own = "OSError(28, 'No space left on device')"
    totals = str([1 + 2 * number for number in range(20)])
    first, second = together(tmp_path, 2, agreements)
    assert first == ["2", totals, "2", full.format(1), refused, refused, own, "2"]
    assert second == ["2", totals, "2", own, refused, refused, full.format(0), "2"]


def comes_without_the_others(who: int) -> Any:
    result = None
    if dist.get_rank() == who:
        call = Processes("the call", 0.5, "Call it in every process.")
        result = str(attempt(lambda: call.agree(None, len)))
        assert Processes("the call", 0.5, alone=True).agree(None, len) == 1
    dist.barrier()
    return result


@pytest.mark.parametrize(("who", "absent"), [(0, "processes 1, 2"), (1, "process 0")], ids=["the first", "another"])
def test_a_process_that_comes_without_the_others_is_told_who_did_not(tmp_path: Path, who: int, absent: str) -> None:
    results = together(tmp_path, 3, comes_without_the_others, who)
    message = f"  the call: {absent} did not call it within 0.5 seconds. Call it in every process."
    assert str(results[who]).splitlines()[1:] == [message]


def works_long() -> list[Any]:
    """The first process works longer than the others wait for a sign of life, and then dies at it."""
    call = Processes("the call", 1)
    done = call.agree(None, lambda _: Event().wait(3))
    try:
        call.agree(None, lambda _: os.kill(os.getpid(), signal.SIGKILL))
    except ConfigError as error:
        return [done, str(error)]
    return []


def test_a_first_process_that_works_is_waited_for_and_one_that_died_is_not(tmp_path: Path) -> None:
    first, (done, message) = together(tmp_path, 2, works_long)
    assert (first, done) == (-signal.SIGKILL, False)
    assert message.endswith("the call: process 0 has ended before all was done.")


def test_one_process_agrees_with_itself() -> None:
    assert ALL.agree(3, sum) == 3
    with pytest.raises(ZeroDivisionError):
        ALL.agree(ZeroDivisionError(), sum)


@pytest.mark.parametrize("timeout", [0, -1, True, "5", float("nan")])
def test_a_timeout_is_a_number_of_seconds(timeout: Any) -> None:
    with pytest.raises(ConfigError, match=r"timeout.*must be a number of seconds above 0\."):
        Processes("the call", timeout)
