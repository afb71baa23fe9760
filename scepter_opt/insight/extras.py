"""Libraries that only the command, its pictures and pages need."""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import ConfigError, Problem

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
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != library:
            raise  # it is there, and something else is amiss
        raise ConfigError([Problem("", f"this needs {library}: pip install 'scepter_opt[{extra}]'")]) from error
