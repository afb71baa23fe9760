"""Small models for the tests of rules and plans."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

import scepter_opt


class MyNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4)
        self.attn = nn.Linear(4, 4)
        self.norm2 = MyNorm()
        self.norm3 = nn.RMSNorm(4)
        self.mlp = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))


class Net(nn.Module):
    """Embedding, two blocks, a projection whose name begins like theirs, and a tied head."""

    def __init__(self, depth: int = 2) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 4))
        self.embed = nn.Embedding(10, 4)
        self.encoder = nn.Sequential(*(Block() for _ in range(depth)))
        self.encoder_proj = nn.Linear(4, 4)
        self.head = nn.Linear(4, 10)
        self.head.weight = self.embed.weight


def rule(where: Any, settings: Any = None, **more: Any) -> dict[str, Any]:
    return {"WHERE": where, **({} if settings is None else {"SET": settings}), **more}


def plan(rules: Any, model: Any = None, name: str = "AdamW", **keys: Any) -> scepter_opt.Plan:
    return scepter_opt.plan({"NAME": name, "PARAM_GROUPS": rules, **keys}, Net() if model is None else model)


def names(found: scepter_opt.Plan, rule_name: str) -> list[str]:
    """The parameters that a rule matches."""
    return [row.name for row in found if rule_name in row.rules]


def rates(found: scepter_opt.Plan) -> dict[str, float]:
    return {row.name: row.group.learning_rate for row in found if row.group}


def decays(found: scepter_opt.Plan) -> dict[str, float]:
    return {row.name: row.group.weight_decay for row in found if row.group}
