"""schema, as it prints and as it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scepter_opt import ConfigError
from scepter_opt.cli.app import main
from scepter_opt.cli.schema import schema
from tests.editors.schemas import made


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text("defaults: [optimizer: adamw, _self_]\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_is_the_schema_of_a_class_or_of_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("PhasesLR", "lr_scheduler=phases", "warmup_cosine"):
        assert schema(option) == 0
        assert json.loads(capsys.readouterr().out)["title"] == "PhasesLR"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("", "needs an option, such as adamw, or --write"),
        ("StepLRR", r"there is no such option\. Did you mean StepLR\?"),
        ("no_decay", "rules are no node of their own"),
    ],
)
def test_there_is_none_of_anything_else(option: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        schema(option)


def test_what_is_written_is_said_and_a_second_time_there_is_nothing(
    app: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schemas = [f".scepter_opt/{name}.json" for name in ("app", "optimizer", "lr_scheduler", "param_groups")]
    paths = [*schemas, "conf/config.yaml", ".vscode/settings.json"]
    assert schema(write=True, vscode=True, dry_run=True) == 0
    assert capsys.readouterr().out.splitlines() == [f"would write {path}" for path in paths]
    assert not (app / ".scepter_opt").exists()
    assert schema(write=True, vscode=True) == 0
    assert capsys.readouterr().out.splitlines() == [f"wrote {path}" for path in paths]
    assert schema(write=True, vscode=True) == 0
    assert capsys.readouterr().out == "all files are as they should be\n"
    for path in schemas:
        made(json.loads((app / path).read_text()))


def test_the_folder_of_the_schemas_can_be_chosen(app: Path) -> None:
    assert schema("schemas", write=True) == 0
    assert "$schema=../schemas/app.json" in (app / "conf" / "config.yaml").read_text()


def test_what_stays_is_said(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (app / "conf" / "config.yaml").write_text("# yaml-language-server: $schema=mine.json\noptimizer: {}\n")
    schema(write=True)
    assert "left conf/config.yaml: it names another schema already\n" in capsys.readouterr().out


def test_nothing_is_written_where_something_is_refused(app: Path) -> None:
    (app / ".vscode").mkdir()
    (app / ".vscode" / "settings.json").write_text("// mine\n{}\n")
    with pytest.raises(ConfigError, match="--vscode"):
        schema(write=True, vscode=True)
    assert not (app / ".scepter_opt").exists()


@pytest.mark.usefixtures("app")
def test_classes_of_users_come_by_an_import(capsys: pytest.CaptureFixture[str], app: Path) -> None:
    (app / "schema_test_optimizers.py").write_text(
        "from dataclasses import dataclass\nimport scepter_opt\n\n\n@scepter_opt.OPTIMIZERS.register_class()\n"
        "class Spark(scepter_opt.BaseOptimize):\n    @dataclass(kw_only=True)\n"
        "    class Config(scepter_opt.OptimizerConfig):\n        HEAT: float = 1.0\n"
    )
    assert main(["schema", "spark", "--import", "schema_test_optimizers"]) == 0
    assert "HEAT" in json.loads(capsys.readouterr().out)["properties"]
    assert main(["schema", "--write", "--import", "schema_test_optimizers"]) == 0
    validator = made(json.loads((app / ".scepter_opt" / "app.json").read_text()))
    assert validator.is_valid({"defaults": [{"optimizer": "spark"}], "optimizer": {"HEAT": 2}})
    assert not validator.is_valid({"defaults": [{"optimizer": "spark"}], "optimizer": {"HAET": 2}})


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("typer", [True, False])
def test_it_works_without_typer_and_without_torch(typer: bool, app: Path) -> None:
    missing = ["torch"] if typer else ["torch", "typer"]
    script = (
        f"import sys; sys.modules |= dict.fromkeys({missing}); from scepter_opt.cli.app import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "schema", "--write", "--app", "conf", "--dry-run"]
    done = subprocess.run(command, cwd=app, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "would write conf/config.yaml" in done.stdout
