"""How a job, and what it starts, knows which trial of which study it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

TRIAL = "SCEPTER_OPT_TRIAL"
"""The variable of the environment that has the address."""


@dataclass(frozen=True)
class Address:
    """Where a trial is found, from any process."""

    storage: str
    """URL of the storage."""
    study: str
    """Name of the study in it."""
    number: int
    """The trial's number in the study."""
    pruner: Any
    """What decides whether a trial ends early, as the sweeper's configuration says it."""

    @classmethod
    def of(cls, text: str) -> Address:
        """The address in a text that `in_environment` wrote."""
        return cls(**json.loads(text))

    @contextmanager
    def in_environment(self) -> Iterator[None]:
        """While the block runs, this is the trial of this process and of those that it starts."""
        before = os.environ.get(TRIAL)
        os.environ[TRIAL] = json.dumps(asdict(self))
        try:
            yield
        finally:
            if before is None:
                del os.environ[TRIAL]
            else:
                os.environ[TRIAL] = before
