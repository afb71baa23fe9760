"""Saving and loading beside torch.save and torch.load with the same care, their memory, and loading by name.

$ python benchmarks/bench_checkpoint.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from shutil import disk_usage
from typing import Any

import torch
from bench_plan import many_parameters
from shapes import gpt2
from timing import Row, compared, show, timings
from torch import nn

import scepter_opt
from scepter_opt import checkpoint
from scepter_opt.checkpoint.files import digest_of

PART = "checkpoint"
MODEL = "GPT-2 small"
RULES = {"vectors": {"WHERE": {"NDIM": 1}, "SET": {"WEIGHT_DECAY": 0.0}}}
# For many small parameters: the same settings, of which those that only name come first or last.
NAMING = {f"tenth {i}": {"WHERE": {"NAMES": f"encoder.*{i}.*"}} for i in range(3)}
PLACES = {"tmpfs": Path("/dev/shm"), "disk": Path(tempfile.gettempdir())}
ROOM = 10 << 30
"""Bytes that are free where something is written."""

Rules = dict[str, dict[str, Any]]
Run = dict[str, Any]
"""A model and its optimizer, as `save` and `load` take them."""


def run_of(model: nn.Module, rules: Rules, *, plain: bool = False, steps: int = 1) -> Run:
    """A model with an AdamW.

    Args:
        model: The model.
        rules: Those of the optimizer.
        plain: Whether the optimizer is torch's own, over the same groups.
        steps: Those it has made: after one it has its state.
    """
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "AdamW", "PARAM_GROUPS": rules})
    if plain:
        own = ("lr", "betas", "eps", "weight_decay", "fused")
        groups = [
            {"params": list(zip(g["param_names"], g["params"], strict=True)), **{key: g[key] for key in own}}
            for g in optimizer.param_groups
        ]
        optimizer = torch.optim.AdamW(groups)
    for _ in range(steps):
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, 0.01)
        optimizer.step()
        optimizer.zero_grad()
    return {"model": model, "optimizer": optimizer}


def large(*, plain: bool = False, steps: int = 1) -> Run:
    """A model of 124 million values."""
    values = {f"p{i}": nn.Parameter(torch.full(shape, 0.02)) for i, shape in enumerate(gpt2())}
    return run_of(nn.ParameterDict(values), RULES, plain=plain, steps=steps)


# What torch alone needs to be as careful: digests, on the disk before it counts, whole before it is used


def save_by_torch(folder: Path, model: Any, optimizer: Any) -> None:
    """The same files with the same digests, under their names when they are complete."""
    parts = {"model.pt": model.state_dict(), "optimizer.pt": optimizer.state_dict(), "rest.pt": torch.get_rng_state()}
    digests = {}
    for name, part in parts.items():
        unfinished = folder / f"{name}.unfinished"
        torch.save(part, unfinished)
        digests[name] = digest_of(unfinished)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(folder / name)
    (folder / "manifest.json").write_text(json.dumps(digests))


def load_by_torch(folder: Path, model: Any, optimizer: Any) -> None:
    """Files are looked through by the sums that zip has."""
    for name, item in (("model.pt", model), ("optimizer.pt", optimizer)):
        with zipfile.ZipFile(folder / name) as file:
            assert file.testzip() is None
        item.load_state_dict(torch.load(folder / name, weights_only=True))


def files(rounds: int) -> Iterator[Row]:
    """Saving and loading where there is room."""
    run, theirs = large(), large(plain=True)
    for place, parent in PLACES.items():
        if not parent.is_dir() or disk_usage(parent).free < ROOM:
            print(f"{PART}: {place} left out, there is no room in {parent}.")
            continue
        with tempfile.TemporaryDirectory(dir=parent) as ours, tempfile.TemporaryDirectory(dir=parent) as other:
            saving: dict[str, Callable[[], Any]] = {
                "scepter_opt": partial(checkpoint.save, ours, **run, step=1),
                "torch": partial(save_by_torch, Path(other), **theirs),
            }
            loading: dict[str, Callable[[], Any]] = {
                "scepter_opt": partial(checkpoint.load, ours, **run),
                "torch": partial(load_by_torch, Path(other), **theirs),
            }
            yield from compared(PART, f"save {MODEL}, {place}", saving, "torch", rounds)
            yield from compared(PART, f"load {MODEL}, {place}", loading, "torch", rounds)


# Memory


def memory() -> Iterator[Row]:
    """The most that a process holds beyond what it held before, each in a process of its own.

    Of its own memory: what the system keeps of a file goes when it needs the room.
    """
    parent = next(place for place in PLACES.values() if place.is_dir())
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        for case in ("save", "load", "load anew"):
            rows = {who: peak_of(case, who, f"{folder}/{who}") for who in ("scepter_opt", "torch")}
            for who, (extra, state) in rows.items():
                row = Row(part=PART, case=f"memory to {case} {MODEL}", name=who, value=extra / state)
                yield {**row, "unit": "of the state", "ratio": extra / max(1, rows["torch"][0]), "to": "torch"}


def peak_of(case: str, who: str, folder: str) -> tuple[int, int]:
    """The bytes at the peak of a save or a load beyond those before it, and those of the optimizer's state."""
    # what is freed goes back to the system, and does not serve the load
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    command = [sys.executable, __file__, "memory", case, who, folder]
    with subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        size = int(process.stdout.readline())
        before = most = _held_by(process.pid)
        process.stdin.write("go\n")
        process.stdin.flush()
        while process.poll() is None:
            most = max(most, _held_by(process.pid))
    assert process.returncode == 0
    return most - before, size


def measured(case: str, who: str, folder: Path) -> None:
    """Make a save or a load when it is told to; prints the bytes of the optimizer's state when it is ready."""
    folder.mkdir(exist_ok=True)
    run = large(plain=who == "torch", steps=0 if case == "load anew" else 1)
    tasks: dict[tuple[str, str], Callable[[], Any]] = {
        ("save", "scepter_opt"): partial(checkpoint.save, folder, **run, step=1),
        ("save", "torch"): partial(save_by_torch, folder, **run),
        ("load", "scepter_opt"): partial(checkpoint.load, folder, **run),
        ("load", "torch"): partial(load_by_torch, folder, **run),
    }
    print(2 * 4 * sum(parameter.numel() for parameter in run["model"].parameters()), flush=True)
    sys.stdin.readline()
    tasks[case.removesuffix(" anew"), who]()


def _held_by(number: int) -> int:
    """The bytes of its own that a process holds."""
    lines = Path(f"/proc/{number}/status").read_text().splitlines()
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), 0)


# By name


def by_name(count: int, rounds: int) -> Iterator[Row]:
    """What it takes to keep and to load an optimizer of so many small parameters, beyond its files.

    The model is left out: torch's own load of a list of that many modules takes quadratic time.
    """
    model = many_parameters(count)
    optimizer = run_of(model, RULES)["optimizer"]
    saved, state = checkpoint.state(optimizer=optimizer, step=1), optimizer.state_dict()
    other = scepter_opt.build_optimizer(model, {"NAME": "AdamW", "PARAM_GROUPS": RULES | NAMING})
    theirs = run_of(model, RULES, plain=True, steps=0)["optimizer"]
    tasks: dict[str, Callable[[], Any]] = {
        "torch's load, with ranges": partial(theirs.load_state_dict, with_ranges(state)),
        "load_state_dict": partial(optimizer.load_state_dict, state),
        "load_state_dict, regrouped": partial(other.load_state_dict, state),
        "checkpoint.load without files": partial(_restored, saved, optimizer=optimizer),
        "the same, regrouped": partial(_restored, saved, optimizer=other),
        "checkpoint.restore": partial(checkpoint.restore, saved, optimizer=optimizer),
        "checkpoint.save without files": partial(_collected, optimizer=optimizer),
        "checkpoint.state": partial(checkpoint.state, optimizer=optimizer, step=1),
    }
    for name, timing in timings(tasks, rounds).items():
        row = Row(part=PART, case=f"{count:,} parameters", name=name, value=timing.median, unit="s")
        yield {**row, "spread": timing.spread}


def with_ranges(state: dict[str, Any]) -> dict[str, Any]:
    """An optimizer's state whose positions are ranges.

    torch looks for the parameter of each tensor among its group's positions: in lists that takes quadratic time.
    """
    groups = [{**g, "params": range(g["params"][0], 1 + g["params"][-1])} for g in state["param_groups"]]
    return {**state, "param_groups": groups}


def _collected(**objects: Any) -> None:
    """A save before its files are written."""
    from scepter_opt.checkpoint.objects import Objects
    from scepter_opt.checkpoint.saving import collect_state

    collect_state(Objects.of(**objects), None, 1, random=True)


def _restored(saved: dict[str, Any], **objects: Any) -> None:
    """A load after its files were read."""
    from scepter_opt.checkpoint.loading import Restoration
    from scepter_opt.checkpoint.objects import Objects

    Restoration(saved, Objects.of(**objects), "error", "error", None).apply(random=True, logger=None)


def hooks(count: int, rounds: int) -> Iterator[Row]:
    """torch's own load_state_dict with what this package adds, and without."""
    model = many_parameters(count)
    run = run_of(model, RULES | NAMING)
    state = run["optimizer"].state_dict()
    names: dict[str, Rules] = {
        "in order": RULES | NAMING,
        "reordered": dict(reversed((RULES | NAMING).items())),
        "regrouped": RULES,
    }
    built = {case: run_of(model, rules, steps=0)["optimizer"] for case, rules in names.items()}
    theirs = run_of(model, RULES | NAMING, plain=True, steps=0)["optimizer"]
    tasks: dict[str, Callable[[], Any]] = {
        "torch": partial(theirs.load_state_dict, state),
        "torch, positions as ranges": partial(theirs.load_state_dict, with_ranges(state)),
        **{f"scepter_opt, {case}": partial(optimizer.load_state_dict, state) for case, optimizer in built.items()},
    }
    groups = len(run["optimizer"].param_groups)
    yield from compared(PART, f"load_state_dict, {count:,} in {groups} groups", tasks, "torch", rounds)


def rows(rounds: int = 7) -> Iterator[Row]:
    """Files, memory, names; ratios are to torch's own."""
    for count in (100, 10_000):
        yield from hooks(count, rounds * (1 if count > 100 else 20))
    yield from by_name(100_000, rounds // 2)
    yield from memory()
    yield from files(rounds)


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        measured(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        show(rows())
