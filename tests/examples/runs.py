"""Examples run in processes of their own, most of them forked from one in which torch and the rest are imported."""

from __future__ import annotations

import csv
import os
import runpy
import signal
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from multiprocessing import connection
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import torch

from tests.light import light
from tests.processes import forkserver
from tests.support import same

ROOT = Path(__file__).parents[2]
TRAIN, GAN, LANGUAGE_MODEL = (ROOT / "examples" / f"{name}.py" for name in ("train", "gan", "language_model"))
# The least that each does: a few steps an epoch.
QUICK = {
    TRAIN: ["epochs=4", "batch_size=384"],
    GAN: ["epochs=2", "batch_size=256"],
    LANGUAGE_MODEL: ["epochs=2", "steps_per_epoch=4", "batch_size=2", "context=16", "layers=1", "width=32"],
}
Moment = tuple[signal.Signals, str, int]
"""A signal and the call that it comes before: the builtin function's name, such as `rename` or `BufferedWriter.write`,
and which call of it, from 1."""


def start(folder: Path, *overrides: str, code: int = 0, script: Path = TRAIN) -> CompletedProcess[str]:
    """Run an example in `folder` as its user does, and see that it ends with `code`."""
    modules = folder / "modules"
    modules.mkdir(exist_ok=True)
    # One thread each: the tests run side by side.
    paths = os.pathsep.join([str(modules), str(ROOT)])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "120", "PYTHONPATH": paths}
    command = [sys.executable, str(script), *overrides]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def start_without_torch(folder: Path, *overrides: str, code: int = 0, script: Path = TRAIN) -> CompletedProcess[str]:
    """The same where torch cannot be imported, in a fraction of the time."""
    modules = folder / "modules"
    modules.mkdir(exist_ok=True)
    (modules / "torch.py").write_text("raise ImportError('torch is blocked')")
    done = light(folder, script, *overrides, paths=[modules])
    assert done.returncode == code, done.stdout + done.stderr
    return done


def fork(
    folder: Path,
    *overrides: str,
    code: int | None = 0,
    script: Path = TRAIN,
    moments: Sequence[Moment] = (),
    strict: bool = False,
    columns: int = 120,
) -> CompletedProcess[str]:
    """The same in a fraction of the time, with signals at `moments`; a `code` of None is any.

    If `strict`, warnings are errors. The output is so many `columns` wide.
    """
    process = forkserver().Process(
        target=_run, args=(folder, script, overrides, moments, {"COLUMNS": str(columns)}, "", strict)
    )
    process.start()
    process.join(900)
    process.kill()  # whatever hangs; what has ended does not mind
    stdout, stderr = ((folder / name).read_text() for name in ("stdout", "stderr"))
    assert process.exitcode is not None
    assert code in (None, process.exitcode), f"{process.exitcode}: {stdout}{stderr}"
    return CompletedProcess(overrides, process.exitcode, stdout, stderr)


def fork_together(
    folder: Path,
    count: int,
    *overrides: str,
    script: Path = TRAIN,
    moments: Mapping[int, Sequence[Moment]] | None = None,
) -> list[CompletedProcess[str]]:
    """The same in `count` processes that train together, with signals by their number; ended as torchrun ends them."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # torch exports it to Python alone

    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    agent = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": store.port, "TORCHELASTIC_USE_AGENT_STORE": True}
    said = {**agent, "TORCHELASTIC_RESTART_COUNT": 0, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    context, processes = forkserver(), []
    for rank in range(count):
        environment = {key: str(value) for key, value in {**said, "RANK": rank, "LOCAL_RANK": rank}.items()}
        given = (folder, script, overrides, (moments or {}).get(rank, ()), environment, f"-{rank}")
        processes.append(context.Process(target=_run, args=given))
    for process in processes:
        process.start()
    waiting = processes
    while waiting:
        ended = connection.wait([process.sentinel for process in waiting], timeout=120)
        if not ended or any(process.exitcode for process in waiting):
            for process in waiting:
                process.terminate() if ended else process.kill()
        waiting = [process for process in waiting if process.is_alive()]
    texts = [[(folder / f"{name}-{rank}").read_text() for name in ("stdout", "stderr")] for rank in range(count)]
    return [
        CompletedProcess(overrides, process.exitcode or 0, *text)
        for process, text in zip(processes, texts, strict=True)
    ]


def _run(
    folder: Path,
    script: Path,
    overrides: Sequence[str],
    moments: Sequence[Moment],
    environment: Mapping[str, str],
    suffix: str,
    strict: bool = False,
) -> None:
    """What the forked process does."""
    os.chdir(folder)
    for number, name in ((1, f"stdout{suffix}"), (2, f"stderr{suffix}")):
        with Path(name).open("wb") as file:
            os.dup2(file.fileno(), number)
    os.environ |= {"COLUMNS": "120", **environment}
    torch.set_num_threads(1)
    if strict:
        warnings.simplefilter("error")
    sys.argv = [str(script), *overrides]
    sys.path[:0] = [str(script.parent), str(folder / "modules")]
    calls: Counter[str] = Counter()

    def watch(_: object, kind: str, function: Any) -> None:
        if kind == "c_call":
            name = function.__qualname__
            calls[name] += 1
            for number, called, count in moments:
                if (called, count) == (name, calls[name]):
                    os.kill(os.getpid(), number)

    def begin(event: str, arguments: Any) -> None:  # not with the start, which would take twice as long
        if event == "import" and arguments[0] == "digits":
            sys.setprofile(watch)

    if moments:
        sys.addaudithook(begin)
    runpy.run_path(str(script), run_name="__main__")


def metrics(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def checkpoints(run: Path) -> list[str]:
    """The names of a run's checkpoints, the oldest first, and of whatever else lies there."""
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def last_checkpoint(run: Path) -> dict[str, Any]:
    """All that is in the newest, but for random numbers that no example draws: Python and numpy seed them anew."""
    state: dict[str, Any] = {}
    for path in (run / "checkpoints" / checkpoints(run)[-1]).glob("*.pt"):
        state |= torch.load(path, weights_only=True)
    return {**state, "random": state["random"]["torch"]}


def assert_same_end(run: Path, other: Path) -> None:
    """Two runs are equal bit for bit: all their rows, and what they end with."""
    assert (run / "metrics.csv").read_bytes() == (other / "metrics.csv").read_bytes()
    assert same(last_checkpoint(run), last_checkpoint(other))
