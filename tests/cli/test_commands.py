"""The command: list, show, schema, write."""

from __future__ import annotations

import subprocess
import sys

import pytest

from scepter_opt.cli.commands import main


def test_the_command_names_an_unknown_class(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "SDG"]) == 1
    assert "Did you mean SGD?" in capsys.readouterr().err


def test_the_command_prints_templates_and_schemas(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "StepLR"]) == 0
    assert "STEP_SIZE: ???" in capsys.readouterr().out
    assert main(["schema", "StepLR"]) == 0
    assert '"minimum": 1' in capsys.readouterr().out
    assert main(["list"]) == 0
    assert "optimizer=adamw" in capsys.readouterr().out


def test_a_name_that_is_near_to_a_scheduler_is_told_of_schedulers(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("show", "schema"):
        assert main([command, "StepLRR"]) == 1
        assert "there is no such lr_scheduler. Did you mean StepLR?" in capsys.readouterr().err


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m scepter_opt list --markdown | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "| option | `NAME` | what it is |\n", "")
