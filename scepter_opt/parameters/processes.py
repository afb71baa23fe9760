"""What several processes agree on, through the store where they met: on any backend, and nobody waits for ever."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event, Thread
from typing import Any, TypeVar, final

from ..errors import ABSENT, ConfigError, Problem, reason_of, show

T = TypeVar("T")
R = TypeVar("R")

_ALIVE = "alive"


def rank_and_count() -> tuple[int, int]:
    """The number of this process and how many there are: those of torch.distributed, once it is initialised."""
    import torch.distributed as dist

    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def attempt(function: Callable[[], R]) -> R | Exception:
    """What a function returns, or the error that it raises, which `agree` tells the others."""
    try:
        return function()
    except Exception as error:
        return error


@final
@dataclass(frozen=True)
class Processes:
    """The processes that make one call together, each with the same arguments.

    No collective is used: those of NCCL need a device, and those of gloo a group that all have made.
    """

    call: str
    """What they call, for messages."""
    timeout: float
    """Seconds that each waits for the others to come."""
    otherwise: str = ""
    """What to do where not all of them are to call it, in words."""
    alone: bool = False
    """Whether this one asks and waits for nobody."""

    def __post_init__(self) -> None:
        if type(self.timeout) not in (int, float) or not self.timeout > 0:
            raise ConfigError([Problem("timeout", "must be a number of seconds above 0.", self.timeout)])

    @property
    def several(self) -> bool:
        """Whether there are others to agree with."""
        return not self.alone and rank_and_count()[1] > 1

    def agree(self, own: T | Exception, decide: Callable[[list[T]], R]) -> R:
        """What the first process makes of what every process has.

        Args:
            own: What this process has; an error is raised here, and as a ConfigError by all others.
            decide: Called by the first process alone, with what each has. What it returns or raises is for all.

        Raises:
            ConfigError: A process failed, or did not come in time.
        """
        if not self.several:
            if isinstance(own, Exception):
                raise own
            return decide([own])
        from torch.distributed.distributed_c10d import _get_default_store  # which has no public name in every torch

        store: Any = _get_default_store()
        rank, count = rank_and_count()
        number = store.add(f"{self.call}/calls of {rank}", 1)
        keys = [f"{self.call}/{number}/{other}" for other in range(count)]
        outcome = f"{self.call}/{number}/outcome"
        store.set(keys[rank], _packed(_told(own, rank)))
        if rank > 0:
            if not _there(store, keys[:1], timedelta(seconds=self.timeout)):
                raise ConfigError([self._absent([0])])
            result = self._heard(store, outcome)
        else:
            result = self._decided(store, keys, outcome, own, decide)
            # all that have come to this call have read what is left of the last one
            for left in ("0", "outcome", f"outcome/{_ALIVE}"):
                store.delete_key(f"{self.call}/{number - 1}/{left}")
        if isinstance(own, Exception):
            raise own
        if isinstance(result, _Failure):
            raise ConfigError(result.problems)
        return result  # type: ignore[no-any-return]  # it was pickled by the first process

    def all_must(self, function: Callable[[], R]) -> R:
        """What a function returns here, once it has returned in all processes.

        Raises:
            ConfigError: It failed in another one.
        """
        result = attempt(function)
        self.agree(result if isinstance(result, Exception) else None, len)
        assert not isinstance(result, Exception)
        return result

    def _decided(
        self, store: Any, keys: list[str], outcome: str, own: T | Exception, decide: Callable[[list[T]], R]
    ) -> R | _Failure:
        """What the first process returns, after the others were told of it."""
        told: list[Any] = [_told(own, 0)]
        if _there(store, keys, timedelta(seconds=self.timeout)):
            told += [_unpacked(store.get(key)) for key in keys[1:]]
            for key in keys[1:]:
                store.delete_key(key)
        else:
            absent = [rank for rank, key in enumerate(keys) if not store.check([key])]
            told.append(_Failure((self._absent(absent),)))
        failed = [problem for each in told if isinstance(each, _Failure) for problem in each.problems]
        if failed:
            failure = _Failure(tuple(dict.fromkeys(failed)))  # what all of them have found is said once
            store.set(outcome, _packed(failure))
            return failure
        try:
            with self._showing_life(store, outcome):
                result = decide(told)
        except BaseException as error:  # Ctrl-C too: the others are waiting
            store.set(outcome, _packed(_told(error, 0)))
            raise
        store.set(outcome, _packed(result))
        return result

    @contextmanager
    def _showing_life(self, store: Any, outcome: str) -> Iterator[None]:
        """Count while the first process works, which may take longer than anybody waits: on a large file, for one."""
        done = Event()

        def count() -> None:
            while not done.wait(self.timeout / 4):
                store.add(f"{outcome}/{_ALIVE}", 1)

        thread = Thread(target=count, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _heard(self, store: Any, outcome: str) -> Any:
        """What the first process has said, as long as it lives."""
        seen = -1
        while not _there(store, [outcome], timedelta(seconds=self.timeout)):
            count = attempt(lambda: store.add(f"{outcome}/{_ALIVE}", 0))
            if count == seen or isinstance(count, Exception):  # or the store has ended with it
                raise ConfigError([Problem(self.call, "process 0 has ended before all was done.")])
            seen = count
        return _unpacked(store.get(outcome))

    def _absent(self, ranks: list[int]) -> Problem:
        which = f"process {ranks[0]}" if len(ranks) == 1 else f"processes {', '.join(map(str, ranks))}"
        message = f"{which} did not call it within {self.timeout:g} seconds. {self.otherwise}".strip()
        return Problem(self.call, message)


@dataclass(frozen=True)
class _Failure:
    """What others are told of an error."""

    problems: tuple[Problem, ...]


def _told(own: Any, rank: int) -> Any:
    """What the others are told: of an error its text, since not every error can be pickled."""
    if isinstance(own, ConfigError):
        return _Failure(tuple(map(_portable, own.problems)))
    if isinstance(own, BaseException):
        return _Failure((Problem(f"process {rank}", f"{type(own).__name__}: {reason_of(own)}"),))
    return own


def _portable(problem: Problem) -> Problem:
    """A problem that prints as it did, whatever its value was."""
    shown = problem.value is not ABSENT
    return replace(problem, key=f"{problem.key} = {show(problem.value)}", value=ABSENT) if shown else problem


def _there(store: Any, keys: list[str], patience: timedelta) -> bool:
    """Whether keys come to be set; a store whose process is gone does not tell either."""
    try:
        store.wait(keys, patience)
    except RuntimeError:
        return False
    return True


# A store takes a few MiB at a time.


def _packed(value: Any) -> bytes:
    return zlib.compress(pickle.dumps(value))


def _unpacked(data: bytes) -> Any:
    return pickle.loads(zlib.decompress(data))
