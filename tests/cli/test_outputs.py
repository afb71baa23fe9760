"""What the command prints, run as a process at a width of 100, is what stands in tests/cli/printed.

`python -m tests.cli.test_outputs` writes them anew.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "printed"
ROOT = Path(__file__).parents[2]
CASES = {
    "help": "--help",
    "list": "list schedulers 'warmup_*'",
    "show": "show sgd",
    "show_phases": "show warmup_cosine PHASES",
    "show_rules": "show param_groups",
    "schema_write": "schema --write --app examples/conf --vscode --dry-run",
    "template": "template warmup_stable_decay",
    "preview": "preview lr_scheduler=warmup_cosine --total-steps 10000",
    "preview_at": "preview lr_scheduler=warmup_cosine --total-steps 10000 --at 5000 --at 9999",
    "check": "check optimizer=sgd optimizer.MOMENTUM=-1 optimizer.LEARNING_RATE=-2 lr_scheduler=step",
    "check_sweep": "check -m optimizer=sgd,adamw optimizer.LEARNING_RATE=0.1,-1 optimizer.MOMENTUM=0.9,0.8",
    "check_app": "check --app examples/conf --config-name trainn",
    "wrong_option": "show adamv",
    "wrong_command": "lst",
}


def output(case: str) -> str:
    """Both outputs of a command and its status."""
    command = [sys.executable, "-m", "scepter_opt", *shlex.split(CASES[case])]
    environment = {**os.environ, "COLUMNS": "100", "TERMINAL_WIDTH": "100"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    shown = f"$ scepter-opt {CASES[case]}\n{done.stdout}"
    return shown + (f"-- error\n{done.stderr}" if done.stderr else "") + f"-- status {done.returncode}\n"


@pytest.mark.parametrize("case", CASES)
def test_the_output_is_as_written(case: str) -> None:
    assert output(case) == (FOLDER / f"{case}.txt").read_text(encoding="utf-8")


def test_no_output_is_left_over() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == CASES.keys()


if __name__ == "__main__":
    for each in CASES:
        (FOLDER / f"{each}.txt").write_text(output(each), encoding="utf-8")
