"""A run that was stopped goes on as if it had not been, from whatever of it is named; or with what may be changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from tests.examples.runs import (
    GAN,
    LANGUAGE_MODEL,
    QUICK,
    TRAIN,
    assert_same_end,
    checkpoints,
    fork,
    metrics,
    start_without_torch,
)

SGD = ["optimizer=sgd", "optimizer.LEARNING_RATE=0.1", "optimizer.MOMENTUM=0.9"]
LBFGS = ["optimizer=lbfgs", "optimizer.LEARNING_RATE=0.1"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an unbroken run, and with one that was stopped inside its second epoch."""
    folder = tmp_path_factory.mktemp("runs")
    fork(folder, "-m", *QUICK[TRAIN], "stop_after=null,6", "hydra.sweep.dir=.")
    (folder / "0").rename(folder / "whole")
    (folder / "1").rename(folder / "stopped")
    with (folder / "stopped/metrics.csv").open("a") as file:
        file.write("7,2,0.00")  # as if it had been killed some steps after its checkpoint
    return folder


@pytest.mark.parametrize("place", ["stopped", "stopped/checkpoints", "stopped/checkpoints/step-00000004"])
def test_a_run_is_resumed_from_its_folder_its_checkpoints_or_one_of_them(
    place: str, runs: Path, tmp_path: Path
) -> None:
    assert checkpoints(runs / "stopped") == ["step-00000004", "step-00000006"]
    done = fork(tmp_path, f"resume={runs / place}", "hydra.run.dir=resumed")
    newest = "stopped/checkpoints/step-00000006"
    loaded = place if "step-" in place else newest
    assert f"from {runs / loaded}; nothing differs" in done.stdout
    assert checkpoints(tmp_path / "resumed") == ["step-00000008", "step-00000012", "step-00000016"]
    assert_same_end(tmp_path / "resumed", runs / "whole")


@pytest.mark.parametrize(
    ("script", "overrides"),
    [
        (GAN, []),
        (LANGUAGE_MODEL, ["optimizer=muon_adamw"]),
        pytest.param(LANGUAGE_MODEL, ["lr_scheduler=plateau"], marks=pytest.mark.long),
        pytest.param(TRAIN, [*SGD, "lr_scheduler=one_cycle", "lr_scheduler.MAX_LR=0.1"], marks=pytest.mark.long),
        pytest.param(TRAIN, [*LBFGS, "lr_scheduler=step", "lr_scheduler.STEP_SIZE=3"], marks=pytest.mark.long),
        pytest.param(TRAIN, ["lr_scheduler=reduce_on_plateau", "lr_scheduler.THRESHOLD=0.9"], marks=pytest.mark.long),
        pytest.param(TRAIN, ["lr_scheduler=exponential", "lr_scheduler.GAMMA=0.5"], marks=pytest.mark.long),
    ],
    ids=lambda value: value.stem if isinstance(value, Path) else " ".join(value),
)
def test_a_run_stopped_inside_an_epoch_and_resumed_is_the_run_that_was_not_stopped(
    tmp_path: Path, script: Path, overrides: list[str]
) -> None:
    fork(tmp_path, "-m", *QUICK[script], "stop_after=null,3", "hydra.sweep.dir=runs", *overrides, script=script)
    assert len(metrics(tmp_path / "runs/1")) == 3
    fork(tmp_path, "resume=runs/1", "hydra.run.dir=resumed", script=script)
    assert_same_end(tmp_path / "resumed", tmp_path / "runs/0")
    assert (tmp_path / "resumed/curves.png").read_bytes().startswith(b"\x89PNG")


def test_with_the_policy_config_a_run_goes_on_with_what_was_changed(runs: Path, tmp_path: Path) -> None:
    changes = ["optimizer.LEARNING_RATE=1e-3", "lr_scheduler=constant", "batch_size=192", "epochs=4"]
    done = fork(tmp_path, f"resume={runs}/stopped", "policy=config", *changes, "hydra.run.dir=changed")
    assert "loaded at step 12" in done.stdout
    assert "saved at step 6: the share of the run that is done is kept" in done.stdout
    assert re.search(
        r"LEARNING_RATE \(default\) +configuration 0.001 +checkpoint 0.003 +the config's holds", done.stdout
    )
    rows = metrics(tmp_path / "changed")
    # the rows before stand where they stand in a run of batches half as large
    assert [int(row["step"]) for row in rows] == [2, 4, 6, 8, 10, 12, *range(13, 33)]
    assert [int(row["step"]) for row in rows if row["validation_loss"]] == [8, 16, 24, 32]
    assert {float(row["learning_rate"]) for row in rows[6:]} == {1e-3}
    cfg = OmegaConf.load(tmp_path / "changed/config.yaml")
    assert (cfg.optimizer.LEARNING_RATE, cfg.batch_size, cfg.chosen.lr_scheduler) == (1e-3, 192, "constant")
    # and from there without a change
    done = fork(tmp_path, "resume=changed", "hydra.run.dir=changed")
    assert "loaded at step 32" in done.stdout
    assert "nothing differs" in done.stdout
    assert metrics(tmp_path / "changed") == rows


def test_with_the_policy_checkpoint_a_run_goes_on_as_it_was(runs: Path, tmp_path: Path) -> None:
    changes = ["policy=checkpoint", "optimizer.LEARNING_RATE=1", "lr_scheduler=constant"]
    fork(tmp_path, f"resume={runs}/stopped", *changes, "hydra.run.dir=changed")
    assert (tmp_path / "changed/metrics.csv").read_bytes() == (runs / "whole/metrics.csv").read_bytes()


def stopped_run(folder: Path, *overrides: str) -> Path:
    """What a run leaves that can be continued, without its training."""
    for entry in ("step-00000004", "step-00000006"):
        (folder / "run/checkpoints" / entry).mkdir(parents=True)
    (folder / "run/metrics.csv").touch()
    shown = start_without_torch(folder, "--cfg", "job", *overrides).stdout
    (folder / "run/config.yaml").write_text(shown)
    return folder / "run"


def problems(folder: Path, *overrides: str) -> list[str]:
    """The problems that are found without torch."""
    title, *lines = start_without_torch(folder, *overrides, code=1).stderr.splitlines()
    assert title == f"{len(lines)} problem{'s' if len(lines) > 1 else ''} in the configuration"
    return lines


def test_a_run_does_not_continue_with_another_configuration(tmp_path: Path) -> None:
    stopped_run(tmp_path, "epochs=2")
    differs = "differs from the run in run; leave it out to continue with that run's"
    assert problems(tmp_path, "resume=run", "optimizer=sgd", "epochs=2", "seed=1") == [
        f"  optimizer: {differs}, or say who holds: policy=config or policy=checkpoint.",
        f"  seed: {differs}.",
    ]
    # a policy is for what optimizer and schedule are made of
    assert problems(tmp_path, "resume=run", "policy=config", "epochs=3", "seed=1") == [f"  seed: {differs}."]


def test_what_holds_no_checkpoint_is_refused_with_what_would_be_right(tmp_path: Path) -> None:
    run = stopped_run(tmp_path)
    wrong = "is no run with a checkpoint: give the folder of one, or one of its checkpoints."
    place = "run/checkpoints/step-00000005"
    assert problems(tmp_path, f"resume={place}") == [
        f"  resume = '{place}': {wrong} There is {run}/checkpoints/step-00000006."
    ]
    for entry in checkpoints(run):  # as after a kill before the first one was whole
        (run / "checkpoints" / entry).rename(run / f"checkpoints/{entry}.unfinished")
    assert problems(tmp_path, "resume=run") == [f"  resume = 'run': {wrong}"]


def test_a_run_goes_on_in_its_own_folder_only_as_it_is(tmp_path: Path) -> None:
    stopped_run(tmp_path)
    message = "is the folder of the run to continue, which goes on there only as it is, from its newest checkpoint."
    for overrides in (["resume=run/checkpoints/step-00000004"], ["resume=run", "policy=config", "epochs=3"]):
        assert problems(tmp_path, *overrides, "hydra.run.dir=run") == [
            f"  hydra.run.dir: {message} Give another folder."
        ]


def test_a_run_that_begins_in_the_folder_of_another_leaves_nothing_of_it(tmp_path: Path) -> None:
    run = stopped_run(tmp_path)
    fork(tmp_path, *QUICK[TRAIN], "stop_after=2", "hydra.run.dir=run")
    assert checkpoints(run) == ["step-00000002"]
