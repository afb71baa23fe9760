"""Building an optimizer from a composed node, check included, against what others do with the same optimizer.

$ python benchmarks/bench_build.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from hydra import compose, initialize
from hydra.utils import instantiate
from omegaconf import OmegaConf
from peers import peer
from timing import Row, compared, show

import scepter_opt
from scepter_opt.config.names import keyword_of
from scepter_opt.config.validation import fields


def keywords(node: Any) -> dict[str, Any]:
    """The keys of a node under torch's names, tuples as lists."""
    taken = getattr(torch.optim, node.NAME)([torch.zeros(1)]).defaults
    keys = {key: keyword_of(key) for key in fields(type(scepter_opt.check(node)))}
    return {keyword: node[key] for key, keyword in keys.items() if keyword in taken}


def by_hydra(node: Any, model: torch.nn.Module) -> Any:
    """What an app without this package does."""
    return instantiate(node, model.parameters())


def by_zen(zen: Any, config: Any, model: torch.nn.Module) -> Any:
    """The same with hydra-zen's configs."""
    return zen.instantiate(config)(model.parameters())


def by_hand(cls: type[torch.optim.Optimizer], model: torch.nn.Module) -> Any:
    """What torch alone does, with its defaults."""
    return cls(model.parameters())  # type: ignore[call-arg]  # the base class has no defaults


def rows(rounds: int = 200) -> Iterator[Row]:
    """Building SGD and AdamW; ratios are to hydra.utils.instantiate."""
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
    zen = peer("hydra_zen")
    for option in ("sgd", "adamw"):
        with initialize(version_base="1.3", config_path=None):
            node = compose(overrides=[f"+optimizer={option}"]).optimizer
        cls, given = getattr(torch.optim, node.NAME), keywords(node)
        theirs = OmegaConf.create({"optimizer": {"_target_": f"torch.optim.{node.NAME}", **given}}).optimizer
        tasks: dict[str, Callable[[], Any]] = {
            "scepter_opt": partial(scepter_opt.build_optimizer, model, node),
            "hydra instantiate": partial(by_hydra, theirs, model),
            "torch": partial(by_hand, cls, model),
        }
        if zen:
            built = zen.builds(cls, populate_full_signature=True, zen_partial=True)
            tasks["hydra-zen"] = partial(by_zen, zen, OmegaConf.structured(built(**given)), model)
        yield from compared("build", node.NAME, tasks, "hydra instantiate", rounds)


if __name__ == "__main__":
    show(rows())
