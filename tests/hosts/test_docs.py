"""The blocks of the documentation that need other packages run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.hosts

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python title=hosts/(\w+)\.py\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = ("trainers", "recording")
BLOCKS = dict(
    match for page in PAGES for match in BLOCK.findall((ROOT / f"docs/{page}.md").read_text(encoding="utf-8"))
)


def test_there_are_blocks_for_both_trainers_and_for_each_logger() -> None:
    loggers = ["wandb_log", "mlflow_log", "tensorboard_writer"]
    assert list(BLOCKS) == ["transformers_attach", "accelerate_prepare", *loggers]


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_of_the_docs_runs(name: str, tmp_path: Path) -> None:
    pytest.importorskip(name.partition("_")[0])
    if name in ("transformers_attach", "accelerate_prepare"):
        pytest.importorskip("accelerate")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", BLOCKS[name]]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
