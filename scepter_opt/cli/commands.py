"""The package's command: `python -m scepter_opt list | show NAME | schema NAME | write FOLDER`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from ..components.registry import get_config_template, meant_registry, registries
from ..config.documentation import summary
from ..errors import ConfigError
from ..integrations.option_files import option_files


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="scepter-opt", description="Optimizers and schedules for Hydra configs.")
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="all options of the groups optimizer and lr_scheduler")
    listing.add_argument("--markdown", action="store_true", help="as a table for a document")
    show = commands.add_parser("show", help="every key of a class with its default and documentation")
    show.add_argument("name", help="class name, such as AdamW")
    schema = commands.add_parser("schema", help="JSON Schema of a class's node, for editors")
    schema.add_argument("name", help="class name, such as AdamW")
    write = commands.add_parser("write", help="write the option files of the package's classes")
    write.add_argument("folder", type=Path, help="the conf folder")
    given = parser.parse_args(arguments)
    try:
        print(_run(given), flush=True)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # who reads has seen enough; Python would flush once more at its end, and complain then
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _run(given: argparse.Namespace) -> str:
    if given.command == "show":
        return get_config_template(given.name).rstrip()
    if given.command == "schema":
        return json.dumps(meant_registry(given.name).json_schema(given.name), indent=2)
    if given.command == "write":
        written = [path for path, text in option_files() if _write(given.folder / path, text)]
        return "\n".join(f"wrote {path}" for path in written) or "all files are as they should be"
    rows = [
        (f"{registry.kind}={entry.option}", entry.name, summary(entry.cls))
        for registry in registries()
        for entry in registry.entries().values()
    ]
    if given.markdown:
        rows = [("option", "`NAME`", "what it is"), ("---",) * 3, *((f"`{a}`", f"`{b}`", c) for a, b, c in rows)]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return "\n".join(f"{option:45} {name:28} {text}" for option, name, text in rows)


def _write(path: Path, text: str) -> bool:
    # a file that is as it should be keeps its date, and a build that goes by dates does nothing
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True
