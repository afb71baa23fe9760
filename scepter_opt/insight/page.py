"""One HTML file that shows previews, plans, audits and results, and works without a network."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from math import prod
from pathlib import Path
from string import Template
from typing import Any

from ..errors import ConfigError, Problem
from ..parameters.plan import Plan
from .audit import Audit
from .extras import needed
from .page_curves import curves_of_panels, curves_of_previews
from .page_findings import findings_html
from .page_tables import table_of_results, tables_of_plan
from .preview import Preview
from .range_result import RateRange
from .results import Results, best_panels, key_panels, rate_panels
from .writing import writing

_SCRIPTS = ("table.js", "lines.js", "curves.js", "page.js")


def is_page(path: Path) -> bool:
    """Whether a file is a page by its name."""
    return path.suffix.lower() in (".html", ".htm")


@dataclass
class _Content:
    """What a page shows, in the order in which it stands there."""

    audits: dict[str, Audit] = field(default_factory=dict)
    previews: dict[str, Preview] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    results: dict[str, Results] = field(default_factory=dict)
    ranges: dict[str, RateRange] = field(default_factory=dict)

    def add(self, part: Any, name: str = "") -> None:
        """Put a part to those of its kind."""
        kinds: dict[type, dict[str, Any]] = {
            Audit: self.audits,
            Preview: self.previews,
            Plan: self.plans,
            Results: self.results,
            RateRange: self.ranges,
        }
        of_kind = next((known for kind, known in kinds.items() if isinstance(part, kind)), None)
        if of_kind is None:
            message = (
                "a page shows what preview, plan and find_lr return, an audit, the results of a sweep, or such by name "
                f"in a dict; not a {type(part).__name__}."
            )
            raise ConfigError([Problem("", message)])
        of_kind[name if name and name not in of_kind else f"{name or 'part'} {len(of_kind) + 1}"] = part


def write_page(path: str | Path, *parts: Any, title: str | None = None, command: str = "") -> None:
    """Write what was seen into one HTML file, which opens in any browser and fetches nothing.

    It has curves to hover and to switch, and tables to search and to sort. Equal parts make equal files.

    Args:
        path: The file, by custom `.html`.
        parts: What `preview`, `plan` and `find_lr` return, audits and results, in any order and number; a dict of them
            gives them names.
        title: Heading of the page; by default what its parts are of.
        command: What made it, to be shown below the heading.

    Raises:
        ConfigError: A part is none of these, the file cannot be written, or plotly is not installed.
    """
    text = page_text(*parts, title=title, command=command)
    with writing(path):
        # a name may hold what UTF-8 has no place for
        Path(path).write_bytes(text.encode("utf-8", "backslashreplace"))


def page_text(*parts: Any, title: str | None = None, command: str = "") -> str:
    """The page that `write_page` writes."""
    content = _Content()
    for part in parts:
        if isinstance(part, Mapping) and not isinstance(part, Preview):
            for name, each in part.items():
                content.add(each, str(name))
        else:
            content.add(part)
    title = title if title is not None else _title(content)
    facts = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in _facts(content))
    folder = files(__package__) / "page_files"

    def read(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    return Template(read("page.html")).substitute(
        title=escape(title),
        command=f"<p class=command><code>{escape(command)}</code></p>" if command else "",
        facts=facts,
        findings="".join(_findings(content)),
        style=read("page.css"),
        data=_as_json(_data(content)),
        library=needed("plotly.offline", "page").get_plotlyjs() if _has_curves(content) else "",
        script="\n".join(map(read, _SCRIPTS)),
    )


def _has_curves(content: _Content) -> bool:
    # the library is most of a page: one of tables alone goes without
    return bool(content.previews or content.results or content.ranges)


def _title(content: _Content) -> str:
    told = [plan.optimizer for plan in content.plans.values()]
    told += [shown.scheduler for shown in content.previews.values()]
    told += ["results of a sweep"] * bool(content.results)
    told += ["learning-rate range test"] * bool(content.ranges)
    return ", ".join(dict.fromkeys(filter(None, told))) or "scepter_opt"


def _data(content: _Content) -> dict[str, Any]:
    curves, tables = [], []
    if content.previews:
        curves.append(curves_of_previews(content.previews))
    for name, found in content.ranges.items():
        of = "" if len(content.ranges) == 1 else f": {name}"
        curves.append(curves_of_panels(found.panels(), f"Learning-rate range test{of}"))
    for results in content.results.values():
        curves += [
            curves_of_panels(panels, title)
            for title, panels in (
                ("Results by key", key_panels(results)),
                ("The best jobs", best_panels(results)),
                ("Learning rate of the best job", rate_panels(results)),
            )
            if panels
        ]
        tables.append(table_of_results(results))
    for name, plan in content.plans.items():
        of = "" if len(content.plans) == 1 else f"{name}: "
        tables += [{**each, "title": of + each["title"]} for each in tables_of_plan(plan)]
    return {"curves": curves, "tables": tables}


def _findings(content: _Content) -> Iterator[str]:
    for name, audit in content.audits.items():
        of = f" {name}" if len(content.audits) > 1 else ""
        yield f"<section><h2>Audit{escape(of)}</h2><p>{escape(audit.head)}</p>{findings_html(audit.findings)}</section>"


def _facts(content: _Content) -> Iterator[tuple[str, str]]:
    """What the page is of, a word and a text each."""
    for plan in content.plans.values():
        shapes = plan.columns.shapes
        values = [prod(shape) for shape in shapes]
        frozen = [plan.combinations[number].frozen for number in plan.column]
        trained = sum(size for size, still in zip(values, frozen, strict=True) if not still)
        yield "optimizer", plan.optimizer
        yield "groups", f"{len(plan.group_settings):,}"
        yield "parameters", f"{len(plan):,}"
        yield "values", f"{sum(values):,}" + f", {trained:,} of them trained" * any(frozen)
    for name in dict.fromkeys(shown.scheduler for shown in content.previews.values() if shown.scheduler):
        yield "scheduler", name
    for ticks, unit in dict.fromkeys((shown.ticks, shown.unit) for shown in content.previews.values()):
        yield "length", f"{ticks:,} {unit}{'s' * (ticks != 1)}"
    for results in content.results.values():
        yield "jobs", f"{len(results.ranked) + len(results.others):,}, {len(results.ranked):,} with a result"
        yield "sorted by", f"{results.metric}, the {'greatest' if results.greatest else 'smallest'} first"
        if results.ranked:
            yield "best", f"job {results.ranked[0].number}: {results.command()}"
    for found in content.ranges.values():
        yield "suggestion", "none" if found.suggestion is None else f"{found.suggestion:.3g}"
    yield "scepter_opt", _version("scepter_opt")
    # a page is not worth the seconds that torch takes to import
    if sys.modules.get("torch") is not None:
        yield "torch", _version("torch")


def _version(name: str) -> str:
    return str(getattr(sys.modules[name], "__version__", "unknown"))


def _as_json(data: Any) -> str:
    """Data as JSON that ends no script: names are anything."""
    text = json.dumps(_finite(data), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _finite(data: Any) -> Any:
    """JSON has neither nan nor infinity."""
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    return data
