"""What is in the files of an entry: the model, the optimizers' state and the rest; or distributed tensors in shards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import ConfigError, Problem, reason_of
from ..parameters.processes import Processes, attempt
from .files import Broken, Entry, HashingFile, begin, candidates, finish, older
from .objects import Objects
from .renaming import Renaming
from .sharding import OF_RANKS, SHARDED, is_sharded, load_shards, save_shards

# What is large has a file of its own.
_LARGE = {"model.pt": "model", "optimizer.pt": "optimizer"}
_REST = "rest.pt"


def write(folder: Path, collect: Callable[[], dict[str, Any]], keep: int | None, processes: Processes) -> Path:
    """Write a state as an entry of a folder: the first process does, and with distributed tensors each its shards.

    Args:
        folder: The folder of all entries.
        collect: Makes the state, as `collect_state` does.
        keep: Entries that stay, the newest; None keeps all.
        processes: Those that call this.

    Raises:
        ConfigError: A process failed, or did not come.
    """
    state = attempt(collect)
    of_ranks: list[Any] = []
    said = state if isinstance(state, Exception) else (state["step"], state["random"])

    def gather(told: list[tuple[int, Any]]) -> None:
        steps = [step for step, _ in told]
        if len(set(steps)) > 1:
            raise ConfigError([Problem("step", "must be the same in all processes.", steps)])
        of_ranks.extend(random for _, random in told)

    processes.agree(said, gather)
    assert not isinstance(state, Exception)
    if is_sharded(state):
        return save_shards(folder, state | {OF_RANKS: of_ranks}, keep, _write_file, processes)
    if processes.several:
        state[OF_RANKS] = of_ranks
    return processes.agree(None, lambda _: _write_entry(folder, state, keep))


def _write_entry(folder: Path, state: Mapping[str, Any], keep: int | None) -> Path:
    unfinished = begin(folder, state["step"])
    files = {name: _write_file(unfinished / name, {key: state[key]}) for name, key in _LARGE.items()}
    rest = {key: value for key, value in state.items() if key not in _LARGE.values()}
    files[_REST] = _write_file(unfinished / _REST, rest)
    return finish(unfinished, state["step"], files, keep)


def _write_file(path: Path, part: Any) -> dict[str, Any]:
    """Write a part; returns what the manifest has of its file."""
    import torch

    file = HashingFile(path)
    try:
        torch.save(part, file)  # type: ignore[arg-type]  # torch needs no more of a file than this one has
    finally:
        written = file.close()
    return written


def read(
    path: Path, objects: Objects, renaming: Renaming, processes: Processes
) -> tuple[dict[str, Any], Entry, list[tuple[str, str]]]:
    """The state in the newest entry that is whole, that entry, and the newer ones with what is wrong with each.

    Args:
        path: A folder of entries, or one entry, which alone is looked at.
        objects: What will be loaded: tensors that are distributed here are read in shards.
        renaming: New names of parameters.
        processes: Those that call this: what one of them cannot read is whole for none.

    Raises:
        ConfigError: No entry is whole, or there is none.
    """
    found, is_one = processes.agree(None, lambda _: candidates(path))
    passed_over: list[tuple[str, str]] = []
    for entry in found:
        state = attempt(partial(_read_entry, entry))
        refused = isinstance(state, Exception) and not isinstance(state, Broken)
        own: Any = state if refused else str(state) if isinstance(state, Broken) else ""
        reason = processes.agree(own, lambda reasons: next(filter(None, reasons), ""))
        if not reason:
            assert isinstance(state, dict)
            if SHARDED in state:
                state |= load_shards(entry, state.pop(SHARDED), objects, renaming, processes)
            return state, entry, passed_over
        passed_over.append((str(entry.path), reason))
    problems = [Problem("path", f"is not whole: {reason}.", place) for place, reason in passed_over]
    before = next((other.path for other in older(found[0]) if _is_whole(other)), None) if is_one else None
    if before is not None:
        problems.append(Problem("path", "the entry before it is whole: load that.", str(before)))
    raise ConfigError(problems)


def _is_whole(entry: Entry) -> bool:
    try:
        for name, expected in entry.files().items():
            entry.check(name, expected)
    except Broken:
        return False
    return True


def _read_entry(entry: Entry) -> dict[str, Any]:
    """The state in an entry.

    Raises:
        Broken: A file is missing or damaged.
    """
    state: dict[str, Any] = {}
    with ThreadPoolExecutor(1) as pool:
        # digests are made beside the reading; what was read is used only where they are right
        files = entry.files().items()
        checks = [pool.submit(entry.check, name, expected) for name, expected in files]
        try:
            for name, _ in files:
                state |= _load_file(entry.path / name) if "/" not in name else {}
        finally:
            for check in checks:
                check.result()
    return state


def _load_file(path: Path) -> dict[str, Any]:
    """A part; of a model what the file has is mapped, since it is copied once and not kept.

    Raises:
        Broken: It cannot be read.
    """
    import torch

    mapped = _LARGE.get(path.name) == "model"
    try:
        part: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # of damaged bytes anything can come, and the digest says so
        raise Broken(f"{path.name} cannot be read ({reason_of(error)[:80]})") from error
    return part
