"""The examples run as their docstrings say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.examples.runs import (
    GAN,
    LANGUAGE_MODEL,
    QUICK,
    TRAIN,
    checkpoints,
    fork,
    metrics,
    start,
    start_without_torch,
)

# Gives the tests what Hydra gives a sweeper.
CALLBACK = """
from pathlib import Path
from hydra.experimental.callback import Callback

class WriteResult(Callback):
    def on_job_end(self, config, job_return, **_):
        folder = Path(job_return.hydra_cfg.hydra.runtime.output_dir)
        (folder / "result").write_text(repr(job_return.return_value))
"""


def test_the_default_run_reaches_97_percent(tmp_path: Path) -> None:
    fork(tmp_path, "hydra.run.dir=run")
    rows = metrics(tmp_path / "run")
    assert [int(row["step"]) for row in rows] == list(range(1, 461))
    assert float(rows[-1]["validation_accuracy"]) >= 0.97
    assert max(float(row["learning_rate"]) for row in rows) == 3e-3
    assert (tmp_path / "run/curves.png").read_bytes().startswith(b"\x89PNG")
    assert checkpoints(tmp_path / "run") == ["step-00000414", "step-00000437", "step-00000460"]


@pytest.mark.long
def test_every_seed_reaches_97_percent(tmp_path: Path) -> None:
    start(tmp_path, "-m", "seed=range(20)", "hydra.sweep.dir=runs")
    for seed in range(20):
        assert float(metrics(tmp_path / f"runs/{seed}")[-1]["validation_accuracy"]) >= 0.97


def test_each_job_of_a_sweep_returns_its_accuracy(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/write_result.py").write_text(CALLBACK)
    callback = "+hydra.callbacks.result._target_=write_result.WriteResult"
    fork(tmp_path, "-m", "optimizer=sgd,adamw", "epochs=1", "hydra.sweep.dir=runs", callback)
    for job in ("0", "1"):
        run = tmp_path / "runs" / job
        assert (run / "result").read_text() == metrics(run)[-1]["validation_accuracy"]


@pytest.mark.long
def test_a_sweep_runs_in_the_processes_of_joblib(tmp_path: Path) -> None:
    start(
        tmp_path,
        "-m",
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
        "seed=0,1",
        "epochs=1",
        "hydra.sweep.dir=runs",
    )
    assert len(metrics(tmp_path / "runs/0")) == len(metrics(tmp_path / "runs/1")) == 23


@pytest.mark.parametrize("flags", [("--help",), ("--cfg", "job"), ("--info", "defaults-tree")], ids=" ".join)
def test_the_configuration_is_shown_without_torch(tmp_path: Path, flags: tuple[str, ...]) -> None:
    assert "lr_scheduler" in start_without_torch(tmp_path, *flags).stdout


NEEDS, OTHERWISE = "needs processes that torchrun starts:", "In one process it is null."
MISTAKES = {
    "epochs=0": ["epochs = 0: must be a whole number from 1 to 4294967295."],
    "batch_size=-1 seed=abc optimizer.LEARNING_RATE=-1": [
        "batch_size = -1: must be a whole number from 1 to 4294967295.",
        "seed = 'abc': must be a whole number from 0 to 4294967295.",
        "optimizer.LEARNING_RATE = -1.0: must be at least 0. (Step size.)",
    ],
    "~lr_scheduler": ["lr_scheduler.NAME: is required: the class name of the lr_scheduler, or its import path."],
    "resume=nowhere": [
        "resume = 'nowhere': is no run with a checkpoint: give the folder of one, or one of its checkpoints."
    ],
    "parallel=dpp": ["parallel = 'dpp': must be null, ddp or fsdp. Did you mean ddp?"],
    "parallel=fsdp": [f"parallel = 'fsdp': {NEEDS} torchrun --nproc-per-node 2 {TRAIN} parallel=fsdp. {OTHERWISE}"],
    "policy=both": ["policy = 'both': must be one of error, config, checkpoint."],
    "lr_scheduler=reduce_on_plateau lr_scheduler.MONITOR=accuracy": [
        "lr_scheduler.MONITOR = 'accuracy': must be one of validation_loss, validation_accuracy, loss."
    ],
    "optimizer=sparse_adam": ["optimizer.NAME = 'SparseAdam': takes sparse gradients only, and this net has none."],
}


@pytest.mark.parametrize("overrides", MISTAKES)
def test_mistakes_are_shown_without_torch_and_without_a_traceback(tmp_path: Path, overrides: str) -> None:
    done = start_without_torch(tmp_path, *overrides.split(), code=1)
    problems = MISTAKES[overrides]
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    assert done.stderr.splitlines() == [f"{count} in the configuration", *(f"  {problem}" for problem in problems)]
    assert done.stdout == ""


def test_an_optimizer_that_cannot_take_the_net_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    done = fork(tmp_path, "optimizer=muon", code=1)
    assert re.match(r"\d problems? in the configuration\n  optimizer.*Muon", done.stderr)
    assert "Traceback" not in done.stderr


def test_the_language_model_prints_its_plan_first(tmp_path: Path) -> None:
    done = fork(tmp_path, *QUICK[LANGUAGE_MODEL], "stop_after=1", script=LANGUAGE_MODEL)
    table, _, training = done.stdout.partition("groups from 2 rules")
    assert "AdamW: parameters" in table
    assert "blocks.0.attention_in.weight" in table
    assert "training" in training


FURTHER_MISTAKES = [
    (
        GAN,
        ["batch_size=1", "optimizers.critic.LEARNING_RATE=-1", "lr_scheduler@lr_schedulers.critic=plateau"],
        [
            "batch_size = 1: must be a whole number from 2 to 4294967295.",
            "lr_schedulers.critic.NAME = 'PlateauLR': waits for a metric, and the losses of a GAN are none.",
            "optimizers.critic.LEARNING_RATE = -1.0: must be at least 0. (Step size.)",
        ],
    ),
    (
        LANGUAGE_MODEL,
        ["width=100", "optimizer.LEARNING_RATE=-1"],
        [
            "width = 100: must be a multiple of 32, the size of a head of attention.",
            "optimizer.LEARNING_RATE = -1.0: must be at least 0. (Step size.)",
        ],
    ),
]


@pytest.mark.parametrize(("script", "overrides", "problems"), FURTHER_MISTAKES, ids=["gan", "language_model"])
def test_mistakes_in_a_further_example_are_shown_without_torch_and_without_a_traceback(
    tmp_path: Path, script: Path, overrides: list[str], problems: list[str]
) -> None:
    done = start_without_torch(tmp_path, *overrides, code=1, script=script)
    lines = [f"{len(problems)} problems in the configuration", *(f"  {problem}" for problem in problems)]
    assert done.stderr.splitlines() == lines
    assert done.stdout == ""


@pytest.mark.long
@pytest.mark.parametrize(
    ("script", "least", "first", "steps"),
    [(TRAIN, 10, "first", 100), (GAN, 7, "gan", 100), (LANGUAGE_MODEL, 8, "text", 60)],
    ids=["train", "gan", "language_model"],
)
def test_the_commands_of_the_docstring_run_in_their_order(
    tmp_path: Path, script: Path, least: int, first: str, steps: int
) -> None:
    commands = re.findall(rf"^    python examples/{script.name}(.*)$", script.read_text(), flags=re.MULTILINE)
    assert len(commands) >= least
    quick = [] if script == TRAIN else QUICK[script]
    for command in commands:
        if "resume=" in command:
            start(tmp_path, *shlex.split(command), f"stop_after={steps + 10}", script=script)
        elif "stop_after=" in command:
            start(tmp_path, *shlex.split(command), script=script)
        else:
            start(tmp_path, *quick, *shlex.split(command), script=script)
    assert len(metrics(tmp_path / "outputs" / first)) >= steps
