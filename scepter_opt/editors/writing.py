"""Schema files, and the line in each of an app's files that names its schema for the language server."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError, Problem
from .app_folder import APP, PRESETS, SCHEMAS, files_of, options_in, schema_of
from .defaults import Options
from .files import MADE_BY, app_file, option_file, rules_file
from .settings import SETTINGS, patterns, settings
from .values import Schema

_MODELINE = re.compile(r"^#\s+(?:yaml-language-server\s*:.*?\$schema(?:=|:[ \t]*)|\$schema:[ \t]*)(\S+)[^\r\n]*")
# Hydra reads its header up to the first line that is no `# @...`, so the line for the server comes after it.
_HEADER = re.compile(r"^\s*#\s*@")


@dataclass(frozen=True)
class Change:
    """What becomes of one file."""

    path: Path
    text: str
    """What is to stand in it; empty where it stays as it is."""
    said: str = ""
    """Why it stays."""


def changes(folder: Path, app: Path, shipped: Options, vscode: bool = False) -> Iterator[Change]:
    """The files that are not as they should be: the schemas, the app's own, and the editor's settings.

    Args:
        folder: Where the schemas go.
        app: The folder of the app's configs.
        shipped: NAME of the class that each option of the package leads to, and those of classes that were registered.
        vscode: Whether Visual Studio Code is told too.

    Raises:
        ConfigError: There is no such app, or what is to be written is there and somebody else's.
    """
    files = files_of(app)
    options = options_in(files, shipped)
    schemas = {file.path: schema_of(file, options) for file in files}
    for name in SCHEMAS:
        yield from _schema_file(folder / f"{name}.json", _made(name, options))
    for path, name in schemas.items():
        if name:
            yield from _with_line(app / path, folder / f"{name}.json")
    if vscode:
        text = settings(SETTINGS, folder, patterns(app, schemas))
        if text is not None:
            yield Change(SETTINGS, text)


def write(change: Change) -> None:
    """Write a file that is to change."""
    change.path.parent.mkdir(parents=True, exist_ok=True)
    # as it is: line ends are what they were
    change.path.write_bytes(change.text.encode())


def modeline(text: str, schema: str, own: frozenset[str]) -> str | None:
    r"""A file's text with the line that names its schema; None where it names another already.

    Args:
        text: The file.
        schema: The schema's path, relative to the file.
        own: Names of the schema files that are ours, whose line is replaced.

    >>> print(modeline("# @package _global_\nNAME: SGD\n", "../s/app.json", frozenset(["app.json"])), end="")
    # @package _global_
    # yaml-language-server: $schema=../s/app.json
    NAME: SGD
    """
    end = "\r\n" if "\r\n" in text else "\n"
    line = f"# yaml-language-server: $schema={schema}"
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    for position, known in enumerate(lines):
        if not (known.lstrip().startswith("#") or not known.strip() or known.startswith("---")):
            break
        if match := _MODELINE.match(known):
            if match[1].rpartition("/")[2] not in own:
                return None
            lines[position] = known.replace(match[0], line)
            return _marked(text, "".join(lines))
    header = 0
    for position, known in enumerate(lines):
        if _HEADER.match(known):
            header = position + 1
        elif known.strip():
            break
    before, after = lines[:header], lines[header:]
    if before and not before[-1].endswith("\n"):
        before[-1] += end
    return _marked(text, "".join([*before, line, end, *after]))


def _marked(before: str, text: str) -> str:
    return f"\ufeff{text}" if before.startswith("\ufeff") else text


def _made(name: str, options: Options) -> Schema:
    if name == APP:
        return app_file(options)
    return rules_file(options) if name == PRESETS else option_file(name, options)


def _schema_file(path: Path, schema: Schema) -> Iterator[Change]:
    text = json.dumps(schema, separators=(",", ":")) + "\n"
    there = path.read_text(encoding="utf-8") if path.exists() else ""
    if there and MADE_BY not in there:
        raise ConfigError(
            [Problem("--write", "is a file that this command did not write: choose another folder.", str(path))]
        )
    if there != text:
        yield Change(path, text)


def _with_line(path: Path, schema: Path) -> Iterator[Change]:
    relative = Path(os.path.relpath(schema.resolve(), path.resolve().parent)).as_posix()
    text = path.read_bytes().decode()
    changed = modeline(text, relative, frozenset(f"{name}.json" for name in SCHEMAS))
    if changed is None:
        yield Change(path, "", "names another schema already")
    elif changed != text:
        yield Change(path, changed)
