"""What can be chosen, and what can be said: list, show, template, write."""

from __future__ import annotations

import dataclasses
import json as json_text
from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import yaml

from ..components.registry import option_name, registries
from ..config.documentation import summary
from ..errors import ConfigError, Problem, did_you_mean
from ..insight.catalogue import GROUPS, Option, entry_of, find, fits, options, text_of
from ..insight.keys import Key, Section, sections
from ..integrations.option_files import option_file, option_files
from ..search.spaces import CHOSEN, GROUP, LISTED, space_file, spaces
from .tables import paragraphs, table


def list_(
    words: Annotated[
        list[str],
        "optimizers, schedulers, param-groups, search-spaces; globs or parts of names and summaries: all must fit.",
    ] = [],  # noqa: B006  # never changed
    markdown: Annotated[bool, "The classes as a table for a document."] = False,
    json: Annotated[bool, "As JSON."] = False,
) -> int:
    """Every option: classes, recipes, presets, your own."""
    if markdown:
        print(_classes_as_markdown())
        return 0
    first = words[0].lower().replace("_", "-") if words else ""
    if first in ("search-spaces", "search-space"):
        return _list_spaces(words[1:], json)
    kind = next((kind for kind, group in GROUPS.items() if first in (kind, kind[:-1], group.replace("_", "-"))), "")
    patterns = words[1:] if kind else words
    found = [option for option in options(kind) if all(fits(option, pattern) for pattern in patterns)]
    if not found:
        raise ConfigError([Problem("list", "no option has this in its name or summary.", " ".join(patterns))])
    if json:
        print(json_text.dumps([dataclasses.asdict(option) for option in found], indent=2))
        return 0
    # a table for each group: the words that choose rules are long
    for _, group in groupby(found, lambda option: option.group):
        print(table([(option.choice, _of(option), option.summary) for option in group]))
    return 0


def _list_spaces(patterns: list[str], json: bool) -> int:
    """What is searched for each optimizer, and where."""
    known = spaces()

    def is_meant(option: str, pattern: str) -> bool:
        # a whole name is that one alone: sgd is not asgd
        return option == pattern if pattern in known else fnmatch(option, pattern) or pattern in option

    found = {
        option: {key: str(each) for key, each in space.items()}
        for option, space in known.items()
        if all(is_meant(option, pattern.lower()) for pattern in patterns)
    }
    if not found:
        near = did_you_mean(patterns[0], list(known))
        raise ConfigError([Problem("list", f"there is no such search space.{near}", " ".join(patterns))])
    if json:
        print(json_text.dumps(found, indent=2))
        return 0
    rows = [
        (f"+{GROUP}={option}" if at == 0 else "", key, text)
        for option, space in found.items()
        for at, (key, text) in enumerate(space.items())
    ]
    print(table([*rows, (f"+{GROUP}={CHOSEN}", "", "that of whichever optimizer a trial draws")]))
    print(f"Each also as lists of values for Hydra's basic sweeper: +{GROUP}={next(iter(found))}{LISTED}")
    return 0


def show(
    option: Annotated[str, "optimizer=adamw, adamw, AdamW, warmup_cosine, no_decay; or phases, param_groups, finish."],
    key: Annotated[str, "One of its keys, or torch's argument; also with what is below it."] = "",
    json: Annotated[bool, "As JSON."] = False,
) -> int:
    """Every key of an option, and all about it."""
    found = sections(option, key)
    if json:
        print(json_text.dumps([dataclasses.asdict(section) for section in found], indent=2))
    else:
        print("\n\n".join(map(_section, found)))
    return 0


def template(
    option: Annotated[str, "A class or an option: AdamW, adamw, warmup_cosine, search_space=sgd."],
) -> int:
    """The YAML of an option, with comments."""
    group, _, name = option.lstrip("+").rpartition("=")
    if group.partition("/")[0] == GROUP:
        print(space_file(name, group.removeprefix(GROUP).strip("/").replace("/", ".") or "optimizer").rstrip())
        return 0
    found = find(option)
    print((entry_of(found).template() if _is_class(found) else text_of(found.group, found.name)).rstrip())
    return 0


def write(
    folder: Annotated[Path, "The conf folder."],
    option: Annotated[str, "A class, such as schedulefree.AdamWScheduleFree; all of our own without."] = "",
    name: Annotated[str, "What the option is called; made of the class's name without."] = "",
    overwrite: Annotated[bool, "Write over a file that is there with other content."] = False,
) -> int:
    """Write an option file with every key of a class; without one those of our own classes."""
    files = [_option_file(folder, option, name, overwrite)] if option else list(option_files())
    written = [path for path, text in files if _write(folder / path, text)]
    print("\n".join(f"wrote {path}" for path in written) or "all files are as they should be")
    return 0


def _option_file(folder: Path, option: str, name: str, overwrite: bool) -> tuple[Path, str]:
    """The path below the conf folder, and the text, of a class's option file.

    Raises:
        ConfigError: There is no such class, or the file has other content.
    """
    found = find(option)
    if not _is_class(found):
        raise ConfigError([Problem(option, "is no class: scepter-opt template prints its file, to be changed.")])
    entry = entry_of(found)
    text = option_file(entry)
    path = Path(entry.kind) / f"{name or option_name(entry.name)}.yaml"
    there = folder / path
    if there.exists() and not overwrite and there.read_text(encoding="utf-8") != text:
        message = "is there with other content: write over it by --overwrite, or choose another by --name."
        raise ConfigError([Problem(str(there), message)])
    return path, text


def _is_class(option: Option) -> bool:
    """Whether an option is one class's, whose keys make its file."""
    return option.sort in ("class", "yours") or bool(option.sort == "path" and option.of)


def _of(option: Option) -> str:
    words = {"class": option.of, "recipe": f"recipe of {option.of}", "preset": "rules", "yours": f"{option.of} (yours)"}
    return words.get(option.sort, "any import path")


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
        (f"`{known.kind}={entry.option}`", f"`{entry.name}`", summary(entry.cls))
        for known in registries()
        for entry in known.entries().values()
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
