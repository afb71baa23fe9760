"""Mistakes of a new user: what is typed, and what an app prints. docs/errors.md is written from here."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.utils import run_and_report

import scepter_opt

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "errors.md"
# On the command line of an app whose config says `optimizer: adamw` and `lr_scheduler: warmup_cosine`.
TYPED = [
    "optimizer.lr=0.1",
    "+optimizer.lr=0.1",
    "optimizer.LERNING_RATE=0.1",
    "+optimizer.LERNING_RATE=0.1",
    "optimizer.LEARNING_RATE=abc",
    "optimizer.LEARNING_RATE=-0.1",
    "optimizer.BETAS=[0.9]",
    "optimizer.BETAS=[0.9,1.0]",
    "optimizer.AMSGRAD=perhaps",
    "optimizer.IMPLEMENTATION=fussed",
    "optimizer=sgd optimizer.NESTEROV=true",
    "optimizer=adamm",
    "+optimiser=sgd",
    "optimizer.NAME=SGD",
    "optimizer=adafactor optimizer.IMPLEMENTATION=fused",
    "+optimizer.PARAM_GROUPS.head.SET.LR_MULT=10",
    "+optimizer.PARAM_GROUPS.head.WHERE.NAME=head +optimizer.PARAM_GROUPS.head.SET.LR_MULT=10",
    "+optimizer.PARAM_GROUPS.head.WHERE.NAMES=head +optimizer.PARAM_GROUPS.head.SET.LR=10",
    "+param_groups=no_decay",
    "lr_scheduler=null",
    "lr_scheduler=warmup_cosin",
    "lr_scheduler.PHASES.warmup.LENGTH=0.05",
    "lr_scheduler.PHASES.warmup.LENGTH=120%",
    "+lr_scheduler.PHASES.warmup.GAMMA=0.5",
    "lr_scheduler.PHASES.decay.CURVE=cosin",
    "lr_scheduler=step",
    "lr_scheduler=one_cycle lr_scheduler.MAX_LR=0.1 optimizer=adagrad",
]
# As YAML, in a file of the app's own.
WRITTEN = [
    "optimizer: adam",
    "optimizer: {name: SGD, LEARNING_RATE: 0.1}",
    "optimizer: {NAME: SDG}",
    "optimizer: {NAME: StepLR, STEP_SIZE: 3}",
    "optimizer: {NAME: Hybrid, OPTIMIZERS: {muon: {NAME: Muon}, adamw: {NAME: AdamW}}}",
    "lr_scheduler: {NAME: SequentialLR, MILESTONES: [5], SCHEDULERS: {a: {NAME: LinearLR}}}",
    "optimizer: {_target_: torch.optim.AdamW, lr: -1}",
]
HEAD = """# Errors

A mistake is named before the model is built, all of them at once, each with its full key, what was written, what would
be right, and the nearest name. An app that calls `scepter_opt.check(cfg)` first prints no traceback; HYDRA_FULL_ERROR=1
brings it.

Some mistakes Hydra itself sees while it composes, before this package is asked. It then advises a `+`, which is right
for a key that is new: for a misspelt one, the `+` brings the message that names the right key. The first four rows show
both. For no schedule choose `lr_scheduler=none`: Hydra takes no null for an option.

Each row is run by the tests: what is typed on the command line of an app whose config chooses `optimizer: adamw` and
`lr_scheduler: warmup_cosine`, or written in a config file, and what is printed.

| typed or written | printed |
| --- | --- |
"""


def printed(task: Callable[[], Any]) -> str:
    """What Hydra prints for an app that fails so."""
    out = io.StringIO()
    # Hydra takes coverage for a debugger, and raises what it would print
    undebugged = mock.patch("hydra._internal.utils.is_under_debugger", return_value=False)
    with contextlib.redirect_stderr(out), contextlib.suppress(SystemExit), undebugged:
        run_and_report(task)
    text = out.getvalue().partition("\nSet the environment variable")[0].strip()
    if text.startswith("Traceback"):
        return f"A traceback of Hydra's own, which ends in {text.splitlines()[-1]}"
    # the options on one line, and not where they were searched for
    text = text.partition("\n\nConfig search path")[0].partition("\nConfig search path")[0]
    head, available, options = text.partition("Available options in ")
    return head + available + options.replace("\n\t", " ")


@cache
def messages() -> dict[str, str]:
    """By mistake what is printed."""
    rows = {}
    with initialize_config_dir(str(ROOT / "tests/apps/mistakes"), version_base="1.3"):
        for typed in TYPED:
            rows[typed] = printed(lambda typed=typed: scepter_opt.check(compose("config", typed.split())))  # type: ignore[misc]  # a default in a lambda
    for written in WRITTEN:
        rows[written] = printed(lambda written=written: scepter_opt.check(yaml.safe_load(written)))  # type: ignore[misc]  # a default in a lambda
    return rows


def page() -> str:
    """The text of docs/errors.md."""
    rows = []
    for mistake, message in messages().items():
        lines = "<br>".join(line.strip().replace("|", "\\|") for line in message.splitlines() if line.strip())
        rows.append(f"| `{mistake}` | {lines} |")
    return HEAD + "\n".join(rows) + "\n"


@pytest.mark.skipif(version("hydra-core").startswith("1.4"), reason="the words are those of Hydra 1.3")
def test_the_page_shows_what_thirty_mistakes_print() -> None:
    assert len({*TYPED, *WRITTEN}) >= 30
    assert PAGE.read_text(encoding="utf-8") == page(), "stale: python -m tests.test_mistakes"


@pytest.mark.skipif(version("hydra-core").startswith("1.4"), reason="the words are those of Hydra 1.3")
def test_no_mistake_ends_in_a_traceback_or_passes() -> None:
    for mistake, message in messages().items():
        assert message, mistake
        assert "raceback" not in message or mistake == "lr_scheduler=null", mistake


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
