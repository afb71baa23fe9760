"""The strings under the fields of a Config, read from its source."""

from __future__ import annotations

import ast
import inspect
import sys
from contextlib import suppress
from functools import cache


def documentation(config: type) -> dict[str, str]:
    """One sentence per key, those of the base classes included; empty where there is no source."""
    texts: dict[str, str] = {}
    # pydantic collects the strings under a class's own fields only: here the bases' come first, to be overridden
    for base in reversed(config.__mro__):
        texts.update(_module_documentation(base.__module__).get(base.__qualname__, {}))
        own = vars(base).get("__documentation__", {})
        texts.update(own() if callable(own) else own)
    return texts


@cache
def argument_texts(cls: type) -> dict[str, str]:
    """What a class's docstrings say of the arguments of its constructor, by name; empty without docstring_parser."""
    try:
        from docstring_parser import ParseError, parse
    except ImportError:
        return {}
    texts: dict[str, str] = {}
    for text in (cls.__doc__, cls.__init__.__doc__):  # type: ignore[misc]  # of this very class
        with suppress(ParseError):
            for argument in parse(text or "").params:
                texts[argument.arg_name] = " ".join((argument.description or "").split())
    return texts


def summary(cls: type) -> str:
    """First line of a class's own docstring, empty where it has none."""
    lines = inspect.cleandoc(cls.__dict__.get("__doc__") or "").splitlines()
    return lines[0] if lines else ""


@cache
def _module_documentation(name: str) -> dict[str, dict[str, str]]:
    """Per qualified class name the strings under its annotated fields. One parse serves all classes of a file."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[name]))
    except (KeyError, OSError, TypeError, SyntaxError):  # no source: a notebook, a worker, a frozen app
        return {}
    texts: dict[str, dict[str, str]] = {}
    _collect(tree.body, "", texts)
    return texts


def _collect(body: list[ast.stmt], path: str, texts: dict[str, dict[str, str]]) -> None:
    # a string is a field's where it is the very next statement
    for statement, following in zip(body, [*body[1:], None], strict=True):
        match statement, following:
            case ast.ClassDef(name=name, body=inner), _:
                _collect(inner, f"{path}{name}.", texts)
            case ast.FunctionDef(name=name, body=inner), _:
                _collect(inner, f"{path}{name}.<locals>.", texts)
            case (
                ast.AnnAssign(target=ast.Name(id=key)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ) if path:
                texts.setdefault(path[:-1], {})[key] = " ".join(inspect.cleandoc(text).split())
