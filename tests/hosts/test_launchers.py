"""The example's sweeps under launchers, whose workers are programs of their own."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from scepter_opt.__main__ import main
from tests.examples.runs import ROOT, TRAIN, start

pytestmark = pytest.mark.hosts

APP = ROOT / "tests/apps/app.py"
# Two at a time: a test's machine may have no more. Ray's cluster is started by the sweep, and ends with it.
LAUNCHERS = {
    "joblib": ["hydra.launcher.n_jobs=2"],
    "submitit_local": ["hydra.launcher.timeout_min=10"],
    "ray": ["+hydra.launcher.ray.init.num_cpus=2", "+hydra.launcher.ray.init.include_dashboard=false"],
}
KEPT = "+hydra.callbacks.kept._target_=hydra.experimental.callbacks.PickleJobInfoCallback"
SHORT = ["stop_after=2", "batch_size=384", "hydra.sweep.dir=sweep", KEPT]
RATES = ["0.01", "0.003", "-1", "0.001", "0.0003"]
TEXT = (ROOT / "docs/launchers.md").read_text(encoding="utf-8")


def sweep(launcher: str, folder: Path, *overrides: str, code: int = 0, script: Path = TRAIN) -> CompletedProcess[str]:
    """Run a sweep under a launcher; skipped where that is not installed."""
    pytest.importorskip(f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher")
    return start(folder, "-m", f"hydra/launcher={launcher}", *LAUNCHERS[launcher], *overrides, code=code, script=script)


def rows(folder: Path) -> dict[str, int]:
    """The steps that each job recorded."""
    found = (folder / "sweep").glob("*/metrics.csv")
    return {path.parent.name: len(path.read_text().splitlines()) - 1 for path in found}


def results(folder: Path, metric: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What `scepter-opt results` reads of a sweep's jobs, by their number."""
    assert not main(["results", str(folder / "sweep"), "--metric", metric, "--json"])
    found = json.loads(capsys.readouterr().out)
    return {job["job"]: job for job in (*found["ranked"], *found["others"])}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_job_with_a_mistake_shows_it_and_the_four_others_end(
    launcher: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = sweep(launcher, tmp_path, f"optimizer.LEARNING_RATE={','.join(RATES)}", *SHORT, code=1)
    assert "1 problem in the configuration" in done.stderr
    assert "  optimizer.LEARNING_RATE = -1.0: must be at least 0. (Step size.)" in done.stderr
    assert rows(tmp_path) == {"0": 2, "1": 2, "3": 2, "4": 2}
    jobs = results(tmp_path, "loss", capsys)
    told = [(jobs[str(number)]["overrides"][0].partition("=")[2], jobs[str(number)]["state"]) for number in range(5)]
    assert told == [(rate, "failed" if rate == "-1" else "finished") for rate in RATES]
    assert [bool(jobs[str(number)]["last"].get("loss")) for number in range(5)] == [rate != "-1" for rate in RATES]


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_sweep_reaches_classes_of_the_main_script(
    launcher: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "optimizer=sgd,typed_one,untyped,rprop"
    sweep(launcher, tmp_path, options, "hydra.sweep.dir=sweep", KEPT, script=APP)
    jobs = results(tmp_path, "returned", capsys)
    assert [jobs[str(number)]["returned"] for number in range(4)] == [0.001, 0.25, 0.5, 0.75]


def test_a_copy_of_the_example_runs_under_submitit_too(tmp_path: Path) -> None:
    copy = shutil.copytree(ROOT / "examples", tmp_path / "mine", ignore=shutil.ignore_patterns("__pycache__"))
    sweep("submitit_local", tmp_path, "optimizer=adamw,sgd", *SHORT, script=copy / TRAIN.name)
    assert rows(tmp_path) == {"0": 2, "1": 2}


@pytest.fixture
def conf(tmp_path: Path) -> Iterator[Path]:
    """A folder with the option file that the docs show."""
    (title, text), *others = re.findall(r"^```yaml title=(\S+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert title == "conf/hydra/launcher/cluster.yaml"
    assert not others
    shutil.copytree(TRAIN.parent / "conf", tmp_path / "conf")
    (tmp_path / title).parent.mkdir(parents=True)
    (tmp_path / title).write_text(text, encoding="utf-8")
    GlobalHydra.instance().clear()
    yield tmp_path / "conf"
    GlobalHydra.instance().clear()


def test_the_configuration_for_slurm_composes(conf: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    with initialize_config_dir(str(conf), version_base="1.3"):
        cfg = compose("train", ["hydra/launcher=cluster", "hydra.launcher.partition=long"], return_hydra_config=True)
    launcher = cfg.hydra.launcher
    assert launcher._target_ == "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
    assert (launcher.partition, launcher.gpus_per_node, launcher.array_parallelism) == ("long", 1, 16)


def test_the_address_of_a_cluster_composes() -> None:
    pytest.importorskip("hydra_plugins.hydra_ray_launcher")
    (override,) = re.findall(r"hydra\.launcher\.ray\.init\.address=\S+", TEXT)
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(TRAIN.parent / "conf"), version_base="1.3"):
        cfg = compose("train", ["hydra/launcher=ray", override], return_hydra_config=True)
    assert cfg.hydra.launcher.ray.init.address == override.partition("=")[2]
