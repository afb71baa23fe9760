"""Files that a user names, for what was looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ConfigError, Problem


@contextmanager
def writing(out: str | Path) -> Iterator[None]:
    """Say which file it is that cannot be written.

    Raises:
        ConfigError: It cannot.
    """
    try:
        yield
    except OSError as error:
        raise ConfigError([Problem("out", f"cannot be written: {error}.", str(out))]) from error
