"""All parts of the benchmark: tables, a JSON file and a picture under benchmarks/results/.

$ python benchmarks/run.py
$ python benchmarks/run.py --name my-machine --parts build scheduler
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from peers import NAMES, SKIPPED
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from timing import Row, said

RESULTS = Path(__file__).parent / "results"
PARTS = (
    "step",
    "layouts",
    "guard",
    "recording",
    "compiled",
    "groups",
    "scheduler",
    "build",
    "plan",
    "memory",
    "checkpoint",
    "numerics",
    "pruning",
    "startup",
    "gpu",
)


def machine() -> dict[str, Any]:
    """What was measured on, with what, and when."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    found = {}
    for name in ("scepter_opt", "torch", "hydra-core", "omegaconf", *NAMES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "date": dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads of torch": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": platform.platform(terse=True),
        "versions": {"python": platform.python_version(), **found, "torch": torch.__version__},
    }


def measure(parts: list[str], console: Console) -> Iterator[Row]:
    """The rows of all parts."""
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("starting", total=len(parts))
        for part in parts:
            progress.update(task, description=part)
            measured: Callable[[], Iterator[Row]] = import_module(f"bench_{part}").rows
            for row in measured():
                progress.update(task, description=f"{part}: {row['case']}, {row['name']}")
                yield row
            progress.advance(task)


def tables(rows: list[Row]) -> Iterator[Table]:
    """A table per part."""
    for part in dict.fromkeys(row["part"] for row in rows):
        table = Table("case", "name", "value", "spread", "ratio", "to", title=part)
        before = ""
        for row in rows:
            if row["part"] == part:
                case, *cells = said(row)
                table.add_row(case if case != before else "", *cells)
                before = case
        yield table


TICKS = [factor * 10**power for power in range(-4, 5) for factor in (1, 2, 5)]


def is_drawn(row: Row) -> bool:
    """Whether a row is in the picture: of the optimizers the one that all make, or it would have no end."""
    many = row["part"] in ("optimizer step", "dtypes and layouts")
    return not many or row["case"].startswith(("AdamW", "Hybrid", "bytes"))


def draw(rows: list[Row], title: str, file: Path) -> None:
    """Bars of the ratios, a panel per part; left of the line is less than what the ratio is to."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    found = [row for row in rows if "ratio" in row and row["name"] != row.get("to") and is_drawn(row)]
    parts = list(dict.fromkeys(row["part"] for row in found))
    counts = [sum(row["part"] == part for row in found) for part in parts]
    figure, panels = plt.subplots(
        len(parts),
        1,
        figsize=(12, 0.22 * sum(counts) + 0.9 * len(parts)),
        height_ratios=[count + 1 for count in counts],
        squeeze=False,
        layout="constrained",  # room for labels, however long
    )
    for part, panel in zip(parts, panels[:, 0], strict=True):
        _bars(panel, [row for row in found if row["part"] == part], part)
    figure.suptitle(title, fontsize=11)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _bars(panel: Any, shown: list[Row], part: str) -> None:
    """A panel: a bar a row from 1, with its number, on an axis of plain numbers."""
    from matplotlib import ticker

    ours = [row["name"].startswith(("scepter_opt", "auto", "with", "the plan", "compiled")) for row in shown]
    ratios = [row["ratio"] for row in shown]
    colors = ["tab:blue" if own else "silver" for own in ours]
    bars = panel.barh(range(len(shown)), [ratio - 1 for ratio in ratios], left=1, color=colors)
    panel.bar_label(bars, [f"{ratio:.2g}" for ratio in ratios], padding=2, fontsize=8)
    panel.set_yticks(range(len(shown)), [f"{row['case']}: {row['name']}" for row in shown], fontsize=8)
    panel.axvline(1, color="black", linewidth=0.8)
    panel.set_xscale("log")
    panel.set_xticks(TICKS)
    panel.set_xlim(0.6 * min(1.0, *ratios), 1.6 * max(1.0, *ratios))
    panel.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    panel.xaxis.set_minor_locator(ticker.NullLocator())
    panel.invert_yaxis()
    panel.margins(y=0.01)
    others = " or ".join(dict.fromkeys(row["to"] for row in shown))
    panel.set_title(f"{part}: ratio to {others}; blue is this package, left of 1 is less", fontsize=9, loc="left")


def main() -> None:
    parser = argparse.ArgumentParser(description="All parts of the benchmark.")
    parser.add_argument("--name", default=platform.node() or "machine", help="of the files under benchmarks/results/")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="which parts to run")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch; 1 on a shared machine")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    console, about = Console(width=None if sys.stdout.isatty() else 140), machine()
    file = RESULTS / f"{given.name}.json"
    RESULTS.mkdir(exist_ok=True)
    rows = list(measure(given.parts, console))
    for table in tables(rows):
        console.print(table)
    for name, reason in SKIPPED.items():
        console.print(f"left out: {name}: {reason}")
    file.write_text(json.dumps({**about, "left out": SKIPPED, "rows": rows}, indent=1, ensure_ascii=False) + "\n")
    draw(
        rows,
        f"{given.name}: {about['processor']}, torch {torch.__version__}, {about['date']}",
        file.with_suffix(".png"),
    )
    console.print(f"written: {file} and {file.with_suffix('.png')}")


if __name__ == "__main__":
    main()
