"""`scepter-opt results`: what came out of a sweep."""

from __future__ import annotations

import json as json_module
import math
from pathlib import Path
from typing import Annotated

from ..errors import ConfigError, Problem
from ..insight.page import is_page, write_page
from ..insight.pictures import save
from ..insight.progress import track
from ..insight.results import Job, Results, best_panels, is_greatest, job_folders, key_panels, read_job, sort_jobs


def results(
    folder: Annotated[Path, "the sweep's folder: multirun/DATE/TIME"],
    metric: Annotated[
        str | None,
        "a column of metrics.csv, or returned; by default what the jobs returned, if it was kept, else the last column",
    ] = None,
    greatest: Annotated[bool, "the greatest value is the best, as it is where the metric's name has accuracy"] = False,
    out: Annotated[
        Path | None,
        "a folder for pictures: the result against each swept key, the curves of the best five; or a page, .html",
    ] = None,
    json: Annotated[bool, "print the jobs as JSON"] = False,
) -> int:
    """A sweep's jobs by their results, the best first."""
    jobs = [read_job(path, folder) for path in track(job_folders(folder), "reading jobs")]
    found = sort_jobs(jobs, folder, metric, greatest=greatest)
    print(_as_json(found) if json else as_text(found))
    if out is not None and is_page(out):
        write_page(out, found, title=f"Results of {folder}")
        if not json:
            print(f"wrote {out}")
    elif out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError([Problem("out", f"cannot be made: {error}.", str(out))]) from error
        for name, panels in (("result_by_key.png", key_panels(found)), ("best_curves.png", best_panels(found))):
            if panels:
                save(panels, out / name)
                if not json:  # what is printed then is one document
                    print(f"wrote {out / name}")
    return 0


def as_text(found: Results) -> str:
    """The jobs as a table, the best one's overrides for a shell, and what is to be said of the others."""
    rows = [("rank", "job", found.metric, "overrides")]
    rows += [
        (str(rank), job.number, _number(job.last(found.metric)), " ".join(job.overrides))
        for rank, job in enumerate(found.ranked, 1)
    ]
    rows += [(job.state, job.number, _number(job.last(found.metric)), _told(job)) for job in found.others]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    if found.sweeper:
        lines += ["", f"sweeper: {', '.join(f'{key} {value}' for key, value in found.sweeper.items())}"]
    if found.ranked:
        lines += ["", f"best: job {found.ranked[0].number}, to run again with", f"  {found.command()}"]
    if any(not job.state for job in found.ranked):
        lines += ["", "Nothing tells whether the jobs came to their end: Hydra keeps what they return by a callback"]
        lines += ["(LogJobReturnCallback where a launcher has workers),"]
        lines += ["  +hydra.callbacks.end._target_=hydra.experimental.callbacks.PickleJobInfoCallback"]
    return "\n".join(lines)


def _told(job: Job) -> str:
    return " ".join(job.overrides) + f" ({job.remark})" * bool(job.remark)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _finite(value: float | None) -> float | None:
    """JSON has neither nan nor infinity."""
    return value if value is not None and math.isfinite(value) else None


def _as_json(found: Results) -> str:
    def told(job: Job) -> dict[str, object]:
        greatest = {name: is_greatest(name, found.greatest and name == found.metric) for name in job.columns}
        return {
            "job": job.number,
            "state": job.state or "unknown",
            "overrides": job.overrides,
            "returned": _finite(job.returned),
            "last": {name: _finite(job.last(name)) for name in job.columns},
            "best": {name: _finite(job.best(name, greatest[name])) for name in job.columns},
            "remark": job.remark,
        }

    document = {
        "metric": found.metric,
        "greatest": found.greatest,
        "best": found.command(),
        "ranked": [told(job) for job in found.ranked],
        "others": [told(job) for job in found.others],
        "sweeper": found.sweeper,
    }
    return json_module.dumps(document, indent=1, default=str)
