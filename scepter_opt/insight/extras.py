"""Libraries that only the command, its pictures and pages need."""

from __future__ import annotations

from typing import Any

from ..config.imports import optional_module
from ..errors import Problem

INSTALL = "pip install 'scepter_opt[cli]'"


def needed(module: str, extra: str = "cli") -> Any:
    """A module of a library that is installed with an extra.

    Args:
        module: Its full name.
        extra: The smallest extra that has it.

    Raises:
        ConfigError: It is not installed; the message names the line that installs it.
    """
    library = module.partition(".")[0]
    return optional_module(module, Problem("", f"this needs {library}: pip install 'scepter_opt[{extra}]'"))
