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

MODELS = [
    "beit_base_patch16_224", "convnext_tiny", "deit3_small_patch16_224", "efficientnet_b0", "mixer_s16_224",
    "mobilenetv3_small_100", "regnety_002", "resnet50", "swin_tiny_patch4_window7_224", "vit_small_patch16_224",
]  # fmt: skip


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
def test_groups_equal_those_of_timm(folder: Path) -> None:
    script = Path(__file__).with_name("timm_groups.py")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, script, *MODELS], env=environment, capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert list(said) == MODELS
    for name, grouped in said.items():
        for how, (ours, theirs) in grouped.items():
            assert ours.keys() == theirs.keys(), (name, how)
            assert ours == {key: pytest.approx(value) for key, value in theirs.items()}, (name, how)
