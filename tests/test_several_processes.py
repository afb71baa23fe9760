"""Trained by several processes, by DDP or in shards by FSDP2, a model becomes what one process makes of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain as joined
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

import scepter_opt
from scepter_opt import checkpoint
from scepter_opt.parameters.processes import rank_and_count
from tests.processes import together

BATCH, STEPS = 12, 3
TOTAL = 4 * STEPS
RULES: dict[str, Any] = {
    "no_decay": {"WHERE": {"KINDS": ["bias", "norm"]}, "SET": {"WEIGHT_DECAY": 0.0}},
    "head": {"WHERE": {"NAMES": "head"}, "SET": {"LR_MULT": 5}},
}
TO_MUON = {"hidden": {"WHERE": {"NAMES": "body.weight"}, "SET": {"OPTIMIZER": "muon"}}}
PARTS = {
    "muon": {"NAME": "Muon", "LEARNING_RATE": 0.01},
    "adamw": {"NAME": "AdamW", "LEARNING_RATE": 0.01, "WEIGHT_DECAY": 0.1},
}
WARMUP = {"CURVE": "linear", "FROM": 0.1, "TO": 1.0, "LENGTH": "20%"}
PHASES = {"NAME": "PhasesLR", "PHASES": {"warmup": WARMUP, "decay": {"CURVE": "cosine", "TO": 0.1}}}
COSINE = {"NAME": "CosineAnnealingLR"}
# An optimizer with its schedule.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "AdamW": ({"NAME": "AdamW", "LEARNING_RATE": 0.01, "WEIGHT_DECAY": 0.1, "PARAM_GROUPS": RULES}, PHASES),
    "SGD": (
        {"NAME": "SGD", "LEARNING_RATE": 0.05, "MOMENTUM": 0.9, "WEIGHT_DECAY": 0.1, "PARAM_GROUPS": RULES},
        COSINE,
    ),
    "Hybrid": ({"NAME": "Hybrid", "OPTIMIZERS": PARTS, "DEFAULT": "adamw", "PARAM_GROUPS": RULES | TO_MUON}, PHASES),
}


def bound(case: str, parallel: str) -> float:
    """How far parameters may be from those of one process; docs/several_processes.md says it too.

    The order in which numbers are added makes 1e-7. In shards Muon's iteration, which is in bfloat16, multiplies parts
    of its matrices, and makes 1e-3 of that.
    """
    return 5e-3 if (case, parallel) == ("Hybrid", "fsdp") else 1e-6


class Net(nn.Module):
    """An embedding, a norm, biases, and sizes that no number of processes divides."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.norm = nn.Embedding(11, 6), nn.LayerNorm(6)
        self.body, self.head = nn.Linear(6, 7), nn.Linear(7, 5)

    def forward(self, data: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.head(self.body(self.norm(self.embedding(data))).tanh())
        return output


def loss_of_share(model: nn.Module, step: int) -> torch.Tensor:
    """A process's part of the loss over a step's batch, so that the mean of all processes' is that of the batch."""
    rank, count = rank_and_count()
    generator = torch.Generator().manual_seed(step)
    data = torch.randint(11, (BATCH - 1,), generator=generator)  # which no number of processes divides either
    labels = torch.randint(5, (BATCH - 1,), generator=generator)
    begin, end = (len(data) * number // count for number in (rank, rank + 1))
    loss = cross_entropy(model(data[begin:end]), labels[begin:end], reduction="sum")
    return loss * count / len(data)


def wrapped(model: nn.Module, parallel: str) -> nn.Module:
    from torch.distributed.fsdp import fully_shard

    if parallel == "ddp" and dist.is_initialized():
        return DistributedDataParallel(model)
    if parallel == "fsdp" and dist.is_initialized():
        fully_shard(model.get_submodule("body"))
        fully_shard(model)
    return model


def stage(folder: Path, parallel: str, first: int, last: int) -> dict[str, Any]:
    """Every case's steps from `first` to `last`: resumed from a folder, and saved there."""
    ends = {}
    for case, (node, schedule) in CASES.items():
        model = wrapped(Net(), parallel)
        scepter_opt.plan(node, model).compare_across_ranks(60)
        optimizer = scepter_opt.build_optimizer(model, node)
        scheduler = scepter_opt.build_lr_scheduler(optimizer, schedule, TOTAL)
        driver = scepter_opt.Driver(scheduler, schedule)
        parts: dict[str, Any] = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "driver": driver}
        if first:
            assert checkpoint.load(folder / case, **parts).step == first
        rates = []
        for step in range(first, last):
            rates.append([group["lr"] for group in optimizer.param_groups])
            optimizer.zero_grad()
            loss_of_share(model, step).backward()  # type: ignore[no-untyped-call]  # torch has no type for it
            optimizer.step()
            driver.step()
        checkpoint.save(folder / case, **parts)
        values = [p.full_tensor() if hasattr(p, "full_tensor") else p for p in model.parameters()]
        groups = [(group["name"], group["param_names"]) for group in optimizer.param_groups]
        ends[case] = {"rates": rates, "values": [value.detach().numpy() for value in values], "groups": groups}
    return ends


def apart(one: dict[str, Any], other: dict[str, Any]) -> float:
    """The greatest difference between two runs' parameters."""
    return max(float(abs(a - b).max()) for a, b in zip(one["values"], other["values"], strict=True))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The unbroken runs of one process."""
    return stage(tmp_path_factory.mktemp("alone"), "", 0, TOTAL)


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_two_processes_end_where_one_does(parallel: str, alone: dict[str, Any], tmp_path: Path) -> None:
    first, second = together(tmp_path, 2, stage, tmp_path, parallel, 0, TOTAL)
    for case in CASES:
        assert apart(first[case], second[case]) == 0
        assert apart(first[case], alone[case]) <= bound(case, parallel), case
        for what in ("groups", "rates"):
            assert first[case][what] == second[case][what] == alone[case][what]


CHAINS = {
    "ddp": ["ddp", "ddp", "ddp", "ddp"],
    "fsdp": ["fsdp", "fsdp", "fsdp", "fsdp"],
    "whole and in shards": ["ddp", "", "fsdp", "ddp"],
}


@pytest.mark.parametrize("chain", CHAINS)
def test_a_run_of_two_resumed_by_one_by_four_and_by_two_ends_where_the_unbroken_one_does(
    chain: str, alone: dict[str, Any], tmp_path: Path
) -> None:
    stages = [
        together(tmp_path, count, stage, tmp_path, parallel, number * STEPS, (number + 1) * STEPS)[0]
        for number, (count, parallel) in enumerate(zip([2, 1, 4, 2], CHAINS[chain], strict=True))
    ]
    for case in CASES:
        assert apart(stages[-1][case], alone[case]) <= bound(case, CHAINS[chain][2]), case
        assert list(joined.from_iterable(each[case]["rates"] for each in stages)) == alone[case]["rates"]


def by_torch(case: str) -> list[Any]:
    """One process's run with torch alone: an optimizer for each kind of parameter, its rate set before each step."""
    model = Net()
    named = dict(model.named_parameters())
    _, schedule = CASES[case]
    optimizers: list[tuple[torch.optim.Optimizer, float]] = []
    for name, parameter in named.items():
        decay = 0.0 if name.endswith("bias") or name.startswith("norm") else 0.1
        is_muon = case == "Hybrid" and name == "body.weight"
        rate = {"SGD": 0.05}.get(case, 0.01) * (5 if name.startswith("head") else 1)
        made: Callable[..., torch.optim.Optimizer] = torch.optim.SGD if case == "SGD" else torch.optim.AdamW
        keys: dict[str, Any] = {"momentum": 0.9} if case == "SGD" else {}
        own = (
            torch.optim.Muon([parameter], lr=rate)
            if is_muon
            else made([parameter], lr=rate, weight_decay=decay, **keys)
        )
        optimizers.append((own, rate))
    factor = scepter_opt.schedule(PHASES, TOTAL)
    cosine = [torch.optim.lr_scheduler.CosineAnnealingLR(own, TOTAL) for own, _ in optimizers]
    for step in range(TOTAL):
        for own, rate in optimizers:
            if schedule is PHASES:
                own.param_groups[0]["lr"] = rate * factor(step)
            own.zero_grad()
        loss_of_share(model, step).backward()  # type: ignore[no-untyped-call]  # torch has no type for it
        for own, _ in optimizers:
            own.step()
        if schedule is COSINE:
            for each in cosine:
                each.step()
    return [parameter.detach().numpy() for parameter in model.parameters()]


@pytest.mark.parametrize("case", CASES)
def test_that_is_where_torch_alone_ends(case: str, alone: dict[str, Any]) -> None:
    assert apart({"values": by_torch(case)}, alone[case]) <= 1e-6


def refusals() -> dict[str, str]:
    """What is said of optimizers that cannot take parameters in shards; torch raises at their first step."""
    said = {}
    for name in ("Adafactor", "LBFGS", "AdamW"):
        model = wrapped(Net(), "fsdp")
        try:
            scepter_opt.build_optimizer(model, {"NAME": name})
        except scepter_opt.ConfigError as error:
            said[name] = error.problems[0].message
    return said


def test_an_optimizer_that_cannot_take_shards_is_refused_when_it_is_built(tmp_path: Path) -> None:
    words = "cannot take parameters in shards such as embedding.weight and 6 more:"
    (said,) = together(tmp_path, 1, refusals)
    assert said == {
        "Adafactor": f"Adafactor {words} it takes norms of whole rows and columns.",
        "LBFGS": f"LBFGS {words} it makes one vector of all.",
    }
