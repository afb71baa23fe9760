"""A training in little that reports as it goes; run by the tests as trials of a study.

What it returns is how far the rate is from one tenth. A file `kill` says a trial and a moment of it at which the
program is killed: `3:report`, `3:return`.
"""

from __future__ import annotations

import math
import os
import signal
from pathlib import Path
from typing import Any

import hydra
import torch
from hydra.core.hydra_config import HydraConfig

import scepter_opt


def die_at(moment: str) -> None:
    """Be killed here, if it is said."""
    said = Path("kill")
    if said.exists() and said.read_text() == f"{HydraConfig.get().job.num}:{moment}":
        os.kill(os.getpid(), signal.SIGKILL)


@hydra.main(version_base="1.3", config_path="conf", config_name="study")
def app(cfg: Any) -> float:
    """Train."""
    scepter_opt.check(cfg)
    if cfg.refuse is not None and cfg.refuse < cfg.optimizer.LEARNING_RATE:
        scepter_opt.check({"NAME": "SGD", "LERNING_RATE": 1})
    model = torch.nn.Linear(1, 1)
    optimizer = scepter_opt.build_optimizer(model, cfg.optimizer)
    node = {"NAME": "NoneLR"}
    driver = scepter_opt.Driver(scepter_opt.build_lr_scheduler(optimizer, node), node)
    distance = abs(math.log10(cfg.optimizer.LEARNING_RATE) + 1)
    for step in range(1, 5):
        optimizer.step()
        driver.step()
        if step == 3:
            die_at("report")
        driver.report(distance + 1 / step)
    die_at("return")
    return distance


if __name__ == "__main__":
    app()
