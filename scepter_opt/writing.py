"""Configs written out: the commented YAML of every class, as conf/ ships it, and JSON Schema for editors."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import yaml

from .documentation import documentation, summary
from .hydra_plugins import option_content
from .registry import Entry, registries
from .validation import fields, own_first
from .values import strict


def template(entry: Entry, left_out: Collection[str] = ()) -> str:
    """The YAML of a class: every key with its default, and its documentation as a comment above."""
    lines = [f"# {summary(entry.cls)}", f"NAME: {entry.name}"]
    for field in own_first(entry.config) if entry.config else ():
        if field.key in left_out:
            continue
        text = documentation(entry.config).get(field.key, "") if entry.config else ""
        lines += [f"# {text}"] if text else []
        lines.append(f"{field.key}: {'???' if field.required else _flow(_default(field.default))}")
    return "\n".join(lines) + "\n"


def option_file(entry: Entry) -> str:
    """The file of a class in its config group: its defaults list, then the template."""
    defaults = option_content(entry.kind, entry.option, entry.name)["defaults"]
    listed = [item if isinstance(item, str) else ": ".join(*item.items()) for item in defaults]
    # the file's own text comes last: rules that it gave would stand beside those of every preset
    text = template(entry, left_out=("PARAM_GROUPS",))
    return "\n".join(["defaults:", *(f"  - {item}" for item in listed), "", text])


def option_files() -> Iterator[tuple[Path, str]]:
    """Paths below conf/ with their text, for every class of the package."""
    for registry in registries():
        for entry in registry.own_entries().values():
            yield Path(registry.kind) / f"{entry.option}.yaml", option_file(entry)


def json_schema(entry: Entry) -> dict[str, Any]:
    """JSON Schema of a node: types, bounds, defaults and documentation of all keys."""
    from pydantic import ConfigDict, create_model
    from pydantic import Field as Described

    if entry.config is None:
        return {"type": "object", "title": entry.name, "properties": {"NAME": {"const": entry.name}}}
    made: dict[str, Any] = {}
    for field in fields(entry.config).values():
        text = documentation(entry.config).get(field.key)
        default = entry.name if field.key == "NAME" else ... if field.required else field.default
        annotation = dict[str, Any] if field.nested else strict(field.annotation)
        made[field.key] = (annotation, Described(default, description=text))
    model = create_model(entry.name, __config__=ConfigDict(extra="forbid"), **made)
    schema: dict[str, Any] = model.model_json_schema()
    return schema


def _default(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.name
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {key: _default(item) for key, item in dataclasses.asdict(value).items()}
    return list(value) if isinstance(value, tuple) else value


def _flow(value: Any) -> str:
    """A value on one line of YAML."""
    return yaml.safe_dump([value], default_flow_style=True, width=1000).strip()[1:-1]
