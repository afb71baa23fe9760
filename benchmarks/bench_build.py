"""Building an optimizer from a composed node, check included, against hydra.utils.instantiate of the same optimizer.

$ python benchmarks/bench_build.py
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from hydra import compose, initialize
from hydra.utils import instantiate
from omegaconf import OmegaConf
from timing import medians

import scepter_opt
from scepter_opt.validation import fields

KEYS = {"LEARNING_RATE": "lr"}


def instantiate_over(node: Any, model: torch.nn.Module) -> Any:
    """What an app without this package does."""
    return instantiate(node, model.parameters())


def made_by_hand(name: str, model: torch.nn.Module) -> Any:
    """What torch alone does."""
    return getattr(torch.optim, name)(model.parameters())


def main() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
    with initialize(version_base="1.3", config_path=None):
        for option in ("sgd", "adamw"):
            cfg = compose(overrides=[f"+optimizer={option}"])
            name = cfg.optimizer.NAME
            theirs = {"_target_": f"torch.optim.{name}"}
            for key in fields(type(scepter_opt.check(cfg.optimizer))):
                keyword = KEYS.get(key, key.lower())
                if keyword in torch.optim.__dict__[name]([torch.zeros(1)]).defaults:
                    theirs[keyword] = cfg.optimizer[key]
            node = OmegaConf.create({"optimizer": theirs}).optimizer
            found = medians(
                {
                    "build_optimizer": partial(scepter_opt.build_optimizer, model, cfg.optimizer),
                    "instantiate": partial(instantiate_over, node, model),
                    "torch": partial(made_by_hand, name, model),
                },
                rounds=200,
            )
            ratio = found["build_optimizer"] / found["instantiate"]
            print(f"{name}: {ratio:.2f} times instantiate", {key: f"{1e6 * s:.0f} µs" for key, s in found.items()})


if __name__ == "__main__":
    main()
