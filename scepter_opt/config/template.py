"""A Config written out: the commented YAML of a node."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection
from typing import Any

import yaml

from .documentation import documentation
from .validation import own_first


def template(config: Any, name: str, summary: str, left_out: Collection[str] = ()) -> str:
    """The YAML of a node: every key with its default, and its documentation as a comment above.

    Args:
        config: The Config class; None for a class without one.
        name: Its NAME.
        summary: What it is, in one line.
        left_out: Keys that are not written.
    """
    lines = [f"# {summary or name}", f"NAME: {name}"]
    for field in own_first(config) if config else ():
        if field.key in left_out:
            continue
        text = documentation(config).get(field.key, "")
        lines += [f"# {text}"] if text else []
        try:
            lines.append(f"{field.key}: {'???' if field.required else _flow(_default(field.default))}")
        except yaml.representer.RepresenterError:  # a class of others may have an object for a default
            lines.append(f"# {field.key}: left out, since its default is no value that a file can hold")
    return "\n".join(lines) + "\n"


def _default(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.name
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {key: _default(item) for key, item in dataclasses.asdict(value).items()}
    return list(value) if isinstance(value, tuple) else value


def _flow(value: Any) -> str:
    """A value on one line of YAML."""
    # dumped in a list, since a bare scalar would end in a document marker
    return yaml.safe_dump([value], default_flow_style=True, width=1000).strip()[1:-1]
