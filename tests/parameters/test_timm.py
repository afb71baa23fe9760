from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# timm without torch, which is here, and with what timm needs else
INSTALLS = (["--no-deps", "timm", "torchvision"], ["huggingface_hub", "safetensors", "pyyaml", "pillow"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own for timm: a folder before the others on the path of a process of its own."""
    target = tmp_path_factory.mktemp("timm")
    for what in INSTALLS:
        where = ["-c", str(ROOT / "constraints.txt"), "--target", str(target)]
        command = [sys.executable, "-m", "pip", "install", "-q", *where, *what]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no environment for timm could be made: {done.stderr.strip()[-300:]}")
    return target


@pytest.mark.long
@pytest.mark.parametrize("name", ["vit_small_patch16_224", "convnext_tiny"])
def test_groups_equal_those_of_timm(folder: Path, name: str) -> None:
    script = Path(__file__).with_name("timm_groups.py")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, script, name], env=environment, capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    for ours, theirs in (said["no_decay"], said["layer_decay"]):
        assert ours.keys() == theirs.keys()
        assert ours == {key: pytest.approx(value) for key, value in theirs.items()}
    if name.startswith("vit"):
        assert said["preset"][0] == said["no_decay"][1]
