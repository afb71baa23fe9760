"""What can be chosen, and what can be said: list, show, template, schema, write."""

from __future__ import annotations

import dataclasses
import json as json_text
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import yaml

from ..components.registry import get_config_template, meant_registry, registries
from ..config.documentation import summary
from ..errors import ConfigError, Problem, did_you_mean
from ..insight.catalogue import GROUPS, Option, options, text_of
from ..insight.keys import Key, Section, sections
from ..integrations.option_files import option_files
from .tables import paragraphs, table


def list_(
    kind: Annotated[str, "optimizers, schedulers or param-groups; all of them by default."] = "",
    pattern: Annotated[str, "A glob, or a part of the option, the class's name or the summary."] = "",
    markdown: Annotated[bool, "The classes as a table for a document."] = False,
    json: Annotated[bool, "As JSON."] = False,
) -> int:
    """Every option of the config groups: classes, recipes, presets, and your own classes."""
    if kind and kind not in GROUPS:
        if pattern:
            message = f"must be one of {', '.join(GROUPS)}.{did_you_mean(kind, list(GROUPS))}"
            raise ConfigError([Problem("list", message, kind)])
        kind, pattern = "", kind
    if markdown:
        print(_classes_as_markdown())
        return 0
    found = options(kind, pattern)
    if json:
        print(json_text.dumps([dataclasses.asdict(option) for option in found], indent=2))
    elif not found:
        raise ConfigError([Problem("list", "no option has this in its name or summary.", pattern)])
    else:
        # a table for each group: the words that choose rules are long
        for _, group in groupby(found, lambda option: option.group):
            print(table([(option.choice, _of(option), option.summary) for option in group]))
    return 0


def show(
    option: Annotated[str, "optimizer=adamw, adamw, AdamW, warmup_cosine, no_decay; or phases, param_groups, finish."],
    key: Annotated[str, "One of its keys, or torch's argument; also with what is below it."] = "",
    json: Annotated[bool, "As JSON."] = False,
) -> int:
    """Every key of an option: type, bounds, value and where it is from, torch's argument, what it is for."""
    found = sections(option, key)
    if json:
        print(json_text.dumps([dataclasses.asdict(section) for section in found], indent=2))
    else:
        print("\n\n".join(map(_section, found)))
    return 0


def template(
    option: Annotated[str, "A class or an option, such as AdamW, adamw or warmup_cosine."],
) -> int:
    """The YAML of an option, every key with its documentation as a comment."""
    from ..insight.catalogue import find

    found = find(option)
    text = get_config_template(found.of) if found.sort in ("class", "yours") else text_of(found.group, found.name)
    print(text.rstrip())
    return 0


def schema(name: Annotated[str, "A class, such as AdamW."]) -> int:
    """JSON Schema of a class's node, for editors."""
    print(json_text.dumps(meant_registry(name).json_schema(name), indent=2))
    return 0


def write(folder: Annotated[Path, "The conf folder."]) -> int:
    """Write the option files of the package's own classes."""
    written = [path for path, text in option_files() if _write(folder / path, text)]
    print("\n".join(f"wrote {path}" for path in written) or "all files are as they should be")
    return 0


def _of(option: Option) -> str:
    return {"class": option.of, "recipe": f"recipe of {option.of}", "preset": "rules", "yours": f"{option.of} (yours)"}[
        option.sort
    ]


def _section(section: Section) -> str:
    return "\n".join([paragraphs(section.title), *map(_key, section.keys)])


def _key(key: Key) -> str:
    """A key in a few lines: what it is, then what it is for."""
    facts = [key.type]
    if key.required:
        facts.append("required")
    elif key.type != "curve":
        value = _flow(key.value)
        facts.append(f"default {value}" if key.source == "default" else f"{value}, from {key.source}")
    if key.keyword:
        facts.append(f"torch: {key.keyword}")
    head = f"{key.name}: {'; '.join(facts)}" if key.type != "curve" else key.name
    return "\n".join(filter(None, [paragraphs(head, 2, 6), paragraphs(key.documentation, 6)]))


def _flow(value: Any) -> str:
    return yaml.safe_dump([value], default_flow_style=True, width=10_000, sort_keys=False).strip()[1:-1]


def _classes_as_markdown() -> str:
    rows = [
        (f"`{registry.kind}={entry.option}`", f"`{entry.name}`", summary(entry.cls))
        for registry in registries()
        for entry in registry.entries().values()
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in _headed(rows))


def _headed(rows: list[tuple[str, str, str]]) -> Iterator[tuple[str, ...]]:
    yield from (("option", "`NAME`", "what it is"), ("---",) * 3, *rows)


def _write(path: Path, text: str) -> bool:
    # a file that is as it should be keeps its date, and a build that goes by dates does nothing
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True
