"""What a job of Hydra's returned, where one of Hydra's own callbacks kept it: PickleJobInfo or LogJobReturn."""

from __future__ import annotations

import pickle
import re
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

PICKLE = "job_return.pickle"
# LogJobReturnCallback, by the default form of Hydra's logs
_LOGGED = re.compile(r"LogJobReturnCallback\]\[(?:INFO\] - Succeeded with return value: (?P<value>.*)|ERROR\])")


@dataclass(frozen=True)
class JobEnd:
    """How a job ended."""

    failed: bool
    """Whether it raised."""
    value: float | None = None
    """The number that it returned; None where it is none."""
    error: str = ""
    """What it raised, where that is known."""


def end_of_job(folder: Path, settings: Path) -> JobEnd | None:
    """How the job in a folder ended; None where nothing tells it.

    Args:
        folder: The job's folder.
        settings: The folder of Hydra's files in it, usually `.hydra`.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file is not what it should be.
    """
    if (settings / PICKLE).is_file():
        return _unpickled(settings / PICKLE)
    ends = [end for path in sorted(folder.glob("*.log")) for end in _logged(path)]
    return ends[-1] if ends else None


class _Stub:
    """Stands for every object that is not looked at; whatever it is made of."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        self.made_of = args

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def append(self, item: Any) -> None: ...

    def extend(self, items: Any) -> None: ...


class _Reader(pickle.Unpickler):
    """Makes a stub of every class but one, so that a file can run nothing."""

    def find_class(self, module: str, name: str) -> Any:
        # a class of its own for each, so that an error says its name
        return type(name, (_Stub,), {})


def _unpickled(path: Path) -> JobEnd:
    with path.open("rb") as file:
        try:
            job = _Reader(file).load()
        except OSError:
            raise
        except Exception as error:  # a file that was cut off, or is none, fails in any way
            raise ValueError(f"cannot be read: {error}") from error
    state = getattr(job, "state", None)
    if not isinstance(state, dict) or "status" not in state:
        raise ValueError("is no job of Hydra's")
    value = state.get("_return_value")
    # the status is an enum, made of its value: 2 is FAILED
    if getattr(state["status"], "made_of", ()) == (2,):
        words = getattr(value, "made_of", ())
        return JobEnd(True, error=": ".join([type(value).__name__, *map(str, words[:1])]))
    return JobEnd(False, _number(value))


def _logged(path: Path) -> list[JobEnd]:
    text = path.read_text(encoding="utf-8", errors="replace")
    return [
        JobEnd(match["value"] is None, None if match["value"] is None else _number(match["value"]))
        for match in _LOGGED.finditer(text)
    ]


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, Real) else None
