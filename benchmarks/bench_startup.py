"""An app's `--cfg job`, `--help` and one TAB with the package imported, against the same app without it.

$ python benchmarks/bench_startup.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from timing import medians

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


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for kind, line, config in (("with", "import scepter_opt", OURS), ("without", "", CONFIG)):
            place = Path(folder) / kind
            (place / "conf" / "optimizer").mkdir(parents=True)
            (place / "conf" / "lr_scheduler").mkdir()
            (place / "app.py").write_text(APP.format(line=line))
            (place / "conf" / "config.yaml").write_text(config)
            if kind == "without":
                (place / "conf" / "optimizer" / "sgd.yaml").write_text("_target_: torch.optim.SGD\nlr: 0.1\n")
                (place / "conf" / "lr_scheduler" / "cosine.yaml").write_text("T_max: 10\n")
        for arguments in (["--cfg", "job"], ["--help"], ["-sc", "query=bash"]):
            tasks = {kind: partial(run, Path(folder) / kind, arguments) for kind in ("with", "without")}
            found = medians(tasks, rounds=15)
            ratio = found["with"] / found["without"]
            print(" ".join(arguments), f"{ratio:.2f} times", {key: f"{1e3 * s:.0f} ms" for key, s in found.items()})


def run(folder: Path, arguments: list[str]) -> None:
    """Run the app once."""
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root, "COMP_LINE": "python app.py optim"}
    subprocess.run(
        [sys.executable, "app.py", *arguments], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL
    )


if __name__ == "__main__":
    main()
