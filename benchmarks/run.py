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
PARTS = ("step", "groups", "scheduler", "build", "plan", "memory", "numerics", "startup", "gpu")


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


def is_drawn(row: Row) -> bool:
    """Whether a row is in the picture: of the optimizers the one that all make, or it would have no end."""
    return row["part"] != "optimizer step" or row["case"].startswith(("AdamW", "Hybrid", "bytes"))


def draw(rows: list[Row], title: str, file: Path) -> None:
    """Bars of the ratios, a panel per part; left of the line is less than what the ratio is to."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    found = [row for row in rows if "ratio" in row and row["name"] != row.get("to") and is_drawn(row)]
    parts = list(dict.fromkeys(row["part"] for row in found))
    counts = [sum(row["part"] == part for row in found) for part in parts]
    figure, panels = plt.subplots(
        len(parts), 1, figsize=(11, 0.2 * sum(counts) + 1.2 * len(parts)), height_ratios=counts, squeeze=False
    )
    for part, panel in zip(parts, panels[:, 0], strict=True):
        shown = [row for row in found if row["part"] == part]
        ours = [row["name"].startswith(("scepter_opt", "auto", "with", "the plan")) for row in shown]
        ratios = [row["ratio"] for row in shown]
        panel.barh(range(len(shown)), ratios, color=["tab:blue" if own else "tab:gray" for own in ours])
        panel.set_yticks(range(len(shown)), [f"{row['case']}: {row['name']}" for row in shown], fontsize=6)
        panel.axvline(1, color="black", linewidth=0.8)
        panel.set_xscale("log")
        panel.invert_yaxis()
        panel.margins(y=0.01)
        panel.set_title(f"{part}, ratio to {' or '.join(dict.fromkeys(row['to'] for row in shown))}", fontsize=8)
    figure.suptitle(title, fontsize=9)
    figure.tight_layout(rect=(0, 0, 1, 0.99))
    figure.savefig(file, dpi=110)
    plt.close(figure)


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
