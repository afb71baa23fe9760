"""schema: what editors know of the keys, for one option or in place for an app."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from ..components.registry import registries, registry
from ..editors.defaults import Options, shipped_options
from ..editors.files import class_file
from ..editors.writing import changes
from ..editors.writing import write as write_change
from ..errors import ConfigError, Problem
from ..insight.catalogue import find, options

FOLDER = ".scepter_opt"
"""Where the schemas go."""


def schema(
    option: Annotated[str, "A class or an option, such as AdamW or adamw; with --write the folder of schemas."] = "",
    write: Annotated[bool, f"Write the schemas (to {FOLDER}) and name them in the app's files."] = False,
    app: Annotated[Path, "The folder of the app's configs, for --write."] = Path("conf"),
    vscode: Annotated[bool, "With --write: also in .vscode/settings.json, for new files."] = False,
    dry_run: Annotated[bool, "With --write: say what would be written, and write nothing."] = False,
) -> int:
    """JSON Schema for editors: completion, documentation, red lines."""
    if write:
        return _write(Path(option or FOLDER), app, vscode, dry_run)
    if not option:
        raise ConfigError([Problem("schema", "needs an option, such as adamw, or --write for an app's files.")])
    found = find(option)
    if not found.of:
        raise ConfigError([Problem("schema", "rules are no node of their own: see that of an optimizer.", option)])
    print(json.dumps(class_file(registry(found.group).entry(found.of)), indent=2))
    return 0


def shipped() -> Options:
    """NAME of the class that each option of the package leads to, and of classes that were registered."""
    classes = ((kind.kind, entry.option, entry.name) for kind in registries() for entry in kind.entries().values())
    return shipped_options(((each.group, each.name, each.of) for each in options()), classes)


def _write(folder: Path, app: Path, vscode: bool, dry_run: bool) -> int:
    # all is known before anything is written: what is refused leaves every file as it was
    found = list(changes(folder, app, shipped(), vscode))
    for change in found:
        if change.said:
            print(f"left {change.path}: it {change.said}")
            continue
        if not dry_run:
            write_change(change)
        print(f"{'would write' if dry_run else 'wrote'} {change.path}")
    if not any(change.text for change in found):
        print("all files are as they should be")
    return 0
