"""What docs/sweeps.md shows is what there is, and its commands compose."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from scepter_opt.__main__ import main
from scepter_opt.cli.check import check
from scepter_opt.cli.options import list_

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/sweeps.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line.replace("\\\n", " "))
    for block in re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    for line in re.split(r"\n(?! )", block.strip())
]
TRAININGS = [command[3:] for command in COMMANDS if command[0] == "python"]


def test_the_list_is_as_it_is_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert list_(COMMANDS[0][2:]) == 0
    (shown,) = re.findall(r"^```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert capsys.readouterr().out == shown


def test_the_sweepers_keys_are_shown_as_they_are() -> None:
    assert f"```yaml\n{(ROOT / 'conf/hydra/sweeper/optuna_study.yaml').read_text(encoding='utf-8')}```\n" in TEXT


# hydra/sweeper=optuna is another package's
@pytest.mark.parametrize("overrides", [each for each in TRAININGS if "hydra/sweeper=optuna" not in each], ids=" ".join)
def test_a_sweep_is_right(overrides: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert check(overrides, app=ROOT / "examples/conf", config_name="train", multirun=True) == 0
    assert "0 of them wrong" in capsys.readouterr().out


@pytest.mark.parametrize("override", re.findall(r"`'?(optimizer\.[A-Z][^\s'`]+)'?`", TEXT))
def test_a_range_beside_a_space_is_right(override: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(["optimizer=sgd" if "EPS" not in override else "optimizer=adam", override], multirun=True) == 0
    assert capsys.readouterr().out


def test_the_experiment_chooses_the_sweeper(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```yaml title=conf/experiment/study.yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment/study.yaml").write_text(text)
    (tmp_path / "config.yaml").write_text("defaults: [{optimizer: sgd}, _self_]\n")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        sweeper = compose("config", ["+experiment=study"], return_hydra_config=True).hydra.sweeper
    assert sweeper["_target_"] == "hydra_plugins.scepter_opt.StudySweeper"
    assert (sweeper.n_trials, sweeper.seed, sweeper.pruner.name) == (20, None, "asha")


def test_a_space_is_printed_as_a_file_to_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["template", "search_space=sgd"]) == 0
    assert capsys.readouterr().out == (ROOT / "conf/search_space/sgd.yaml").read_text(encoding="utf-8")
