"""A run that is asked to end, or killed at any moment, can be continued, and then is the run that was not."""

from __future__ import annotations

import random
import runpy
import shlex
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from scepter_opt import checkpoint
from tests.examples.runs import QUICK, ROOT, TRAIN, Moment, assert_same_end, checkpoints, fork, metrics

SIGINT, SIGKILL, SIGTERM = signal.SIGINT, signal.SIGKILL, signal.SIGTERM
ROW, WRITE = "writer.writerow", "BufferedWriter.write"
# Before the row of the sixth step is written, below the header.
SIXTH = (ROW, 7)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an unbroken run: four epochs of four steps."""
    folder = tmp_path_factory.mktemp("whole")
    fork(folder, *QUICK[TRAIN], "hydra.run.dir=run")
    return folder / "run"


@pytest.mark.parametrize(
    ("moments", "code"),
    [
        ([(SIGINT, *SIXTH)], 130),
        # schedulers of clusters and `timeout` send it twice: here again before the checkpoint has its name
        ([(SIGTERM, *SIXTH), (SIGTERM, "rename", 2)], 143),
    ],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_asked_to_end_a_run_finishes_its_step_saves_and_says_how_to_go_on(
    moments: list[Moment], code: int, whole: Path, tmp_path: Path
) -> None:
    done = fork(tmp_path, *QUICK[TRAIN], "hydra.run.dir='a run, it=1'", moments=moments, code=code)
    run = tmp_path / "a run, it=1"
    assert len(metrics(run)) == 6
    assert checkpoints(run) == ["step-00000004", "step-00000006"]
    assert not (run / "curves.png").exists()
    assert done.stderr == ""
    last = done.stdout.splitlines()[-1]
    before, _, command = last.partition(" after 6 of 16 steps. To go on: ")
    assert before.endswith(moments[0][0].name)
    assert last in (run / "train.log").read_text()
    python, script, *overrides = shlex.split(command)
    assert (python, script) == ("python", str(TRAIN))
    fork(tmp_path, *overrides, "hydra.run.dir=resumed")
    assert_same_end(tmp_path / "resumed", whole)


def test_a_second_ctrl_c_ends_a_run_at_once(tmp_path: Path) -> None:
    moments = [(SIGINT, *SIXTH), (SIGINT, "rename", 2)]
    done = fork(tmp_path, *QUICK[TRAIN], "hydra.run.dir=run", moments=moments, code=130)
    assert checkpoints(tmp_path / "run") == ["step-00000004", "step-00000006.unfinished"]
    assert "To go on" not in done.stdout
    assert done.stderr == ""


def test_asked_to_end_a_sweep_ends_with_the_job_it_is_in(tmp_path: Path) -> None:
    sweep = ["-m", *QUICK[TRAIN], "seed=0,1", "hydra.sweep.dir=runs"]
    fork(tmp_path, *sweep, moments=[(SIGTERM, *SIXTH)], code=143)
    assert checkpoints(tmp_path / "runs/0") == ["step-00000004", "step-00000006"]
    assert not (tmp_path / "runs/1").exists()


def test_signals_are_as_before_outside_the_loop_and_in_threads() -> None:
    interruptible = runpy.run_path(str(ROOT / "examples/interruption.py"))["interruptible"]
    heard: list[bool] = []

    def listen() -> None:
        before = signal.getsignal(SIGTERM)
        with interruptible() as interruption:
            heard.append(signal.getsignal(SIGTERM) != before)
            assert interruption.signal is None
        assert signal.getsignal(SIGTERM) == before

    listen()
    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert heard == [True, False]


def train_with_kills(folder: Path, moments: Sequence[tuple[str, int]]) -> Path:
    """A run that is killed at each moment in turn, and resumed in its own folder until it ends."""
    run, reached, begin = folder / "run", 0, QUICK[TRAIN]
    for moment in moments:
        fork(folder, *begin, "hydra.run.dir=run", moments=[(SIGKILL, *moment)], code=-SIGKILL)
        there = checkpoints(run) if (run / "checkpoints").exists() else []
        if reached or any(not name.endswith(".unfinished") for name in there):
            step = checkpoint.load(run / "checkpoints", random=False).step
            assert step >= reached
            reached, begin = step, ["resume=run"]
    fork(folder, *begin, "hydra.run.dir=run")
    return run


def test_killed_at_any_moment_a_run_ends_as_if_it_had_not_been(whole: Path, tmp_path: Path) -> None:
    moments = [
        ("rename", 2),  # between the last write of the second checkpoint, in step 8, and its name
        (WRITE, 200),  # inside that checkpoint again
        (ROW, 7),  # between two checkpoints: after the header five rows were written
        ("replace", 2),  # after config.yaml was written anew, and before metrics.csv is
    ]
    run = train_with_kills(tmp_path, moments)
    assert_same_end(run, whole)
    assert checkpoints(run) == checkpoints(whole) == [f"step-000000{step}" for step in ("08", "12", "16")]


# So many calls a run makes at least: from its beginning, and where it is resumed, after its last step too.
CALLS = {ROW: 17, WRITE: 1400, "fsync": 24, "rename": 5, "replace": 2, "unlink": 4, "rmdir": 1}
CALLS_RESUMED = {ROW: 1, WRITE: 350, "fsync": 6, "rename": 1, "replace": 2}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(15))
def test_killed_at_two_random_moments_a_run_ends_as_if_it_had_not_been(seed: int, whole: Path, tmp_path: Path) -> None:
    drawn = random.Random(seed)
    chosen = [drawn.choice(list(calls.items())) for calls in (CALLS, CALLS_RESUMED)]
    run = train_with_kills(tmp_path, [(name, drawn.randint(1, most)) for name, most in chosen])
    assert_same_end(run, whole)
    assert checkpoints(run)[-1] == "step-00000016"
