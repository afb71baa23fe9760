"""The command `convert`: a file of SCEPTER's, Hydra's or transformers' as nodes of this package."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from json import dumps, loads
from pathlib import Path
from typing import Annotated, Any

import yaml

from ..config.nodes import DEEPEST
from ..conversion import convert as convert_values
from ..conversion.api import MOST_VALUES
from ..errors import ConfigError, Problem, reason_of

_LARGEST = 10_000_000
"""Bytes; what is larger is no configuration."""


def convert(
    file: Annotated[Path, "YAML or JSON of SCEPTER's, torch's or transformers'; - reads standard input"],
    json: Annotated[bool, "print nodes and report as JSON"] = False,
) -> int:
    """Configurations of other projects as nodes of ours.

    Returns:
        0 where everything was converted, 1 where something has no counterpart or is wrong.

    Raises:
        ConfigError: The file cannot be read, or holds nothing that can be converted.
    """
    name = "standard input" if str(file) == "-" else str(file)
    try:
        conversion = convert_values(_parsed(_text(file)))
    except ConfigError as error:
        # what is wrong with the whole has no key: it is the file's
        raise ConfigError(problem if problem.key else problem.under(name) for problem in error.problems) from error
    if json:
        print(dumps(conversion.plain(), indent=2))
    else:
        if conversion.nodes:
            print(conversion.yaml())
        if report := conversion.report():
            print(report, file=sys.stderr)
    return 1 if conversion.unconverted else 0


def _text(file: Path) -> str:
    """The text of a file, or of standard input."""
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(_LARGEST + 1)
    except (OSError, ValueError) as error:  # a name with a null byte
        raise _refusal(f"cannot be read: {reason_of(error)}.") from error
    if len(data) > _LARGEST:
        raise _refusal(f"is larger than {_LARGEST // 1_000_000} MB: no configuration is.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refusal(f"is not UTF-8: byte {error.start} is none of its.") from error
    if not text.strip():
        raise _refusal("is empty.")
    return text


def _parsed(text: str) -> Any:
    """The values of JSON or YAML."""
    if text.lstrip().startswith("{"):
        try:
            return loads(text)
        except (ValueError, RecursionError):  # YAML may begin like it
            pass
    # libyaml, where it is there, is ten times as fast
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_size(yaml.parse(text, loader))
        return yaml.load(text, loader)
    except ConfigError:
        raise
    except Exception as error:  # of what YAML can go wrong at, its own errors are but some
        raise _refusal(f"cannot be read as YAML or JSON: {reason_of(error)}.") from error


def _check_size(events: Iterable[yaml.Event]) -> None:
    """Refuse what is too much or too deep before it is made: libyaml recurses without limit, and ends the process."""
    depth = 0
    for count, event in enumerate(events):
        if count > 4 * MOST_VALUES:  # a value has its key, and collections an end
            raise _refusal(f"holds more than {MOST_VALUES} values.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise _refusal(f"is nested more than {DEEPEST} levels deep.")


def _refusal(message: str) -> ConfigError:
    return ConfigError([Problem("", message)])
