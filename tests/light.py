"""Scripts run in processes forked from one in which Hydra and the checks are imported, and torch is not.

What needs no torch is so run in a fraction of the time that its imports take.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess

ROOT = Path(__file__).parents[1]
IMPORTS = [
    "hydra._internal.hydra", "pydantic.type_adapter", "scepter_opt.checking", "scepter_opt.lr_schedulers",
    "scepter_opt.optimizers",
]  # fmt: skip


def light(folder: Path, script: Path, *arguments: str, paths: Sequence[Path] = ()) -> CompletedProcess[str]:
    """What a script prints and how it ends, run in `folder` with `paths` first in what it imports from."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    asked = {"folder": str(folder), "script": str(script), "arguments": arguments}
    server.stdin.write(json.dumps({**asked, "paths": [*map(str, paths)]}) + "\n")
    server.stdin.flush()
    code = int(server.stdout.readline())
    return CompletedProcess(arguments, code, *((folder / name).read_text() for name in ("stdout", "stderr")))


@cache
def _server() -> subprocess.Popen[str]:
    """The process that they are forked from; it ends when its input does."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.light"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _serve() -> None:
    for name in IMPORTS:
        importlib.import_module(name)
    assert "torch" not in sys.modules
    for line in sys.stdin:
        asked = json.loads(line)
        process = os.fork()
        if not process:
            _run(**asked)
            return
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(folder: str, script: str, arguments: list[str], paths: list[str]) -> None:
    """What the forked process does, and then ends as any other."""
    os.chdir(folder)
    for number, name in ((1, "stdout"), (2, "stderr")):
        with Path(name).open("wb") as file:
            os.dup2(file.fileno(), number)
    sys.argv = [script, *arguments]
    sys.path[:0] = [str(Path(script).parent), *paths]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    _serve()
