"""`scepter-opt preview`: the curves of a schedule, before there is a run."""

from __future__ import annotations

import json as json_module
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from omegaconf import OmegaConf

from ..errors import ConfigError, Problem
from ..insight.page import is_page, write_page
from ..insight.pictures import Panel, columns, curve_panels, in_terminal, save, turning_points
from ..insight.preview import Preview
from ..insight.preview import preview as preview_of
from ..insight.progress import track
from ..insight.rule_groups import groups_of_rules
from ..insight.writing import writing
from .composing import compose
from .schedulers import horizon_of, pairs

_TICKS = 12


def preview(
    overrides: Annotated[list[str], "as for a Hydra app: lr_scheduler=warmup_cosine optimizer.LEARNING_RATE=0.1"] = [],  # noqa: B006  # never changed
    total_steps: Annotated[int | None, "optimizer steps of the whole run"] = None,
    steps_per_epoch: Annotated[int | None, "optimizer steps per epoch, where a schedule counts epochs"] = None,
    at: Annotated[list[int] | None, "a tick, of which the values are printed; repeatable"] = None,
    out: Annotated[Path | None, "a file for the curves: .html, .png, .svg, .csv or .json"] = None,
    compare: Annotated[list[str] | None, "further overrides in one text, to compare with; repeatable"] = None,
    app: Annotated[Path | None, "folder of an app's configs"] = None,
    config_name: Annotated[str | None, "the app's own config in that folder"] = None,
    json: Annotated[bool, "print every tick as JSON"] = False,
) -> int:
    """The rate and other scheduled settings at every tick."""
    if at and json:
        raise ConfigError([Problem("at", "--json has every tick: leave one of the two out.", at)])
    previews: dict[str, Preview] = {}
    variants = ["", *(compare or [])]
    for variant in track(variants, "previewing"):
        cfg = compose([*overrides, *shlex.split(variant)], app, config_name)
        nodes = list(pairs(cfg))
        for key, scheduler, optimizer in nodes:
            names = [variant or shlex.join(overrides) or scheduler.NAME] if len(variants) > 1 or len(nodes) == 1 else []
            name = ": ".join([*names, *([key] if len(nodes) > 1 else [])])
            run = horizon_of(scheduler, total_steps, steps_per_epoch)
            groups = None if optimizer is None else groups_of_rules(optimizer)
            previews[name] = preview_of(OmegaConf.select(cfg, key), run, groups)
    units = {shown.unit for shown in previews.values()}
    panels = curve_panels(previews, units.pop() if len(units) == 1 else "tick")
    if out is not None:
        _write(out, panels, previews, "" if len(variants) > 1 else shlex.join(overrides))
        print(f"wrote {out}")
        if at:
            print(as_tables(panels, at))
    elif json:
        print(_as_json(previews))
    elif at:
        print(as_tables(panels, at))
    elif sys.stdout.isatty():
        width, height = shutil.get_terminal_size()
        print(in_terminal(panels, width, max(12, min(24, height - 4))))
    else:
        print(as_tables(panels))
    return 0


def _write(out: Path, panels: list[Panel], previews: Mapping[str, Preview], title: str) -> None:
    if is_page(out):
        write_page(out, dict(previews), title=title or None)
        return
    if out.suffix not in (".csv", ".json"):
        save(panels, out, title)
        return
    with writing(out):
        out.write_text(_as_csv(previews) if out.suffix == ".csv" else _as_json(previews) + "\n", encoding="utf-8")


def _as_json(previews: Mapping[str, Preview]) -> str:
    document = {
        name: {key: {group: list(values) for group, values in each.items()} for key, each in columns(shown).items()}
        for name, shown in previews.items()
    }
    return json_module.dumps(document)


def _as_csv(previews: Mapping[str, Preview]) -> str:
    import csv
    import io

    # a row for each number: schedules that are compared may count other ticks
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("schedule", "setting", "group", "tick", "value"))
    for name, shown in previews.items():
        for key, each in columns(shown).items():
            for group, values in each.items():
                writer.writerows((name, key, group, tick, value) for tick, value in enumerate(values))
    return text.getvalue()


def as_tables(panels: list[Panel], at: Sequence[int] = ()) -> str:
    """The curves as text: a table for each setting, with a row for each of these ticks, or for some.

    Raises:
        ConfigError: The run has no such tick.
    """
    tables = []
    for panel in panels:
        rows = [[panel.x_label, *(line.label for line in panel.lines)]]
        last = max(len(line.y) for line in panel.lines) - 1
        wrong = [Problem("at", f"the ticks of the run are 0 to {last}.", tick) for tick in at if not 0 <= tick <= last]
        if wrong:
            raise ConfigError(wrong)
        for tick in at or turning_points(panel.lines, _TICKS):
            values = (f"{line.y[tick]:.6g}" if tick < len(line.y) else "" for line in panel.lines)
            rows.append([str(tick), *values])
        widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.rjust, row, widths)).rstrip() for row in rows]
        tables.append("\n".join([panel.y_label, *lines]))
    return "\n\n".join(tables)
