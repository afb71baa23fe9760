"""A sweep's folder: which jobs there are, what they were given, what came out, and which is the best."""

from __future__ import annotations

import csv
import math
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigError, Problem, did_you_mean, reason_of
from .job_returns import end_of_job
from .pictures import Line, Panel

METRICS, CURVES = "metrics.csv", "curves.png"
"""What the examples write in a job's folder: a row for each step, and at the end a picture."""
RATES = ("learning_rate", "lr", "LEARNING_RATE")
"""Columns of metrics that are the learning rate."""
RETURNED = "returned"
"""Name of what a job returned, beside the columns of its metrics."""
SWEEPER = "optimization_results.yaml"
"""What a sweeper that optimizes writes."""
# written in C, where PyYAML has it: ten times as fast
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MANY_FOLD = 50


@dataclass
class Job:
    """One job of a sweep."""

    number: str
    """Its number, as text: its folder's name."""
    folder: Path
    """Where it ran."""
    overrides: list[str] = field(default_factory=list)
    """What it was given on its command line."""
    columns: dict[str, list[float | None]] = field(default_factory=dict)
    """The columns of metrics.csv that are numbers."""
    returned: float | None = None
    """What it returned, if that was kept and is a number."""
    state: str = ""
    """finished, half-finished, failed, not begun, unreadable; empty where nothing tells the end."""
    remark: str = ""
    """What is wrong with it."""

    def known(self, metric: str) -> list[float]:
        """The values of a metric, in order."""
        if metric == RETURNED:
            return [] if self.returned is None else [self.returned]
        return [value for value in self.columns.get(metric, ()) if value is not None]

    def last(self, metric: str) -> float | None:
        """The last value of a metric."""
        return next(reversed(self.known(metric)), None)

    def best(self, metric: str, greatest: bool) -> float | None:
        """The best value of a metric on the way."""
        values = [value for value in self.known(metric) if not math.isnan(value)]
        return (max if greatest else min)(values, default=None)

    def settings(self) -> dict[str, str]:
        """Its overrides by key."""
        return {key.lstrip("+~"): value for key, _, value in (one.partition("=") for one in self.overrides)}

    def steps(self) -> list[float | None]:
        """What its rows are counted by: their column `step`, or their position."""
        rows = max(map(len, self.columns.values()), default=0)
        return self.columns.get("step", [float(row) for row in range(1, rows + 1)])


@dataclass
class Results:
    """A sweep, sorted by a metric."""

    metric: str
    """A column of metrics.csv, or `returned`."""
    greatest: bool
    """Whether the greatest value is the best."""
    ranked: list[Job]
    """Jobs with a result, the best first."""
    others: list[Job]
    """Jobs without one that counts: not at their end, failed, unreadable."""
    sweeper: dict[str, Any]
    """What the sweeper wrote, if it did."""

    def command(self) -> str:
        """The overrides that run the best job again, for a shell."""
        return shlex.join(self.ranked[0].overrides) if self.ranked else ""

    def swept(self) -> list[str]:
        """The keys in which jobs differ."""
        jobs = [job.settings() for job in [*self.ranked, *self.others]]
        keys = dict.fromkeys(key for job in jobs for key in job)
        return [key for key in keys if len({job.get(key) for job in jobs}) > 1]

    def curve(self) -> str:
        """The column that is drawn: the metric's own, or what has ended as what was returned."""
        if self.metric != RETURNED:
            return self.metric
        return _column_returned(self.ranked) or next(reversed(self.ranked[0].columns), "") if self.ranked else ""


def job_folders(folder: Path) -> list[Path]:
    """The folders of a sweep's jobs, by number.

    Raises:
        ConfigError: There is no such folder, or no job in it.
    """
    if not folder.is_dir():
        raise ConfigError([Problem("folder", "there is no such folder.", str(folder))])
    found = {path.parent for name in (".hydra", METRICS) for path in folder.rglob(name)}
    if not found:
        raise ConfigError([Problem("folder", f"holds no runs: no .hydra and no {METRICS}, at any depth.", str(folder))])
    return sorted(found, key=lambda path: (not path.name.isdecimal(), path.name.zfill(9), path))


def read_job(folder: Path, sweep: Path) -> Job:
    """One job, as far as its files can be read."""
    job = Job(str(folder.relative_to(sweep)) if folder != sweep else folder.name, folder)
    settings = folder / ".hydra"
    try:
        if (settings / "overrides.yaml").is_file():
            job.overrides = _overrides(settings / "overrides.yaml")
        if (folder / METRICS).is_file():
            job.columns = _columns(folder / METRICS)
        end = end_of_job(folder, settings)
    except (OSError, ValueError, yaml.YAMLError, csv.Error) as error:
        job.state, job.remark = "unreadable", reason_of(error)
        return job
    if end is not None:
        job.state, job.returned, job.remark = "failed" if end.failed else "finished", end.value, end.error
    elif (folder / CURVES).is_file():
        job.state = "finished"
    elif not job.columns:
        job.state = "not begun"
    return job


def _overrides(path: Path) -> list[str]:
    said = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    if said is None:
        return []
    if not isinstance(said, list):
        raise ValueError(f"{path.name} is no list of overrides")  # noqa: TRY004  # what a file holds is a value
    return [str(override) for override in said]


def _columns(path: Path) -> dict[str, list[float | None]]:
    """The columns of a CSV file that are numbers, None where a cell is empty."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    # a run that was killed may have written half a row
    whole = [row for row in rows if len(row) == len(header)]
    columns: dict[str, list[float | None]] = {}
    for name, cells in zip(header, zip(*whole, strict=True), strict=False):
        try:
            values = [float(cell) if cell else None for cell in cells]
        except ValueError:
            continue  # a text
        if any(value is not None for value in values):
            columns[name] = values
    return columns


def sort_jobs(jobs: list[Job], sweep: Path, metric: str | None = None, *, greatest: bool = False) -> Results:
    """The jobs of a sweep, sorted by a metric.

    Args:
        jobs: All of them.
        sweep: The sweep's folder.
        metric: A column of metrics.csv, or `returned`; by default what jobs returned, else the last column.
        greatest: Whether the greatest is the best; it is so too where the metric's name has `accuracy`.

    Raises:
        ConfigError: No job has the metric.
    """
    ended = any(job.state == "finished" for job in jobs)
    for job in jobs:
        # where nothing is known of any job's end, all that have rows count
        job.state = job.state or ("half-finished" if ended else "")
    names = list(dict.fromkeys(name for job in jobs for name in job.columns))
    if any(job.returned is not None for job in jobs):
        names.append(RETURNED)
    if metric is None and names:
        metric = names[-1]
    if metric not in names:
        if not names:
            message = (
                "no job has a result: none kept a metrics.csv, nor what it returned. Sweep again with "
                "+hydra.callbacks.end._target_=hydra.experimental.callbacks.PickleJobInfoCallback "
                "(LogJobReturnCallback where a launcher has workers)"
            )
            raise ConfigError([Problem("results", message)])
        near = did_you_mean(metric, names) or f" There are {', '.join(names)}."
        raise ConfigError([Problem("metric", f"no job has it.{near}", metric)])
    # what is returned is often a column's last value, which tells what it is
    meant = (_column_returned(jobs) or metric) if metric == RETURNED else metric
    greatest = is_greatest(meant, greatest)
    sign = -1 if greatest else 1

    def place(job: Job) -> tuple[bool, float]:
        value = job.last(metric)
        return value is None or math.isnan(value), sign * (value or 0.0)

    counted = [job for job in jobs if job.state in ("finished", "") and job.known(metric)]
    others = [job for job in jobs if job not in counted]
    return Results(metric, greatest, sorted(counted, key=place), others, _read_sweeper(sweep))


def is_greatest(metric: str, said: bool) -> bool:
    """Whether the greatest value of a metric is the best: it is said, or its name tells."""
    return said or "accuracy" in metric.lower()


def _column_returned(jobs: Iterable[Job]) -> str | None:
    """The column whose last value is what was returned, in all jobs that returned a number."""
    ended = [job for job in jobs if job.returned is not None]
    names = ended[0].columns if ended else {}
    return next((name for name in names if all(job.last(name) == job.returned for job in ended)), None)


def _read_sweeper(sweep: Path) -> dict[str, Any]:
    try:
        said = yaml.load((sweep / SWEEPER).read_text(encoding="utf-8"), _Loader)
    except (OSError, ValueError, yaml.YAMLError):
        return {}  # few sweepers write it, and the jobs are there without it
    return said if isinstance(said, dict) else {}


def key_panels(results: Results) -> list[Panel]:
    """For each swept key a panel: the result of each job against the job's value."""
    panels = []
    for key in results.swept():
        pairs = [(job.settings().get(key, "not set"), job.last(results.metric)) for job in results.ranked]
        known = [(x, y) for x, y in pairs if y is not None]
        x: list[Any] = [one for one, _ in known]
        try:
            x = [float(one) for one in x]
        except ValueError:
            log_x = False
        else:
            log_x = bool(x) and min(x) > 0 and max(x) / min(x) >= _MANY_FOLD
        panels.append(Panel(key, results.metric, [Line("", x, [y for _, y in known])], points=True, log_x=log_x))
    return panels


def best_panels(results: Results, count: int = 5) -> list[Panel]:
    """The curves of the best jobs, in one panel, the best first."""
    column = results.curve()
    keys = results.swept()
    lines = []
    for job in results.ranked[:count]:
        values = zip(job.steps(), job.columns.get(column, ()), strict=False)
        known = [(x, y) for x, y in values if x is not None and y is not None]
        settings = ", ".join(f"{key}={job.settings()[key]}" for key in keys if key in job.settings())
        if known:
            x, y = zip(*known, strict=True)
            lines.append(Line(f"{job.number}: {settings}" if settings else job.number, x, y))
    return [Panel("step", column.replace("_", " "), lines)] if lines else []


def rate_panels(results: Results) -> list[Panel]:
    """The learning rate of the best job at each of its rows, where its metrics have a column of it."""
    if not results.ranked:
        return []
    best = results.ranked[0]
    column = next((name for name in RATES if name in best.columns), None)
    if column is None:
        return []
    values = zip(best.steps(), best.columns[column], strict=False)
    known = [(x, y) for x, y in values if x is not None and y is not None]
    x, y = zip(*known, strict=True)
    return [Panel("step", "learning rate", [Line(f"job {best.number}", x, y)])]
