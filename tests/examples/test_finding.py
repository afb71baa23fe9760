"""The example that finds a rate, and the one that records for TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.examples.runs import ROOT, fork, start

FIND, LOG = ROOT / "examples/find_lr.py", ROOT / "examples/tensorboard_log.py"


def test_a_rate_is_found_for_the_digits_with_its_picture(tmp_path: Path) -> None:
    shown = fork(tmp_path, "optimizer=sgd", "optimizer.MOMENTUM=0.9", "hydra.run.dir=run", script=FIND).stdout
    found = json.loads((tmp_path / "run/find_lr.json").read_text())
    # the best of a grid is 0.03
    assert 0.005 < found["suggestion"] < 0.1
    assert f"LEARNING_RATE: {found['suggestion']:.3g}" in shown
    assert (tmp_path / "run/find_lr.png").read_bytes().startswith(b"\x89PNG")


def test_a_mistake_is_told_before_torch_is_imported(tmp_path: Path) -> None:
    shown = fork(tmp_path, "batch_size=0", script=FIND, code=1).stderr
    assert "batch_size = 0: must be a whole number from 1" in shown


@pytest.mark.parametrize("name", ["adamw", "rprop", "lbfgs"])
@pytest.mark.long
def test_it_works_for_optimizers_of_all_kinds(name: str, tmp_path: Path) -> None:
    start(tmp_path, f"optimizer={name}", "hydra.run.dir=run", script=FIND)
    assert json.loads((tmp_path / "run/find_lr.json").read_text())["suggestion"] > 0


@pytest.mark.long
def test_without_tensorboard_the_line_that_installs_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/tensorboard.py").write_text("raise ModuleNotFoundError(name='tensorboard')")
    assert start(tmp_path, "--epochs", "1", script=LOG, code=1).stderr == (
        "tensorboard is not installed: pip install tensorboard\n"
    )


@pytest.mark.hosts
def test_tensorboard_reads_what_was_recorded(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    assert "Validation accuracy" in start(tmp_path, "--folder", "runs/one", "--epochs", "2", script=LOG).stdout
    events = accumulator.EventAccumulator(str(tmp_path / "runs/one"))
    events.Reload()
    rates = [(event.step, event.value) for event in events.Scalars("lr/default")]
    assert [step for step, _ in rates] == list(range(5, 46, 5))
    assert max(value for _, value in rates) == pytest.approx(3e-3, rel=0.05)
    for name in ("grad_norm/head", "update_to_weight/no_decay.head", "weight_decay/no_decay"):
        assert len(events.Scalars(name)) == len(rates)
