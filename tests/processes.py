"""Functions that run in several processes of one gloo group, forked from one in which torch is imported."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

# What takes an example or a function most of its time to import. All of it: a test process has one server, whose first
# user says what it imports.
IMPORTS = [
    "hydra", "matplotlib.backends.backend_agg", "matplotlib.figure", "pydantic.type_adapter", "rich.progress",
    "scepter_opt.checking", "scepter_opt.checkpoint", "scepter_opt.lr_schedulers.api", "scepter_opt.optimizers.api",
    "sklearn.datasets", "sklearn.model_selection", "torch", "torch._dynamo", "torch.distributed.checkpoint",
    "torch.distributed.fsdp",
]  # fmt: skip


def forkserver() -> ForkServerContext:
    """Starts processes that have imported what takes long."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTS)
    return context


def together(folder: Path, count: int, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What a function returns or raises in each of `count` processes; the signal of one that was killed."""
    context = forkserver()
    meeting = folder / f"meeting-{len(list(folder.glob('meeting-*')))}"
    meeting.mkdir()
    started = [
        context.Process(target=_run, args=(meeting, rank, count, function, arguments), daemon=True)
        for rank in range(count)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(120)
    for process in started:
        process.kill()  # whatever hangs; what has ended does not mind
    results = [meeting / f"result-{rank}" for rank in range(count)]
    return [
        pickle.loads(path.read_bytes()) if path.exists() else process.exitcode
        for path, process in zip(results, started, strict=True)
    ]


def _run(meeting: Path, rank: int, count: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    store = f"file://{meeting}/store"
    dist.init_process_group("gloo", store, timedelta(seconds=60), rank=rank, world_size=count)
    result: Any
    try:
        result = function(*arguments)
    except Exception as error:
        result = error
    (meeting / f"part-{rank}").write_bytes(pickle.dumps(result))
    (meeting / f"part-{rank}").rename(meeting / f"result-{rank}")
    if not isinstance(result, Exception):
        dist.destroy_process_group()
