"""Visual Studio Code's settings: which schema holds for which files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError, Problem

SETTINGS = Path(".vscode") / "settings.json"
"""The settings of a folder that is open in the editor, below it."""
_KEY = "yaml.schemas"


def patterns(app: Path, schemas: Mapping[Path, str]) -> dict[str, list[str]]:
    """The files of each schema, as patterns: a folder of a group whole, where all its files go by one.

    Args:
        app: The folder of the app's configs.
        schemas: The schema of each file below it; empty for one without.
    """
    folders: dict[Path, set[str]] = {}
    for path, name in schemas.items():
        folders.setdefault(path.parent, set()).add(name)
    found: dict[str, list[str]] = {}
    for path, name in schemas.items():
        if name:
            whole = len(folders[path.parent]) == 1
            pattern = (app / path.parent / f"*{path.suffix}" if whole else app / path).as_posix()
            found.setdefault(name, [])
            found[name] += [] if pattern in found[name] else [pattern]
    return found


def settings(path: Path, folder: Path, wanted: Mapping[str, list[str]]) -> str | None:
    """The settings with the schemas in them, all else as it was; None where they say it already.

    Args:
        path: The file of the settings.
        folder: Where the schemas are.
        wanted: The patterns of each schema.

    Raises:
        ConfigError: They cannot be read as plain JSON, as where they have comments.
    """
    ours = {_reference(folder, name): globs for name, globs in wanted.items()}
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    try:
        known: Any = json.loads(text) if text.strip() else {}
    except ValueError:
        known = None
    if not isinstance(known, dict) or not isinstance(known.get(_KEY, {}), dict):
        # to write it anew would lose the comments
        line = json.dumps({_KEY: ours})[1:-1]
        message = f"is no plain JSON, perhaps for its comments: add this to it yourself.\n    {line}"
        raise ConfigError([Problem("--vscode", message, str(path))])
    kept = {key: globs for key, globs in known.get(_KEY, {}).items() if key not in _all_of(folder, known[_KEY])}
    changed = known | {_KEY: kept | ours}
    if changed == known:
        return None
    indent = re.search(r"^([ \t]+)\S", text, re.MULTILINE)
    return json.dumps(changed, indent=indent[1] if indent else 4, ensure_ascii=False) + "\n"


def _reference(folder: Path, name: str) -> str:
    path = folder / f"{name}.json"
    return path.as_posix() if path.is_absolute() else f"./{path.as_posix()}"


def _all_of(folder: Path, schemas: Mapping[str, Any]) -> set[str]:
    """Those of the settings' schemas that lie in our folder."""
    prefix = _reference(folder, "").removesuffix(".json")
    return {key for key in schemas if key.startswith(prefix)}
