"""Every problem of an app's configuration, and of every combination of a sweep, before anything is run."""

from __future__ import annotations

import json as json_text
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from ..insight.progress import track
from ..integrations.sweeps import Found, Sweep, check_combinations, said_of
from .composing import compose, sweep_of
from .tables import paragraphs

LIMIT = 100_000
"""Combinations that are looked at; a sweep of more is cut short, and that is said."""


def check(
    overrides: Annotated[list[str], "As on the app's command line: optimizer=sgd optimizer.LEARNING_RATE=0.1."] = [],  # noqa: B006  # never changed
    app: Annotated[Path | None, "Folder of the app's configs; by default the package's own groups."] = None,
    config_name: Annotated[str | None, "The app's primary config."] = None,
    multirun: Annotated[bool, "Whether the overrides are of a sweep: every combination is checked."] = False,
    imports: Annotated[bool, "Resolve import paths too, which may import torch."] = False,
    json: Annotated[bool, "As JSON."] = False,
) -> int:
    """All problems of an app's config, or of a whole sweep."""
    swept, function = sweep_of(overrides, app, config_name) if multirun else ([], "")
    composer = partial(compose, app=app, config_name=config_name)
    sweep = Sweep(swept, [] if multirun else overrides, composer)
    found = check_combinations(sweep, track(list(sweep.combinations(LIMIT)), "checking"), imports or None)
    if function:
        found.remarks[f"hydra.sweeper.custom_search_space: what {function} draws is not looked at."] += (
            found.combinations
        )
    print(json_text.dumps(_as_data(found), indent=2) if json else _as_text(found, sweep.total))
    return 1 if found.problems or not found.combinations else 0


def _as_text(found: Found, total: int) -> str:
    if not total:
        return "the sweep has no combination: nothing would be run"
    return "\n".join(paragraphs(text, indent, indent + 2) for text, indent in said_of(found, total))


def _as_data(found: Found) -> dict[str, Any]:
    return {
        "combinations": found.combinations,
        "wrong": found.wrong,
        "problems": [
            {"message": text, "combinations": count, "first": found.examples[text]}
            for text, count in found.problems.items()
        ],
        "remarks": [{"message": text, "combinations": count} for text, count in found.remarks.items()],
    }
