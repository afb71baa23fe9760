"""What one more optimizer costs: a class, and a name in the built-in list."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CLASS = '''

@OPTIMIZERS.register_class()
class Puma(BaseOptimize):
    """The sign of an interpolated momentum."""

    target = "puma.Puma"

    @dataclass(kw_only=True)
    class Config(DecayKeys):
        LEARNING_RATE: NonNegative = 1e-4
        """Step size."""
        BETAS: Betas = (0.9, 0.99)
        """Decay rates of the two interpolations."""
'''
TORCH = """
import torch

class Puma(torch.optim.SGD):
    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, maximize=False):
        super().__init__(params, lr, weight_decay=weight_decay, maximize=maximize)
        self.defaults["betas"] = betas
        for group in self.param_groups:
            group.setdefault("betas", betas)
"""
USE = """
import json
import torch
from hydra import compose, initialize
import scepter_opt

with initialize(version_base="1.3", config_path=None):
    cfg = compose(overrides=["+optimizer=puma", "optimizer.BETAS=[0.5,0.6]"])
optimizer = scepter_opt.build_optimizer(torch.nn.Linear(2, 1), cfg.optimizer)
group = optimizer.param_groups[0]
try:
    scepter_opt.check({"NAME": "Puma", "BETA": 1})
except scepter_opt.ConfigError as error:
    message = str(error)
template = scepter_opt.get_config_template("Puma")
print(json.dumps([type(optimizer).__name__, group["lr"], group["betas"], message, template]))
"""


def test_one_more_optimizer_is_one_class_and_one_name(tmp_path: Path) -> None:
    for folder in ("scepter_opt", "conf"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    place, entries = (tmp_path / "scepter_opt/optimizers" / name for name in ("adaptive_optimizers.py", "registry.py"))
    place.write_text(place.read_text() + CLASS)
    entries.write_text(entries.read_text().replace(" SparseAdam", " SparseAdam Puma"))
    (tmp_path / "puma.py").write_text(TORCH)
    written = [sys.executable, "-m", "scepter_opt", "write", "conf"]
    subprocess.run(written, cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run([sys.executable, "-c", USE], cwd=tmp_path, check=True, capture_output=True, text=True)
    name, rate, betas, message, template = json.loads(done.stdout)
    assert (name, rate, betas) == ("Puma", 1e-4, [0.5, 0.6])
    assert "BETA = 1: Puma has no such key. Did you mean BETAS?" in message
    assert "# Decay rates of the two interpolations.\nBETAS: [0.9, 0.99]" in template
    assert "# Step size.\nLEARNING_RATE: 0.0001" in (tmp_path / "conf/optimizer/puma.yaml").read_text()
