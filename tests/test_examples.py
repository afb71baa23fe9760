"""The examples run as their docstrings say."""

from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).parent.parent
TRAIN, GAN, LANGUAGE_MODEL = (ROOT / "examples" / f"{name}.py" for name in ("train", "gan", "language_model"))
# The least that the further examples do.
QUICK = {
    GAN: ["epochs=2", "batch_size=256"],
    LANGUAGE_MODEL: ["epochs=2", "steps_per_epoch=4", "batch_size=2", "context=16", "layers=1", "width=32"],
}

# Gives the tests what Hydra gives a sweeper.
CALLBACK = """
from pathlib import Path
from hydra.experimental.callback import Callback

class WriteResult(Callback):
    def on_job_end(self, config, job_return, **_):
        folder = Path(job_return.hydra_cfg.hydra.runtime.output_dir)
        (folder / "result").write_text(repr(job_return.return_value))
"""


def start(
    folder: Path, *overrides: str, code: int = 0, block_torch: bool = False, script: Path = TRAIN
) -> subprocess.CompletedProcess[str]:
    """Run an example in `folder`, and see that it ends with `code`."""
    modules = folder / "modules"
    modules.mkdir(exist_ok=True)
    (modules / "write_result.py").write_text(CALLBACK)
    if block_torch:
        (modules / "torch.py").write_text("raise ImportError('torch is blocked')")
    # One thread each: the tests run side by side.
    paths = os.pathsep.join([str(modules), str(ROOT)])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "120", "PYTHONPATH": paths}
    command = [sys.executable, str(script), *overrides]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def metrics(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def checkpoint(run: Path) -> Any:
    return torch.load(run / "checkpoint.pt", weights_only=True)


def assert_same(one: Any, other: Any) -> None:
    """Equal bit for bit, whatever they hold."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert_same(value, other[key])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_same(left, right)
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    else:
        assert one == other


def test_the_default_run_reaches_97_percent(tmp_path: Path) -> None:
    start(tmp_path, "hydra.run.dir=run")
    rows = metrics(tmp_path / "run")
    assert [int(row["step"]) for row in rows] == list(range(1, 461))
    assert float(rows[-1]["validation_accuracy"]) >= 0.97
    assert max(float(row["learning_rate"]) for row in rows) == 3e-3
    assert (tmp_path / "run/curves.png").read_bytes().startswith(b"\x89PNG")
    assert checkpoint(tmp_path / "run")["step"] == 460


@pytest.mark.long
def test_every_seed_reaches_97_percent(tmp_path: Path) -> None:
    start(tmp_path, "-m", "seed=range(20)", "hydra.sweep.dir=runs")
    for seed in range(20):
        assert float(metrics(tmp_path / f"runs/{seed}")[-1]["validation_accuracy"]) >= 0.97


SGD = ["optimizer=sgd", "optimizer.LEARNING_RATE=0.1", "optimizer.MOMENTUM=0.9"]
LBFGS = ["optimizer=lbfgs", "optimizer.LEARNING_RATE=0.1"]


@pytest.mark.parametrize(
    ("folder", "overrides"),
    [
        ("resumed", []),
        pytest.param("runs/1", [*SGD, "lr_scheduler=one_cycle", "lr_scheduler.MAX_LR=0.1"], marks=pytest.mark.long),
        pytest.param("runs/1", [*LBFGS, "lr_scheduler=step", "lr_scheduler.STEP_SIZE=20"], marks=pytest.mark.long),
        pytest.param(
            "runs/1", ["lr_scheduler=reduce_on_plateau", "lr_scheduler.THRESHOLD=0.9"], marks=pytest.mark.long
        ),
        pytest.param("runs/1", ["lr_scheduler=exponential", "lr_scheduler.GAMMA=0.5"], marks=pytest.mark.long),
    ],
)
def test_a_run_stopped_inside_an_epoch_and_resumed_is_the_run_that_was_not_stopped(
    tmp_path: Path, folder: str, overrides: list[str]
) -> None:
    start(tmp_path, "-m", "epochs=3", "stop_after=null,30", "hydra.sweep.dir=runs", *overrides)
    whole, stopped, resumed = tmp_path / "runs/0", tmp_path / "runs/1", tmp_path / folder
    assert len(metrics(stopped)) == 30
    with (stopped / "metrics.csv").open("a") as file:
        file.write("31,2,0.00")  # as if it had been killed some steps after its checkpoint
    start(tmp_path, "resume=runs/1", f"hydra.run.dir={folder}")
    assert (resumed / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()
    assert_same(checkpoint(resumed), checkpoint(whole))


def test_a_run_does_not_continue_with_another_configuration(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for name in ("checkpoint.pt", "metrics.csv"):
        (tmp_path / "run" / name).touch()
    (tmp_path / "run/config.yaml").write_text(start(tmp_path, "--cfg", "job", "epochs=2", block_torch=True).stdout)
    done = start(tmp_path, "resume=run", "optimizer=sgd", "epochs=2", "seed=1", code=1, block_torch=True)
    assert done.stderr.splitlines() == [
        "2 problems in the configuration",
        "  optimizer: differs from the run in run; leave it out to continue with that run's.",
        "  seed: differs from the run in run; leave it out to continue with that run's.",
    ]


def test_each_job_of_a_sweep_returns_its_accuracy(tmp_path: Path) -> None:
    callback = "+hydra.callbacks.result._target_=write_result.WriteResult"
    start(tmp_path, "-m", "optimizer=sgd,adamw", "epochs=1", "hydra.sweep.dir=runs", callback)
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
    assert "lr_scheduler" in start(tmp_path, *flags, block_torch=True).stdout


MISTAKES = {
    "epochs=0": ["epochs = 0: must be a whole number from 1 to 4294967295."],
    "batch_size=-1 seed=abc optimizer.LEARNING_RATE=-1": [
        "batch_size = -1: must be a whole number from 1 to 4294967295.",
        "seed = 'abc': must be a whole number from 0 to 4294967295.",
        "optimizer.LEARNING_RATE = -1.0: must be at least 0. (Step size.)",
    ],
    "~lr_scheduler": ["lr_scheduler.NAME: is required: the class name of the lr_scheduler."],
    "resume=nowhere": ["resume = 'nowhere': is not the folder of a run with a checkpoint."],
    "lr_scheduler=reduce_on_plateau lr_scheduler.MONITOR=accuracy": [
        "lr_scheduler.MONITOR = 'accuracy': must be one of validation_loss, validation_accuracy, loss."
    ],
    "optimizer=sparse_adam": ["optimizer.NAME = 'SparseAdam': takes sparse gradients only, and this net has none."],
}


@pytest.mark.parametrize("overrides", MISTAKES)
def test_mistakes_are_shown_without_torch_and_without_a_traceback(tmp_path: Path, overrides: str) -> None:
    done = start(tmp_path, *overrides.split(), code=1, block_torch=True)
    problems = MISTAKES[overrides]
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    assert done.stderr.splitlines() == [f"{count} in the configuration", *(f"  {problem}" for problem in problems)]
    assert done.stdout == ""


def test_an_optimizer_that_cannot_take_the_net_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    done = start(tmp_path, "optimizer=muon", code=1)
    assert re.match(r"\d problems? in the configuration\n  optimizer.*Muon", done.stderr)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("script", "overrides"),
    [
        (GAN, []),
        (LANGUAGE_MODEL, ["optimizer=muon_adamw"]),
        pytest.param(LANGUAGE_MODEL, ["lr_scheduler=plateau"], marks=pytest.mark.long),
    ],
    ids=lambda value: value.stem if isinstance(value, Path) else " ".join(value),
)
def test_a_further_example_stopped_and_resumed_is_the_run_that_was_not_stopped(
    tmp_path: Path, script: Path, overrides: list[str]
) -> None:
    arguments = [*QUICK[script], "stop_after=null,3", "hydra.sweep.dir=runs", *overrides]
    start(tmp_path, "-m", *arguments, script=script)
    whole, stopped, resumed = tmp_path / "runs/0", tmp_path / "runs/1", tmp_path / "resumed"
    assert len(metrics(stopped)) == 3
    start(tmp_path, "resume=runs/1", "hydra.run.dir=resumed", script=script)
    assert (resumed / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()
    assert_same(checkpoint(resumed), checkpoint(whole))
    assert (resumed / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_language_model_prints_its_plan_first(tmp_path: Path) -> None:
    done = start(tmp_path, *QUICK[LANGUAGE_MODEL], "stop_after=1", script=LANGUAGE_MODEL)
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
    done = start(tmp_path, *overrides, code=1, block_torch=True, script=script)
    lines = [f"{len(problems)} problems in the configuration", *(f"  {problem}" for problem in problems)]
    assert done.stderr.splitlines() == lines
    assert done.stdout == ""


@pytest.mark.long
@pytest.mark.parametrize(
    ("script", "least", "first", "steps"),
    [(TRAIN, 8, "first", 100), (GAN, 6, "gan", 100), (LANGUAGE_MODEL, 7, "text", 60)],
    ids=["train", "gan", "language_model"],
)
def test_the_commands_of_the_docstring_run_in_their_order(
    tmp_path: Path, script: Path, least: int, first: str, steps: int
) -> None:
    commands = re.findall(rf"^    python examples/{script.name}(.*)$", script.read_text(), flags=re.MULTILINE)
    assert len(commands) >= least
    quick = QUICK.get(script, [])
    for command in commands:
        if "resume=" in command or "stop_after=" in command:
            start(tmp_path, *shlex.split(command), script=script)
        else:
            start(tmp_path, *quick, *shlex.split(command), script=script)
    assert len(metrics(tmp_path / "outputs" / first)) >= steps
