"""The examples in several processes, as torchrun starts them: they train as one does, and one of them speaks."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.examples.runs import GAN, LANGUAGE_MODEL, QUICK, TRAIN, checkpoints, fork, fork_together, metrics

# Before the row of the sixth step is written, below the header.
SIXTH = ("writer.writerow", 7)
UNEVEN = [*QUICK[LANGUAGE_MODEL], "batch_size=3"]
# What makes the second process fail in its third step.
FAILING = """
import os
from hydra.experimental.callback import Callback
from scepter_opt import ConfigError, Problem

ERRORS = {"config": ConfigError([Problem("the.key", "went wrong.")]), "other": RuntimeError("the disk has melted")}

class Fail(Callback):
    def __init__(self, error):
        self.error = ERRORS[error]

    def on_job_start(self, config, **_):
        import descent
        before, calls = descent.descend, []

        def descend(*args):
            calls.append(0)
            if os.environ["RANK"] == "1" and len(calls) == 3:
                raise self.error
            return before(*args)

        descent.descend = descend
"""


def ended(done: list[CompletedProcess[str]], code: int = 0) -> CompletedProcess[str]:
    """The first process, after all have ended so and the others have said nothing."""
    assert [each.returncode for each in done] == [code] * len(done), [each.stderr for each in done]
    assert all(each.stdout == each.stderr == "" for each in done[1:])
    return done[0]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a language model that one process trained."""
    folder = tmp_path_factory.mktemp("alone")
    fork(folder, *UNEVEN, "hydra.run.dir=run", script=LANGUAGE_MODEL)
    return folder / "run"


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_two_processes_train_as_one_does_and_one_leaves_files(parallel: str, alone: Path, tmp_path: Path) -> None:
    done = ended(fork_together(tmp_path, 2, *UNEVEN, f"parallel={parallel}", script=LANGUAGE_MODEL))
    assert "8/8" in done.stdout
    assert done.stdout.count("groups from 2 rules") == 2  # in the plan and in the log
    (run,) = (tmp_path / "outputs").glob("*/*")
    assert sorted(path.name for path in run.iterdir()) == sorted(path.name for path in alone.iterdir())
    assert checkpoints(run) == checkpoints(alone)
    for one, other in zip(metrics(run), metrics(alone), strict=True):
        assert one["learning_rate"] == other["learning_rate"]
        for key in ("loss", "validation_loss"):
            assert bool(one[key]) is bool(other[key])
            assert float(one[key] or 0) == pytest.approx(float(other[key] or 0), abs=1e-5)
    # each of them and one alone go on from there; all is as it was
    fork(tmp_path, f"resume={run}", "parallel=null", "hydra.run.dir=resumed", script=LANGUAGE_MODEL)
    assert metrics(tmp_path / "resumed") == metrics(run)


@pytest.mark.parametrize("parallel", [pytest.param("ddp", marks=pytest.mark.long), "fsdp"])
def test_a_gan_is_trained_by_two_processes(parallel: str, tmp_path: Path) -> None:
    ended(fork_together(tmp_path, 2, *QUICK[GAN], f"parallel={parallel}", "hydra.run.dir=run", script=GAN))
    assert len(metrics(tmp_path / "run")) == 10
    assert (tmp_path / "run/curves.png").read_bytes().startswith(b"\x89PNG")


def test_asked_to_end_in_one_process_all_stop_after_the_same_step_and_go_on_as_if_they_had_not(tmp_path: Path) -> None:
    node = [*QUICK[TRAIN], "parallel=fsdp"]
    ended(fork_together(tmp_path, 2, *node, "hydra.run.dir=whole"))
    # the signal reaches the first process, then the second, and a launcher that sends it twice
    moments = {0: [(signal.SIGTERM, *SIXTH)]}
    done = ended(fork_together(tmp_path, 2, *node, "hydra.run.dir=run", moments=moments), 143)
    assert len(metrics(tmp_path / "run")) == 6
    assert checkpoints(tmp_path / "run") == ["step-00000004", "step-00000006"]
    assert done.stderr == ""
    before, _, command = done.stdout.splitlines()[-1].partition(" after 6 of 16 steps. To go on: ")
    assert before.endswith("SIGTERM")
    torchrun, option, count, script, *overrides = shlex.split(command)
    assert (torchrun, option, count, script) == ("torchrun", "--nproc-per-node", "2", str(TRAIN))
    ended(fork_together(tmp_path, 2, *overrides, "hydra.run.dir=resumed"))
    assert (tmp_path / "resumed/metrics.csv").read_bytes() == (tmp_path / "whole/metrics.csv").read_bytes()
    assert checkpoints(tmp_path / "resumed")[-1] == "step-00000016"
    # in another number of processes, that share the work otherwise
    done = ended(fork_together(tmp_path, 3, *overrides, "parallel=ddp", "stop_after=8", "hydra.run.dir=three"))
    assert "nothing differs" in done.stdout
    assert len(metrics(tmp_path / "three")) == 8


@pytest.mark.parametrize(
    ("error", "message"),
    [("config", "1 problem in the configuration\n  the.key: went wrong.\n"), ("other", "the disk has melted")],
)
def test_what_fails_in_one_process_is_said_once_and_ends_all(error: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/failing.py").write_text(FAILING)
    callback = f"+hydra.callbacks.fail={{_target_: failing.Fail, error: {error}}}"
    done = fork_together(tmp_path, 2, *QUICK[TRAIN], "parallel=ddp", "hydra.run.dir=run", callback)
    assert all(each.returncode for each in done)
    said = "".join(each.stderr for each in done)
    assert said.count("went wrong.") + said.count("RuntimeError: the disk has melted") == 1, said
    assert message in said
    assert ("Traceback" in said) is (error == "other")
    assert len(metrics(tmp_path / "run")) == 2


MISTAKES = {
    "": (
        "parallel = None: torchrun has started 2 processes: say how they share the work, parallel=ddp or parallel=fsdp."
    ),
    "parallel=fsdp optimizer=lbfgs": (
        "optimizer.NAME = 'LBFGS': takes all parameters as one vector, which it cannot make of shards: "
        "parallel=ddp can have it."
    ),
    "parallel=ddp optimizer=muon": None,
}


@pytest.mark.parametrize("overrides", MISTAKES)
def test_a_mistake_is_shown_once_without_a_traceback(overrides: str, tmp_path: Path) -> None:
    done = fork_together(tmp_path, 2, *overrides.split(), "hydra.run.dir=run")
    assert all(each.returncode for each in done)
    said = "".join(each.stderr for each in done)
    expected = MISTAKES[overrides]
    if expected:
        assert said == f"1 problem in the configuration\n  {expected}\n"
    assert len(re.findall("in the configuration", said)) == 1
    assert "Traceback" not in said


@pytest.mark.long  # tests/test_readme.py has torchrun start a script that takes less to import
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_torchrun_itself_starts_them(parallel: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(TRAIN)]
    given = ["epochs=1", "batch_size=720", "hydra.run.dir=run", f"parallel={parallel}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(TRAIN.parents[1])}
    subprocess.run([*command, *given], cwd=tmp_path, env=environment, check=True, timeout=120)
    assert len(metrics(tmp_path / "run")) == 2
    assert checkpoints(tmp_path / "run") == ["step-00000002"]
