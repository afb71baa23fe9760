"""A page of every public name with its documentation; one without any fails the build."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import scepter_opt

HEAD = """Public names
============

Each is an attribute of `scepter_opt`, loaded when it is first asked for; none of them imports torch before it has to.
"""


def public_names() -> dict[str, Any]:
    """Every public name with what it is, functions first; what a public module has is named with it."""
    found: dict[str, Any] = {}
    for name in scepter_opt.__all__:
        value = getattr(scepter_opt, name)
        if inspect.ismodule(value):
            # a class that is public by itself too is named once
            own = {f"{name}.{each}": getattr(value, each) for each in value.__all__ if each not in scepter_opt.__all__}
            found |= own
        else:
            found[name] = value
    return dict(sorted(found.items(), key=lambda item: (not inspect.isroutine(item[1]), item[0].lower())))


def undocumented(names: dict[str, Any]) -> list[str]:
    """Names, and methods of classes, that nothing is said of."""
    missing = []
    for name, value in names.items():
        if not inspect.getdoc(value):
            missing.append(name)
        for key, each in vars(value).items() if inspect.isclass(value) else ():
            is_method = inspect.isroutine(each) or isinstance(each, property)
            if is_method and not key.startswith("_") and not inspect.getdoc(getattr(value, key)):
                missing.append(f"{name}.{key}")
    return missing


def page(names: dict[str, Any]) -> str:
    """What autodoc makes the page of."""
    lines = [HEAD]
    for name, value in names.items():
        if inspect.isclass(value):
            kind, members = "exception" if issubclass(value, BaseException) else "class", ["   :members:"]
        else:
            kind, members = ("function", []) if inspect.isroutine(value) else ("data", ["   :no-value:"])
        lines += [f".. auto{kind}:: scepter_opt.{name}", *members, ""]
    return "\n".join(lines)


def _write(app: Any) -> None:
    from sphinx.util import logging

    names = public_names()
    for name in undocumented(names):
        logging.getLogger(__name__).warning("scepter_opt.%s is public, and nothing is said of it", name)
    path = Path(app.srcdir) / "generated" / "api.rst"
    path.parent.mkdir(exist_ok=True)
    path.write_text(page(names), encoding="utf-8")


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls: the page is there before it looks for pages."""
    app.connect("builder-inited", _write)
    return {"parallel_read_safe": True}
