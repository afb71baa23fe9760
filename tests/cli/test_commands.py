"""The command: list, show, schema, write."""

from __future__ import annotations

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
