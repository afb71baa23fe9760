"""Distributed tensors: written and read by torch.distributed.checkpoint, each process its own shards."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from ..errors import ConfigError, Problem, reason_of
from ..parameters.processes import Processes, attempt, rank_and_count
from ..parameters.state import names_of
from .files import Entry, begin, digest_of, finish
from .objects import Objects, inner
from .renaming import Renaming
from .saving import model_state

SHARDED = "sharded"
"""Entry of a state: what holds the model's and the optimizers' tensors, which lie in shards."""
OF_RANKS = "random_of_ranks"
"""Entry of a state: the random states of every process."""
_SHARDS = "shards"
_TENSOR = "tensor"


def is_sharded(state: Any) -> bool:
    """Whether a state holds a distributed tensor."""
    return any(hasattr(tensor, "device_mesh") for tensor in _tensors(state))


def _tensors(value: Any) -> Iterator[Any]:
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from chain.from_iterable(map(_tensors, value.values()))
    elif isinstance(value, (list, tuple)):
        yield from chain.from_iterable(map(_tensors, value))


def save_shards(
    folder: Path,
    state: Mapping[str, Any],
    keep: int | None,
    write_file: Callable[[Path, Any], dict[str, Any]],
    processes: Processes,
) -> Path:
    """Write an entry from all processes: each its shards, the first one the rest, the manifest and the name.

    Args:
        folder: The folder of all entries, which every process sees.
        state: What `collect_state` made, with the random states of all.
        keep: Entries that stay, the newest; None keeps all.
        write_file: Writes a part to a file; returns what the manifest has of it.
        processes: Those that call this.
    """
    if processes.alone and rank_and_count()[1] > 1:
        raise ConfigError([Problem("alone", "this process has a part of the tensors only: all must save.", True)])
    step = state["step"]
    tensors: dict[str, Any] = {}
    held = {kind: _taken_out(state[kind], kind, tensors) for kind in ("model", "optimizer")}
    unfinished = processes.agree(None, lambda _: begin(folder, step))
    written = attempt(lambda: _write_shards(tensors, unfinished / _SHARDS))

    def complete(_: Any) -> Path:
        shards = sorted((unfinished / _SHARDS).iterdir())
        files = {f"{_SHARDS}/{p.name}": {"sha256": digest_of(p), "bytes": p.stat().st_size} for p in shards}
        rest = {key: value for key, value in state.items() if key not in held}
        files["rest.pt"] = write_file(unfinished / "rest.pt", {**rest, SHARDED: held})
        return finish(unfinished, step, files, keep)

    return processes.agree(written, complete)  # nobody goes on before the entry is there


def _write_shards(tensors: dict[str, Any], place: Path) -> None:
    """Write the shards of this process.

    Raises:
        ConfigError: A process could not; all are told.
    """
    from torch.distributed.checkpoint import state_dict_saver as dcp
    from torch.distributed.checkpoint.api import CheckpointException

    try:
        dcp.save(tensors, checkpoint_id=str(place))
    except CheckpointException as error:
        raise ConfigError(_failures(error)) from error


def _failures(error: Any) -> list[Problem]:
    """What torch says of every process that failed."""
    return [
        Problem(f"process {rank}", f"{type(own).__name__}: {reason_of(own)}")
        for rank, (own, _) in sorted(error.failures.items())
    ]


def _taken_out(value: Any, key: str, tensors: dict[str, Any]) -> Any:
    """A state with a mark for each tensor, which goes into `tensors`."""
    import torch

    if isinstance(value, torch.Tensor):
        tensors[key] = value.detach()
        return {_TENSOR: key, "shape": list(value.shape), "dtype": str(value.dtype).removeprefix("torch.")}
    if isinstance(value, Mapping):
        return {name: _taken_out(item, f"{key}/{name}", tensors) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_taken_out(item, f"{key}/{i}", tensors) for i, item in enumerate(value))
    return value


def load_shards(
    entry: Entry, held: Mapping[str, Any], objects: Objects, renaming: Renaming, processes: Processes
) -> dict[str, Any]:
    """The model's and the optimizers' tensors: in shards where they are distributed here, else whole.

    Args:
        entry: A whole entry.
        held: What holds the tensors, with marks.
        objects: What will be loaded.
        renaming: New names of parameters.
        processes: Those that call this.

    Raises:
        ConfigError: A process could not; all are told.
    """
    from torch.distributed.checkpoint import state_dict_loader as dcp
    from torch.distributed.checkpoint.api import CheckpointException

    here = _here(objects)
    tensors: dict[str, Any] = {}
    state = {
        kind: {
            name: _put_back(values, tensors, here.get((kind, name), {}), renaming, name)
            for name, values in held[kind].items()
        }
        for kind in ("model", "optimizer")
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*assuming the intent is to load in a single process", UserWarning)
        try:
            dcp.load(tensors, checkpoint_id=str(entry.path / _SHARDS), no_dist=not processes.several)
        except CheckpointException as error:
            raise ConfigError(_failures(error)) from error
    return state


def laid_as(value: Any, like: Any) -> Any:
    """A whole tensor in shards where another of its shape is, or whole again where that is; else as it is.

    Every process has the whole tensor, and nothing is sent; to make one whole again all must call it.
    """
    if getattr(value, "shape", None) != getattr(like, "shape", ()):
        return value
    if hasattr(value, "device_mesh") == hasattr(like, "device_mesh"):
        return value
    if hasattr(value, "device_mesh"):
        return value.full_tensor()
    from torch.distributed.tensor import DTensor, Replicate

    mesh = like.device_mesh
    whole = DTensor.from_local(value.to(like.device), mesh, [Replicate()] * mesh.ndim, run_check=False)
    return whole.redistribute(mesh, like.placements)


def own_random_states(state: Mapping[str, Any]) -> Any:
    """The random states of this process, where each process saved its own."""
    of_ranks, (rank, _) = state.get(OF_RANKS), rank_and_count()
    return of_ranks[rank] if of_ranks and rank < len(of_ranks) else state.get("random")


def _here(objects: Objects) -> dict[tuple[str, str], dict[str, Any]]:
    """The tensors here by kind, object and name."""
    found: dict[tuple[str, str], dict[str, Any]] = {("model", n): model_state(m) for n, m in objects.model.items()}
    for name, optimizer in objects.optimizer.items():
        names = names_of(inner(optimizer), objects.roots())
        members = chain.from_iterable(group["params"] for group in inner(optimizer).param_groups)
        found["optimizer", name] = dict(zip(names.flat(), members, strict=True)) if names else {}
    return found


def _put_back(
    value: Any, tensors: dict[str, Any], here: Mapping[str, Any], renaming: Renaming, owner: str, like: Any = None
) -> Any:
    """A state with a new tensor for each mark, entered into `tensors` to be filled."""
    import torch

    if isinstance(value, Mapping) and _TENSOR in value:
        dtype = getattr(torch, value["dtype"])
        # state that is as large as its parameter is distributed as that is
        alike = hasattr(like, "device_mesh") and list(like.shape) == value["shape"]
        made = (
            torch.zeros_like(like, dtype=dtype, requires_grad=False)
            if alike
            else torch.zeros(value["shape"], dtype=dtype)
        )
        tensors[value[_TENSOR]] = made
        return made
    if isinstance(value, Mapping):
        return {
            name: _put_back(item, tensors, here, renaming, owner, here.get(renaming.new(str(name), owner), like))
            for name, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return type(value)(_put_back(item, tensors, here, renaming, owner, like) for item in value)
    return value
