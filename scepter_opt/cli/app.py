"""The command `scepter-opt`: which commands there are, and how arguments become calls of them."""

from __future__ import annotations

import argparse
import functools
import importlib
import inspect
import os
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from ..errors import ConfigError, Problem, reason_of
from ..insight.extras import INSTALL

COMMANDS = {
    "list": "options:list_",
    "show": "options:show",
    "template": "options:template",
    "schema": "schema:schema",
    "write": "options:write",
    "check": "check:check",
    "preview": "preview:preview",
    "plan": "plan:plan",
    "audit": "audit:audit",
    "convert": "convert:convert",
    "results": "results:results",
    "doctor": "doctor:doctor",
}
"""Every command with its module and function here: parameters without a default are arguments, others options."""
EXAMPLES: dict[str, tuple[str, ...]] = {
    "list": ("list", "list schedulers 'warmup_*'", "list search-spaces", "list muon --json"),
    "show": ("show optimizer=adamw", "show warmup_cosine", "show sgd lr", "show AdamW PARAM_GROUPS", "show phases"),
    "template": ("template AdamW", "template warmup_cosine"),
    "schema": (
        "schema AdamW",
        "schema --write --app conf",
        "schema --write --app conf --vscode --dry-run",
    ),
    "write": ("write conf my_app.Heavy", "write conf my_app.Heavy --name heavy_sgd"),
    "check": (
        "check optimizer=sgd optimizer.LEARNING_RATE=0.1",
        "check --app conf --config-name config optimizer=muon_adamw",
        "check -m optimizer=sgd,adamw 'optimizer.LEARNING_RATE=interval(0.01,1)'",
    ),
    "preview": (
        "preview lr_scheduler=warmup_cosine --total-steps 10000",
        "preview lr_scheduler=warmup_cosine --total-steps 10000 --at 5000",
        "preview lr_scheduler=warmup_cosine --total-steps 100 --compare lr_scheduler=warmup_linear --out curves.svg",
        "preview --app conf --config-name config lr_scheduler=warmup_stable_decay --total-steps 10000",
    ),
    "plan": (
        "plan --model my_app:build optimizer=adamw param_groups@optimizer.PARAM_GROUPS=no_decay",
        "plan --model my_app:build optimizer=sgd --out plan.json",
        "plan --model my_app:build lr_scheduler=warmup_cosine --total-steps 10000 --out page.html",
    ),
    "audit": (
        "audit --app conf --config-name config --total-steps 10000",
        "audit --model my_app:build optimizer=adamw param_groups@optimizer.PARAM_GROUPS=no_decay",
        "audit --factory my_app:model_and_optimizer",
    ),
    "convert": ("convert solver.yaml", "convert solver.yaml --json"),
    "results": ("results multirun/2026-11-30/10-00-00", "results multirun/2026-11-30/10-00-00 --out pictures"),
    "doctor": ("doctor",),
}
"""What the help of each command shows, without the name before it."""
_PLAIN = ("list", "show", "template", "schema", "write")
_ARGUMENTS = {"words", "key", "overrides", "option"}
_SHORT = {"multirun": ["-m"]}
_HELP = "Optimizers and learning-rate schedules for Hydra configs: look before you train."
_IMPORT = "Module that registers classes of your own, such as my_app.optimizers; can be said several times."
Command = Callable[..., int]


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Returns:
        0, 1 for problems found, or 2 for wrong use.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"]:
        print(_version())
        return 0
    try:
        status = _by_typer(given) if _has_typer() else _plainly(given)
    except SystemExit as exit_:
        status = exit_.code if isinstance(exit_.code, int) else 2
    return status


def load(command: str) -> Command:
    """The function of a command."""
    module, _, name = COMMANDS[command].partition(":")
    function: Command = getattr(importlib.import_module(f".{module}", __package__), name)
    return function


def _version() -> str:
    from importlib.metadata import version

    return f"scepter-opt {version('scepter_opt')}"


def _import(modules: list[str]) -> None:
    """Import what registers classes, from the folder that the command is run in too.

    Raises:
        ConfigError: One cannot be imported.
    """
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0 if modules else len(sys.path), here)  # classes may be named by their import path too
    for name in modules:
        try:
            importlib.import_module(name)
        except ConfigError:
            raise
        except (Exception, SystemExit) as error:  # whatever a module of somebody's own raises
            message = f"cannot be imported: {type(error).__name__}: {reason_of(error)}"
            raise ConfigError([Problem("--import", message, name)]) from error


def _called(function: Command, modules: list[str], given: dict[str, Any]) -> int:
    """Call a command; what is wrong is said, and makes the exit status."""
    try:
        _import(modules)
        status = function(**given)
        sys.stdout.flush()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # who reads has seen enough; Python would flush once more at its end, and complain then
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _parameters(function: Command) -> Iterator[tuple[str, Any, str, Any]]:
    """Name, type, help and default of each parameter."""
    hints = typing.get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        kind, text = typing.get_args(hints[name])[:2]
        yield name, kind, text, parameter.default


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


# With typer


def _has_typer() -> bool:
    from importlib.util import find_spec

    return find_spec("typer") is not None


def _by_typer(arguments: list[str]) -> int:
    import typer

    app = typer.Typer(
        help=_HELP, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
    )

    @app.callback(help=_HELP)
    def group() -> None:
        """Without this typer would take a single command for the whole."""

    # the one that is asked for; all where that is not known, for the list of them or for a nearest name
    asked = next((each for each in arguments if not each.startswith("-")), "")
    for name in [asked] if asked in COMMANDS else COMMANDS:
        function = load(name)
        app.command(name, help=_help(name, function))(_typed(function))
    app(arguments, prog_name="scepter-opt")
    return 0


def _help(name: str, function: Command) -> str:
    """What a command does, with examples; the mark keeps their lines apart."""
    examples = [f"  scepter-opt {example}" for example in EXAMPLES.get(name, ())]
    text = (function.__doc__ or "").partition("\n")[0]
    return "\n".join([text, "", "\b", "Examples:", *examples]) if examples else text


def _typed(function: Command) -> Command:
    """The same with typer's marks, and with --import."""
    import typer

    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[
                kind,
                typer.Argument(help=text, show_default=False)
                if default is inspect.Parameter.empty or name in _ARGUMENTS
                else typer.Option(*([_flag(name), *_SHORT.get(name, [])] if kind is bool else []), help=text),
            ],
        )
        for name, kind, text, default in _parameters(function)
    ]
    modules = Annotated[list[str], typer.Option("--import", help=_IMPORT)]
    parameters.append(inspect.Parameter("modules", inspect.Parameter.KEYWORD_ONLY, default=[], annotation=modules))

    @functools.wraps(function)
    def call(*, modules: list[str], **given: Any) -> int:
        raise typer.Exit(_called(function, modules, given))

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


# Without it


def _plainly(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scepter-opt", description=_HELP)
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", required=True)
    for name in COMMANDS:
        if name not in _PLAIN:
            commands.add_parser(name, help=f"needs {INSTALL}", add_help=False)
            continue
        function = load(name)
        own = commands.add_parser(name, help=(function.__doc__ or "").partition("\n")[0])
        own.add_argument("--import", dest="modules", action="append", default=[], help=_IMPORT)
        for key, kind, text, default in _parameters(function):
            if kind is bool:
                own.add_argument(_flag(key), action="store_true", help=text)
            elif default is not inspect.Parameter.empty and key not in _ARGUMENTS:
                own.add_argument(_flag(key), type=kind, default=default, help=text)
            elif default is inspect.Parameter.empty:
                own.add_argument(key, type=kind, help=text)
            else:
                several = kind == list[str]
                read = str if several else kind
                own.add_argument(key, nargs="*" if several else "?", type=read, default=default, help=text)
    known, _ = parser.parse_known_args(arguments)
    if known.command not in _PLAIN:
        print(f"{known.command} needs typer and rich: {INSTALL}", file=sys.stderr)
        return 1
    given = vars(parser.parse_args(arguments))
    given.pop("command")
    return _called(load(known.command), given.pop("modules"), given)
