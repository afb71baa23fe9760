"""Check ends an app that is wrong, or a sweep, before its first job."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# calls nothing of the package; each job leaves a file
APP = """
import os
import pathlib
import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

os.environ.setdefault("FIRST_PROCESS", str(os.getpid()))
OmegaConf.register_new_resolver("rate", lambda: 0.1 if os.environ["FIRST_PROCESS"] == str(os.getpid()) else -1.0)


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg):
    pathlib.Path(HydraConfig.get().runtime.output_dir, "ran").touch()
    assert "torch" not in sys.modules


if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults:
  - optimizer: sgd
  - lr_scheduler: none
  - _self_
chosen: ${hydra:runtime.choices.optimizer}
hydra:
  searchpath: [pkg://scepter_opt.conf]
  callbacks: {check: {_target_: scepter_opt.Check}}
  run: {dir: one}
  sweep: {dir: several}
"""


class App:
    """An app in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "conf").mkdir()
        (folder / "conf/config.yaml").write_text(CONFIG)
        (folder / "app.py").write_text(APP)

    def run(self, *overrides: str) -> tuple[int, str]:
        """The exit status and what was said."""
        done = subprocess.run(
            [sys.executable, "-W", "error::UserWarning", "app.py", *overrides],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    @property
    def jobs(self) -> int:
        """How many jobs ran."""
        return len(list(self.folder.rglob("ran")))


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


def test_a_run_that_is_right_runs_and_one_that_is_wrong_leaves_nothing(app: App) -> None:
    status, said = app.run("optimizer.LEARNING_RATE=-1", "+optimizer.MOMENTUMS=1")
    assert status == 1
    assert said == (
        "2 problems in the configuration\n"
        "  optimizer.LEARNING_RATE = -1: must be at least 0. (Step size.)\n"
        "  optimizer.MOMENTUMS = 1: SGD has no such key. Did you mean MOMENTUM?\n"
    )
    assert not (app.folder / "one").exists()
    assert app.run() == (0, "")
    assert app.jobs == 1


def test_a_sweep_is_refused_before_its_first_job(app: App) -> None:
    status, said = app.run("-m", "optimizer=sgd,adamw", "optimizer.LEARNING_RATE=0.1,-1")
    assert status == 1
    assert said == (
        "wrong (2 of 4 combinations): optimizer.LEARNING_RATE = -1: must be at least 0. (Step size.)\n"
        "  first in: optimizer=sgd optimizer.LEARNING_RATE=-1\n"
        "4 combinations, 2 of them wrong\n"
    )
    assert not (app.folder / "several").exists()
    assert app.run("-m", "optimizer=sgd,adamw", "optimizer.LEARNING_RATE=0.1,0.2") == (0, "")
    assert app.jobs == 4


def test_the_sweep_of_the_apps_own_config_is_checked_too(app: App) -> None:
    text = CONFIG + "  sweeper: {params: {optimizer.LEARNING_RATE: '0.1,-1'}}\n"
    (app.folder / "conf/config.yaml").write_text(text)
    status, said = app.run("-m")
    assert status == 1
    assert said.startswith("wrong (1 of 2 combinations): optimizer.LEARNING_RATE = -1: ")
    assert app.jobs == 0


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("optimizer=sgd,sdg", "wrong (1 of 2 combinations): optimizer = 'sdg': In 'config': Could not find"),
        ("epochs=1,2", "Could not override 'epochs'"),
        ("optimizer.LEARNING_RATE=range(1,1)", "the sweep has no combination: nothing would be run"),
    ],
)
def test_what_hydra_would_refuse_later_is_refused_at_once(override: str, words: str, app: App) -> None:
    status, said = app.run("-m", override)
    assert status == 1
    assert words in said
    assert "Traceback" not in said
    assert app.jobs == 0


def test_what_a_job_alone_knows_can_be_asked_for(app: App) -> None:
    assert app.run("optimizer.LEARNING_RATE=${hydra:job.num}") == (0, "")
    assert app.run("-m", "optimizer=sgd,adamw", "optimizer.LEARNING_RATE=${hydra:job.num}") == (0, "")
    assert app.jobs == 3


def test_a_launchers_workers_check_their_own_jobs(app: App) -> None:
    rate = "optimizer.LEARNING_RATE=${rate:}"
    assert app.run("-m", rate)[0] == 0
    assert app.jobs == 1
    status, said = app.run("-m", rate, "hydra/launcher=joblib", "hydra.sweep.dir=workers")
    assert status == 1
    assert said.endswith("  optimizer.LEARNING_RATE = -1.0: must be at least 0. (Step size.)\n")
    assert app.jobs == 1


def test_warnings_that_are_errors_end_it_too(app: App) -> None:
    status, said = app.run("optimizer.DAMPENING=0.5")
    assert status == 1
    assert said.startswith("optimizer.DAMPENING")
    assert app.jobs == 0


def test_the_sweep_of_the_docs_is_refused_as_they_say(tmp_path: Path) -> None:
    text = (ROOT / "docs/trainers.md").read_text(encoding="utf-8")
    for name in ("conf/config.yaml", "app.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text.partition(f" title=hosts/checked/{name}\n")[2].partition("```")[0])
    command, _, printed = re.findall(r"```sh\npython (app.py -m [^\n]*)\n```\n(```text\n)(.*?)```", text, re.DOTALL)[0]
    done = subprocess.run(
        [sys.executable, *command.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", printed)
