"""The table of a plan, as a terminal shows it.

PYTHONPATH=. python docs/pictures/plan.py docs/pictures/plan.svg
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import torch
from omegaconf import OmegaConf
from rich.console import Console

import scepter_opt

RULES = """
no_decay: {WHERE: {KINDS: [bias, norm]}, SET: {WEIGHT_DECAY: 0.0}}
body: {WHERE: {NAMES: "body.*"}, SET: {LR_MULT: 0.1}}
"""


def main(path: Path) -> None:
    """Write the picture."""
    body = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.LayerNorm(8), torch.nn.Linear(8, 8))
    model = torch.nn.ModuleDict({"body": body, "head": torch.nn.Linear(8, 2)})
    node = {"NAME": "AdamW", "LEARNING_RATE": 1e-3, "PARAM_GROUPS": OmegaConf.create(RULES)}
    console = Console(record=True, width=132, file=io.StringIO())
    console.print(scepter_opt.plan(node, model))
    path.write_text(console.export_svg(title="scepter-opt plan"), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
