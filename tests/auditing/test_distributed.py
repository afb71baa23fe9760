from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import distributed, nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from scepter_opt import audit
from tests.auditing.faults import Net


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """A process group of one process."""
    store = distributed.HashStore()  # type: ignore[attr-defined]  # it is public and not in __all__
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.parametrize("wrap", [DistributedDataParallel, fully_shard])
def test_an_optimizer_over_a_wrapped_model_has_no_fault(wrap: Any) -> None:
    model = wrap(Net())
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.0)
    found = audit(model, optimizer)
    assert found.findings == ()
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert audit(model, optimizer).findings == ()


def test_an_optimizer_that_was_built_before_sharding_is_named_with_the_reason() -> None:
    model: nn.Module = Net()
    optimizer = torch.optim.AdamW(model.parameters())
    fully_shard(model)
    (fault,) = audit(model, optimizer).faults
    assert fault.name == "parameters of another model"
    assert "fully_shard has replaced them" in fault.what
    assert fault.names[0] == "stem.weight"
