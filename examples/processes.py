"""Several processes that train one model, as torchrun starts them: each has a share of a batch, the first speaks."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from scepter_opt import ConfigError, Problem
from scepter_opt.errors import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor, nn

T = TypeVar("T")

KINDS = ("ddp", "fsdp")
# What torchrun says in the environment.
RANK, COUNT, LOCAL_RANK, LOCAL_COUNT = (
    int(os.environ.get(name, default))
    for name, default in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0), ("LOCAL_WORLD_SIZE", 1))
)
IS_STARTED = "RANK" in os.environ and "WORLD_SIZE" in os.environ
# The other processes leave no folder, file or line of a log.
HUSHED = ["hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=disabled", "hydra/hydra_logging=disabled"]
# Where the processes have met: torchrun keeps it, whoever of them ends.
_stores: list[Any] = []


def wrong_parallel(cfg: DictConfig) -> Iterator[Problem]:
    """The problem with `parallel`, or with how the program was started for it."""
    value = cfg.get("parallel")
    if value not in (None, *KINDS):
        yield Problem("parallel", f"must be null, ddp or fsdp.{did_you_mean(value, KINDS)}", value)
    elif value is None and IS_STARTED:
        message = f"torchrun has started {COUNT} processes: say how they share the work, parallel=ddp or parallel=fsdp."
        yield Problem("parallel", message, value)
    elif value is not None and not IS_STARTED:
        command = f"{command_of_torchrun(2)} {sys.argv[0]} parallel={value}"
        yield Problem("parallel", f"needs processes that torchrun starts: {command}. In one process it is null.", value)
    elif value is not None and HydraConfig.get().mode == RunMode.MULTIRUN:
        yield Problem("parallel", "is for one run: a sweep's jobs have parallel=null.", value)


def command_of_torchrun(count: int) -> str:
    """What starts `count` processes on this machine."""
    return f"torchrun --nproc-per-node {count}"


def run(main: Callable[[], Any]) -> None:
    """Run a Hydra app; in other processes than the first without a sound, as far as the first says the same."""
    _let_workers_import_from(Path(sys.argv[0]).resolve().parent)
    if RANK:
        sys.argv += HUSHED
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  # until the process ends
        sys.stderr = StringIO()
        warnings.simplefilter("ignore")
    try:
        main()
    except SystemExit as end:
        if end.code and isinstance(sys.stderr, StringIO) and not _stores and _is_first_to_fail():
            print(sys.stderr.getvalue(), file=sys.__stderr__)
        raise


def _let_workers_import_from(folder: Path) -> None:
    """Let a launcher's workers find what stands beside the script.

    Python puts a script's folder first on its own path. A worker is another program, which imports by name what the job
    refers to: the environment is what it has of this one, under submitit on a cluster's machines too.
    """
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(folder) not in known:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), *known]))


@contextmanager
def one_message() -> Iterator[None]:
    """Say once what ends a run, by the process that came to it first; of a ConfigError without a traceback."""
    try:
        yield
    except Exception as error:
        if not _is_first_to_fail():
            time.sleep(1)  # for the first to speak: torchrun ends the others as soon as one has ended
            os._exit(1)
        sys.stderr = sys.__stderr__
        # a job of a sweep that exits would take with it the worker that the others wait for
        if isinstance(error, ConfigError) and HydraConfig.get().mode == RunMode.RUN:
            sys.exit(str(error))
        raise


def _is_first_to_fail() -> bool:
    """Whether this process is to say why the run ends."""
    if _stores:
        return bool(_stores[0].add("failed", 1) == 1)
    if RANK:  # what fails before they meet mostly fails in the first too, and torchrun ends this one meanwhile
        time.sleep(10)
    return True


class Share(NamedTuple):
    """A process's part of a batch."""

    tensors: tuple[Tensor, ...]
    weight: float
    """What its loss is multiplied with, so that the mean of all processes' gradients is that of the whole batch."""


@dataclass(frozen=True)
class Processes:
    """The processes that train together, each with one of these; by default there is one."""

    parallel: str | None = None
    rank: int = 0
    count: int = 1
    device: str = "cpu"

    @property
    def is_first(self) -> bool:
        """Whether this one writes files and pictures."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model to train: in DDP, or with its parameters in shards; an optimizer is built over it after this."""
        if self.parallel is None:
            return model
        from torch.distributed.fsdp import fully_shard
        from torch.nn.parallel import DistributedDataParallel

        model.to(self.device)
        model.register_forward_hook(self._average_buffers)
        if self.parallel == "ddp":
            return DistributedDataParallel(model)
        for block in getattr(model, "blocks", ()):  # one after the other is whole for its turn
            fully_shard(block)
        fully_shard(model)
        return model

    def _average_buffers(self, model: nn.Module, *_: Any) -> None:
        """Give all processes the same running statistics: each normalises its own share."""
        import torch
        import torch.distributed as dist

        buffers = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
        if model.training and buffers:
            flat = torch.cat([buffer.flatten() for buffer in buffers])
            dist.all_reduce(flat)
            parts = torch.split(flat / self.count, [buffer.numel() for buffer in buffers])
            for buffer, part in zip(buffers, parts, strict=True):
                buffer.data.copy_(part.view_as(buffer))  # data: autograd is not to mind

    def share(self, *tensors: Tensor) -> Share:
        """This process's part of tensors that have a row for each sample."""
        rows = len(tensors[0])
        begin, end = (rows * number // self.count for number in (self.rank, self.rank + 1))
        weight = (end - begin) * self.count / rows
        # who has no row takes part with one that does not count
        begin, end = (begin, end) if begin < end else (0, 1)
        return Share(tuple(tensor[begin:end].to(self.device) for tensor in tensors), weight)

    def mean(self, value: float) -> float:
        """The mean of what all processes have."""
        if self.parallel is None:
            return value
        import torch
        import torch.distributed as dist

        total = torch.tensor(value, dtype=torch.float32, device=self.device)
        dist.all_reduce(total)
        return total.item() / self.count

    def any(self, flag: bool) -> bool:
        """Whether it is so in one of them."""
        return self.mean(float(flag)) > 0

    def same(self, value: T) -> T:
        """What the first one has, for all."""
        if self.parallel is None:
            return value
        import torch.distributed as dist

        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]


@contextmanager
def together(parallel: str | None) -> Iterator[Processes]:
    """Meet the other processes, if there are any: over gloo, or over NCCL where there are GPUs."""
    if parallel is None:
        yield Processes()
        return
    import torch
    import torch.distributed as dist
    from torch.distributed.rendezvous import rendezvous

    device, backend = "cpu", "gloo"
    if torch.cuda.is_available():
        device, backend = f"cuda:{LOCAL_RANK}", "nccl"
        torch.cuda.set_device(device)
    store, rank, count = next(rendezvous("env://"))
    _stores.append(store)
    dist.init_process_group(backend, store=store, rank=rank, world_size=count)
    try:
        yield Processes(parallel, rank, count, device)
    except Exception:  # the others may be waiting for this one, and closing would wait for them
        raise
    except SystemExit:
        dist.destroy_process_group()
        raise
    dist.destroy_process_group()
