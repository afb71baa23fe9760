"""The option files of the package's classes and of their search spaces, as conf/ ships them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..components.entry import Entry
from ..components.registry import registries
from ..search.spaces import GROUP, space_files
from .hydra_plugins import option_content


def option_file(entry: Entry) -> str:
    """The file of a class in its config group: its defaults list, then the template."""
    defaults = option_content(entry.kind, entry.option, entry.name)["defaults"]
    listed = [item if isinstance(item, str) else ": ".join(*item.items()) for item in defaults]
    # the file's own text comes last: rules that it gave would stand beside those of every preset
    text = entry.template(left_out=("PARAM_GROUPS",))
    return "\n".join(["defaults:", *(f"  - {item}" for item in listed), "", text])


def option_files() -> Iterator[tuple[Path, str]]:
    """Paths below conf/ with their text, for every class of the package, and for what is searched."""
    for registry in registries():
        for entry in registry.own_entries().values():
            yield Path(registry.kind) / f"{entry.option}.yaml", option_file(entry)
    yield from ((Path(GROUP) / name, text) for name, text in space_files())
