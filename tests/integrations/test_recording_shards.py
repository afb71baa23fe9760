"""With parameters in shards the norms are those of the whole, the same in all processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import scepter_opt
from scepter_opt import Driver
from tests.integrations.recorded_loop import CONSTANT, HEAD, loss_of, net
from tests.processes import together

pytestmark = pytest.mark.long
NODE = {"NAME": "AdamW", "PARAM_GROUPS": HEAD, "IMPLEMENTATION": "for_loop"}


def recorded(shard: bool) -> dict[str, float]:
    model, log = net(), []
    if shard:
        fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
    optimizer = scepter_opt.build_optimizer(model, NODE)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, CONSTANT)
    driver = Driver(scheduler, CONSTANT, record=lambda values, _: log.append(values), record_every=1, norms=True)
    for _ in range(2):
        optimizer.zero_grad()
        loss_of(model).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        driver.step()
    values: dict[str, float] = log[-1]
    return values


def test_two_processes_record_what_one_does(tmp_path: Path) -> None:
    first, second = together(tmp_path, 2, recorded, True)
    assert first == second
    assert first == pytest.approx(recorded(shard=False), rel=1e-4)
