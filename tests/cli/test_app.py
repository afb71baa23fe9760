"""How arguments become calls: with typer and without it, exit statuses, pipes, and modules of one's own."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from scepter_opt.cli import app
from scepter_opt.cli.app import main
from tests.insight.sweeps import write_sweep

PLAIN = ["list", "show", "template", "schema", "write"]
MINE = """
import torch
from scepter_opt import OPTIMIZERS

@OPTIMIZERS.register_class()
class Slow(torch.optim.SGD):
    '''Descent in small steps.'''
"""


@pytest.fixture(params=["typer", "argparse"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same with each of the two parsers."""
    monkeypatch.setattr(app, "_has_typer", lambda: request.param == "typer")
    name: str = request.param
    return name


@pytest.mark.usefixtures("parser")
def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in app.COMMANDS)


@pytest.mark.parametrize("command", app.COMMANDS)
def test_the_help_of_a_command_explains_its_arguments(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--import" in shown
    assert (app.load(command).__doc__ or "").split(",", maxsplit=1)[0][:40] in shown


@pytest.mark.usefixtures("parser")
def test_a_command_is_called_with_what_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "sgd", "lr"]) == 0
    assert "LEARNING_RATE: number of at least 0; default 0.001; torch: lr" in capsys.readouterr().out
    assert main(["list", "schedulers", "cosine", "--json"]) == 0
    assert '"name": "warmup_cosine"' in capsys.readouterr().out


def test_problems_are_one_and_wrong_use_is_two(parser: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "SDG"]) == 1
    assert "SDG: there is no such option. Did you mean SGD?" in capsys.readouterr().err
    for wrong in (["lst"], ["show"], ["list", "--yaml"], []):
        assert main(wrong) == 2
    assert capsys.readouterr().out == "" or parser == "typer"


@pytest.mark.usefixtures("parser")
def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("scepter-opt 0.")


def test_classes_of_ones_own_are_known_after_an_import(
    parser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"mine_{parser}"
    (tmp_path / f"{name}.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["list", "small steps", "--import", name]) == 0
    assert capsys.readouterr().out == "optimizer=slow  Slow (yours)  Descent in small steps.\n"
    assert main(["list", "--import", "nowhere"]) == 1
    assert (
        "--import = 'nowhere': cannot be imported: ModuleNotFoundError: No module named 'nowhere'"
        in capsys.readouterr().err
    )


def test_without_typer_what_needs_it_names_the_line_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "_has_typer", lambda: False)
    for command in app.COMMANDS.keys() - set(PLAIN):
        assert main([command]) == 1
        assert capsys.readouterr().err == f"{command} needs typer and rich: pip install 'scepter_opt[cli]'\n"


@pytest.mark.parametrize("command", ["list --markdown", "list --json", "show phases"])
def test_a_closed_pipe_is_no_error(command: str) -> None:
    script = f"{sys.executable} -m scepter_opt {command} | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("command", ["list", "show adamw", "template adamw", "schema AdamW", "--version", "--help"])
def test_looking_imports_no_torch(command: str) -> None:
    script = "import sys; from scepter_opt.cli.app import main; main(sys.argv[1:]); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", script, *command.split()], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def app_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the examples name."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text(
        "defaults: [optimizer: adamw, lr_scheduler: none, _self_]\nmodel: {_target_: my_app.build}\n"
    )
    (tmp_path / "my_app.py").write_text(
        "import torch\n\n\ndef build():\n    return torch.nn.Linear(4, 2)\n\n\n"
        "def model_and_optimizer():\n    model = build()\n    return model, torch.optim.AdamW(model.parameters())\n\n\n"
        "class Heavy(torch.optim.SGD):\n"
        "    def __init__(self, params, lr=0.1):\n        super().__init__(params, lr, momentum=0.99)\n"
    )
    (tmp_path / "solver.yaml").write_text("SOLVER: {OPTIMIZER: {NAME: AdamW, LEARNING_RATE: 1e-4}}\n")
    write_sweep(tmp_path / "multirun" / "2026-11-30" / "10-00-00")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


@pytest.mark.usefixtures("app_folder")
@pytest.mark.parametrize("example", [each for examples in app.EXAMPLES.values() for each in examples])
def test_every_example_of_the_help_runs(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(example)) == 0
    assert capsys.readouterr().out


def test_every_command_has_examples() -> None:
    assert app.EXAMPLES.keys() == app.COMMANDS.keys()


def test_examples_are_shown_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    main(["list", "--help"])
    assert "Examples:\n    scepter-opt list\n    scepter-opt list schedulers 'warmup_*'\n" in capsys.readouterr().out
