"""timm in an environment of its own: without torchvision it does not import, and that is a CUDA build."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
# timm without torch, which is here, and with what timm needs else
INSTALLS = (["--no-deps", "timm", "torchvision"], ["huggingface_hub", "safetensors", "pyyaml", "pillow"])


def make_environment(target: Path) -> Path:
    """Install timm into a folder that is put before the others on the path of a process of its own."""
    for what in INSTALLS:
        where = ["-c", str(ROOT / "constraints.txt"), "--target", str(target)]
        command = [sys.executable, "-m", "pip", "install", "-q", *where, *what]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no environment for timm could be made: {done.stderr.strip()[-300:]}")
    return target


def run(script: Path, folder: Path, *arguments: str) -> dict[str, Any]:
    """What a script says in its last line, as JSON."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, script, *arguments], env=environment, capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said
