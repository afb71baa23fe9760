"""Finds a learning rate for the digits by a range test, before anything is trained.

    python examples/find_lr.py
    python examples/find_lr.py optimizer=sgd optimizer.MOMENTUM=0.9
    python examples/find_lr.py -m optimizer=adamw,sgd,muon_adamw

It has the configuration of train.py, of which it reads the optimizer, `batch_size` and `seed`. Its folder, by default
outputs/<date>/<time>, gets find_lr.png and find_lr.json.
"""

from __future__ import annotations

import logging

import hydra
from command_line import missing, output_folder, wrong_numbers
from omegaconf import DictConfig

import scepter_opt
from scepter_opt import ConfigError

log = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(cfg: DictConfig) -> float | None:
    """One job: returns the rate that is suggested."""
    problems = [*wrong_numbers(cfg, {"batch_size": 1, "seed": 0}), *missing(cfg, "optimizer")]
    if problems:
        raise ConfigError(problems)
    scepter_opt.check(cfg)
    found = find(cfg)
    log.info("%s", found)
    for name in ("find_lr.png", "find_lr.json"):
        found.save(output_folder() / name)
    return found.suggestion


def find(cfg: DictConfig) -> scepter_opt.RateRange:
    """The range test of the optimizer that the configuration says."""
    import torch
    from descent import descend
    from digits import ConvNet, load
    from processes import Processes
    from torch.nn.functional import cross_entropy
    from torch.utils.data import DataLoader, TensorDataset

    torch.set_num_threads(1)
    torch.manual_seed(cfg.seed)
    training, _ = load()
    model = ConvNet()
    optimizer = scepter_opt.build_optimizer(model, cfg.optimizer, logger=log)
    loader = DataLoader(TensorDataset(*training), cfg.batch_size, shuffle=True)

    def train_step(batch: tuple[torch.Tensor, torch.Tensor]) -> float:
        pixels, labels = batch
        model.train()
        return descend(optimizer, lambda: cross_entropy(model(pixels), labels), Processes())

    return scepter_opt.find_lr(model, optimizer, train_step, loader)


if __name__ == "__main__":
    main()
