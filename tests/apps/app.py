"""A training app in little, with classes of its own; run by the tests with Hydra's flags."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import hydra
from omegaconf import OmegaConf

import scepter_opt
from scepter_opt.optimizers.base_optimizer import BaseOptimize, OptimizerConfig
from scepter_opt.optimizers.registry import OPTIMIZERS


@OPTIMIZERS.register_class()
class Untyped(BaseOptimize):
    """As in the original: any key passes."""

    def __init__(self, cfg: Any, logger: Any = None) -> None:
        super().__init__(cfg, logger=logger)
        self.eta = cfg.get("ETA", 0.5)

    def __call__(self, parameters: Any) -> Any:
        """Build."""
        import torch

        return torch.optim.SGD(parameters, lr=self.eta)


@OPTIMIZERS.register_class(option="typed_one")
class Typed(BaseOptimize):
    """With a Config of its own."""

    target = "torch.optim.SGD"

    @dataclass(kw_only=True)
    class Config(OptimizerConfig):
        """Keys."""

        LEARNING_RATE: float = 0.25
        """Rate."""


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def app(cfg: Any) -> float:
    """Check, build, and print what came out."""
    import torch

    configs = scepter_opt.check(cfg)
    made = scepter_opt.build_optimizer(torch.nn.Linear(2, 1), cfg.optimizer)
    typed = OmegaConf.get_type(cfg.optimizer)
    print(
        json.dumps(
            {
                "name": cfg.optimizer.NAME,
                "typed": typed is not dict,
                "class": type(made).__name__,
                "lr": made.param_groups[0]["lr"],
                "nodes": list(configs),
            }
        )
    )
    return float(made.param_groups[0]["lr"])


if __name__ == "__main__":
    app()
