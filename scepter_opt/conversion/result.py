"""What a conversion comes to: nodes, what has no counterpart, and what is to be known."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from ..components.checking import inspect
from ..components.registry import registry
from ..config.plain import plain
from ..errors import ABSENT, Problem


@dataclass
class Converted:
    """One node that was converted, with where it came from."""

    kind: str
    """`optimizer` or `lr_scheduler`."""
    key: str
    """Full key in the source; empty at its root."""
    source: str
    """Whose it was, in words."""
    node: dict[str, Any] | None
    """The node of this package; None where there is no counterpart."""
    problems: list[Problem] = field(default_factory=list)
    """What could not be converted, by full keys of the source."""
    notes: list[str] = field(default_factory=list)
    """What is to be known beside."""


@dataclass
class Conversion:
    """Nodes of this package made from others'."""

    nodes: dict[str, Any] = field(default_factory=dict)
    """The nodes by key: optimizer and lr_scheduler, or optimizers and lr_schedulers by name."""
    origins: dict[str, str] = field(default_factory=dict)
    """What each key of `nodes` was made from, in words."""
    unconverted: list[Problem] = field(default_factory=list)
    """What has no counterpart or is wrong, by full keys of the source, and what to do."""
    notes: list[str] = field(default_factory=list)
    """What is to be known of the nodes, though nothing is lost."""

    def yaml(self) -> str:
        """The nodes as the YAML of a config, each with a comment that says what it was made from.

        >>> print(Conversion({"optimizer": {"NAME": "SGD", "LEARNING_RATE": 0.1}}, {"optimizer": "OPTIMIZER"}).yaml())
        # from OPTIMIZER
        optimizer:
          NAME: SGD
          LEARNING_RATE: 0.1
        """
        lines = []
        for key, node in self.nodes.items():
            # a key of the source may hold anything, a new line too
            lines += [f"# from {' '.join(self.origins[key].split())}", f"{key}:", textwrap.indent(_block(node), "  ")]
        return "\n".join(lines)

    def report(self) -> str:
        """What has no counterpart, then the notes, a line each; empty where there is neither."""
        lines = [str(problem) for problem in self.unconverted]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def plain(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        unconverted = [
            {"key": one.key, "message": one.message} | ({} if one.value is ABSENT else {"value": plain(one.value)})
            for one in self.unconverted
        ]
        return {"nodes": plain(self.nodes), "unconverted": unconverted, "notes": self.notes}


def _block(node: dict[str, Any]) -> str:
    """A node in block style, with what is below its keys as compact as it is in our own option files."""
    lines = []
    for name, value in node.items():
        # a name of the source may be any text; JSON's quotes are YAML's, on one line
        key = name if name.isidentifier() and yaml.safe_load(name) == name else json.dumps(name)
        if isinstance(value, dict) and "NAME" in value:
            lines += [f"{key}:", textwrap.indent(_block(value), "  ")]
        elif isinstance(value, dict) and value:
            inner = _block(value) if name == "SCHEDULERS" else _dumped(value, default_flow_style=None)
            lines += [f"{key}:", textwrap.indent(inner, "  ")]
        else:
            # in a list, since a bare scalar would end in a document marker
            lines.append(f"{key}: {_dumped([value], default_flow_style=True)[1:-1]}")
    return "\n".join(lines)


def _dumped(value: Any, default_flow_style: bool | None) -> str:
    text = yaml.safe_dump(value, default_flow_style=default_flow_style, sort_keys=False, width=float("inf"))
    return str(text).strip()


def checked(kind: str, node: dict[str, Any], key: str) -> tuple[dict[str, Any], list[Problem]]:
    """A node with its values as the package reads them, and what is wrong with it.

    Args:
        kind: `optimizer` or `lr_scheduler`.
        node: A node of this package.
        key: Full key of the source, for the problems.
    """
    config, problems = inspect(node, registry(kind), None)
    if config is None:
        return node, [problem.under(key) for problem in problems if not is_later(problem)]
    return _read(config, node), []


def normal(kind: str, node: dict[str, Any]) -> dict[str, Any]:
    """A node with its values as the package reads them, where nothing is wrong with it."""
    return checked(kind, node, "")[0]


def _read(config: Any, node: dict[str, Any]) -> dict[str, Any]:
    # texts become numbers: "1e-4" is 0.0001, and T_MAX of 200.0 is 200
    return {key: value if isinstance(value, dict) else plain(config[key]) for key, value in node.items()}


def is_later(problem: Problem) -> bool:
    """Whether a problem is one of a value that is not there yet: an interpolation, or `???`."""
    return problem.message.endswith("still ???.") or (isinstance(problem.value, str) and "${" in problem.value)


def idle(name: str, values: Mapping[Any, Any]) -> list[Any]:
    """Keys that torch does not read beside the others, and that are refused here for it: they changed nothing.

    Args:
        name: Name of the class.
        values: A node of the source, in its own spelling.
    """
    if name != "CyclicLR":
        return []
    said = {str(key).upper(): key for key, value in values.items() if value is not None}
    unread = "MODE" if "SCALE_FN" in said else "SCALE_MODE"
    return [said[unread]] if unread in said else []
