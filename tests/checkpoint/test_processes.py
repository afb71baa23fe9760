"""Several processes save and load together: one writes, all wait, and all hear of an error."""

from __future__ import annotations

import os
import random
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.checkpoint.filesystem import FileSystemWriter
from torch.nn.parallel import DistributedDataParallel

from scepter_opt import checkpoint
from scepter_opt.checkpoint import contents, files
from scepter_opt.parameters.processes import attempt
from tests.checkpoint.nets import Net, build, trained
from tests.processes import together
from tests.support import same


def run_of(parallel: str, steps: int = 2) -> dict[str, Any]:
    """A model of two parts that has made some steps, and its optimizer."""
    from torch.distributed.fsdp import fully_shard

    model: nn.Module = Net()
    if parallel == "fsdp":
        fully_shard(model)
    elif parallel == "ddp":
        model = DistributedDataParallel(model)
    optimizer = build(model)
    trained(model, optimizer, steps)
    return {"model": model, "optimizer": optimizer}


def whole(run: dict[str, Any]) -> list[torch.Tensor]:
    return [p.full_tensor() if hasattr(p, "full_tensor") else p.detach() for p in run["model"].parameters()]


def saves_and_loads(folder: Path, parallel: str) -> Any:
    rank = dist.get_rank()
    run = run_of(parallel)
    torch.manual_seed(rank)
    random.seed(rank)
    entry = checkpoint.save(folder, **run, step=2, extra={"rank": rank})
    expected = torch.rand(3), random.random()
    other = run_of(parallel, 0)
    report = checkpoint.load(folder, **other)
    return entry, report.entry, report.extra, same((torch.rand(3), random.random()), expected), whole(other)


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_one_process_writes_and_each_has_its_own_random_numbers_again(parallel: str, tmp_path: Path) -> None:
    results = together(tmp_path, 2, saves_and_loads, tmp_path / "run", parallel)
    place = tmp_path / "run/step-00000002"
    expected = whole(run_of(""))
    for entry, loaded, extra, random_is_same, values in results:
        assert (entry, loaded, extra, random_is_same) == (place, str(place), {"rank": 0}, True)
        for one, right in zip(values, expected, strict=True):
            torch.testing.assert_close(one, right, rtol=0, atol=1e-6)
    assert (place / "shards").exists() is (parallel == "fsdp")
    # and alone
    other = run_of("", 0)
    assert checkpoint.load(place, **other).same
    assert same(whole(other), results[0][4])


def calls(folder: Path, case: str) -> Any:
    """What a save or a load raises where something is wrong in one process."""
    rank = dist.get_rank()
    run = run_of("fsdp" if "shards" in case else "ddp")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    extra, step = None, 2
    if case == "state" and rank == 1:
        extra = {"function": full}
    if case == "steps":
        step += rank
    if case == "disk":
        contents._write_file = full  # type: ignore[assignment]
    if case == "shards" and rank == 1:
        FileSystemWriter.write_data = full  # type: ignore[assignment]
    if case == "manifest of shards" and rank == 0:
        files.HashingFile.close = full  # type: ignore[assignment]
    return str(attempt(lambda: checkpoint.save(folder, **run, step=step, extra=extra, timeout=30)))


HEAD = "1 problem in the configuration\n  "
FULL = "OSError: [Errno 28] No space left on device"
# By case what the first process says, and the second.
WRONG = {
    "state": ("extra.function = '<function calls",) * 2,
    "steps": ("step = [2, 3]: must be the same in all processes.",) * 2,
    "disk": (FULL.removeprefix("OSError: "), f"process 0: {FULL}"),
    "shards": (f"process 1: {FULL}",) * 2,
    "manifest of shards": (FULL.removeprefix("OSError: "), f"process 0: {FULL}"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_fails_in_one_process_fails_in_all_with_its_message(case: str, tmp_path: Path) -> None:
    results = together(tmp_path, 2, calls, tmp_path / "run", case)
    for result, expected in zip(results, WRONG[case], strict=True):
        assert result.removeprefix(HEAD).startswith(expected)
    assert not files.entries(tmp_path / "run")


def first_alone(folder: Path) -> list[Any]:
    """What becomes of `if rank == 0: save(...)`, told of or not."""
    results: list[Any] = []
    for parallel in ("ddp", "fsdp"):
        run = run_of(parallel)
        if dist.get_rank() == 0:
            results += [
                attempt(partial(checkpoint.save, folder, **run, step=2, **given))
                for given in ({"timeout": 0.5}, {"alone": True})
            ]
            if parallel == "ddp":
                results.append(checkpoint.load(folder, **run, alone=True).step)
        dist.barrier()
    return results


def test_a_process_that_saves_alone_says_so_or_hears_of_it_soon(tmp_path: Path) -> None:
    waited, entry, step, of_shards, shards_alone = map(str, together(tmp_path, 2, first_alone, tmp_path / "run")[0])
    message = (
        "checkpoint.save: process 1 did not call it within 0.5 seconds. "
        "Call it in every process; where one alone is to do it, say alone=True there."
    )
    assert waited == of_shards == HEAD + message
    assert (entry, step) == (str(tmp_path / "run/step-00000002"), "2")
    assert "alone = True: this process has a part of the tensors only: all must save." in shards_alone


def reads_badly(folder: Path, parallel: str) -> list[Any]:
    """Loads where the second process cannot read the newest entry, or has something else to load into."""
    for step in (1, 2):
        checkpoint.save(folder, **run_of(parallel, step), step=step)
    run, check = run_of(parallel, 0), files.Entry.check
    before = [value.clone() for value in whole(run)]
    other = run
    if dist.get_rank() == 1:

        def checked(entry: Any, name: str, expected: Any) -> None:
            if entry.step == 2:
                raise files.Broken(f"{name} is damaged")
            check(entry, name, expected)

        setattr(files.Entry, "check", checked)  # noqa: B010  # in this process alone
        other = {**run, "optimizer": build(run["model"], LEARNING_RATE=0.5)}
    refused = attempt(lambda: checkpoint.load(folder, **other, timeout=30))
    unchanged = same(before, whole(run))
    report = checkpoint.load(folder, **run)
    return [str(refused), unchanged, report.step, [reason for _, reason in report.passed_over]]


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_what_one_process_cannot_load_none_does(parallel: str, tmp_path: Path) -> None:
    first, second = together(tmp_path, 2, reads_badly, tmp_path / "run", parallel)
    assert first == second
    refused, unchanged, step, (reason,) = first
    assert "optimizer.LEARNING_RATE" in refused
    assert (unchanged, step) == (True, 1)
    assert reason.endswith("is damaged")


def killed(folder: Path, who: int, where: str) -> Any:
    """A save during which one process is killed, after one that was not."""
    run = run_of("fsdp", 1)
    checkpoint.save(folder, **run, step=1)
    trained(run["model"], run["optimizer"], 1)
    place: Any = {"write_data": FileSystemWriter, "close": files.HashingFile}[where]

    def kill(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if dist.get_rank() == who:
        setattr(place, where, kill)
    return str(attempt(lambda: checkpoint.save(folder, **run, step=2, timeout=2)))


@pytest.mark.parametrize(
    ("who", "where"), [(1, "write_data"), pytest.param(0, "write_data", marks=pytest.mark.long), (0, "close")]
)
def test_killed_while_saving_shards_the_entry_before_is_there_and_the_others_end(
    who: int, where: str, tmp_path: Path
) -> None:
    results = together(tmp_path, 2, killed, tmp_path / "run", who, where)
    assert results[who] == -signal.SIGKILL
    assert isinstance(results[1 - who], str)
    if where == "close":
        assert "checkpoint.save: process 0 has ended before all was done." in results[1]
    run = run_of("", 0)
    report = checkpoint.load(tmp_path / "run", **run)
    assert (report.step, report.passed_over) == (1, ())
    for one, other in zip(whole(run), whole(run_of("", 1)), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
