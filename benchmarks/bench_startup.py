"""An app's `--cfg job`, `--help` and one TAB with the package imported, against the same app without it.

$ python benchmarks/bench_startup.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from timing import Row, compared, show

APP = """
import hydra
{line}

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def app(cfg):
    pass

app()
"""
CONFIG = "defaults: [{optimizer: sgd}, {lr_scheduler: cosine}, _self_]\n"
OURS = "defaults: [{optimizer: sgd}, {lr_scheduler: cosine_annealing}, _self_]\n"


KINDS = {"with scepter_opt": ("import scepter_opt", OURS), "without": ("", CONFIG)}
ARGUMENTS = {"--cfg job": ["--cfg", "job"], "--help": ["--help"], "TAB": ["-sc", "query=bash"]}


def write_app(place: Path, line: str, config: str) -> None:
    """An app in a folder, with options of its own where it does not import the package."""
    (place / "conf" / "optimizer").mkdir(parents=True)
    (place / "conf" / "lr_scheduler").mkdir()
    (place / "app.py").write_text(APP.format(line=line))
    (place / "conf" / "config.yaml").write_text(config)
    if not line:
        (place / "conf" / "optimizer" / "sgd.yaml").write_text("_target_: torch.optim.SGD\nlr: 0.1\n")
        (place / "conf" / "lr_scheduler" / "cosine.yaml").write_text("T_max: 10\n")


def rows(rounds: int = 15) -> Iterator[Row]:
    """The app's three answers; ratios are to the app without the package."""
    with tempfile.TemporaryDirectory() as folder:
        for kind, (line, config) in KINDS.items():
            write_app(Path(folder) / kind, line, config)
        for case, arguments in ARGUMENTS.items():
            tasks = {kind: partial(run, Path(folder) / kind, arguments) for kind in KINDS}
            yield from compared("start-up", case, tasks, "without", rounds)


def run(folder: Path, arguments: list[str]) -> None:
    """Run the app once."""
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root, "COMP_LINE": "python app.py optim"}
    subprocess.run(
        [sys.executable, "app.py", *arguments], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL
    )


if __name__ == "__main__":
    show(rows())
