"""The page at the top of the README: a vision transformer's groups, their rates, and which rule decided what.

    make picture

takes its picture, docs/pictures/page.png, in Chromium. A path that ends in .html gets the page itself:

    python docs/pictures/page.py page.html
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import scepter_opt

OVERRIDES = [
    "+optimizer=adamw",
    "optimizer.LEARNING_RATE=0.001",
    "optimizer.WEIGHT_DECAY=0.05",
    "+param_groups@optimizer.PARAM_GROUPS=[layer_decay,no_decay]",
    "+lr_scheduler=warmup_cosine",
    "lr_scheduler.PHASES.warmup.LENGTH=10%",
    "+lr_scheduler.SETTINGS.WEIGHT_DECAY.rise={CURVE: cosine, TO: 4.0}",
]
TITLE = "ViT-S/16 with AdamW: layer-wise decay, warm-up and cosine"
STEPS = 10_000
SIZE = (1400, 1010)


def vision_transformer(width: int = 384, depth: int = 12, classes: int = 1000) -> Any:
    """A transformer over patches of pictures, as small as ViT-S/16."""
    from torch import nn

    class VisionTransformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patch_embed = nn.Conv2d(3, width, kernel_size=16, stride=16)
            self.position = nn.Embedding(197, width)
            self.blocks = nn.ModuleList(
                nn.TransformerEncoderLayer(width, width // 64, 4 * width, batch_first=True) for _ in range(depth)
            )
            self.norm = nn.LayerNorm(width)
            self.head = nn.Linear(width, classes)

    return VisionTransformer()


def write_page(path: Path) -> None:
    """The page of the model, made without its memory."""
    import torch
    from hydra import compose, initialize

    with initialize(version_base="1.3"):
        cfg = compose(overrides=OVERRIDES)
    with torch.device("meta"):
        model = vision_transformer()
    plan = scepter_opt.plan(cfg.optimizer, model)
    shown = scepter_opt.preview(cfg.lr_scheduler, STEPS, plan)
    scepter_opt.write_page(path, shown, plan, title=TITLE)


def take_picture(path: Path) -> None:
    """What a browser shows of the page."""
    from tests.browser.chromium import chromium

    with TemporaryDirectory() as folder, chromium() as browser:
        page = Path(folder) / "page.html"
        write_page(page)
        browser.size(*SIZE)
        browser.open(page)
        browser.driver.save_screenshot(str(path))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    (write_page if target.suffix == ".html" else take_picture)(target)
