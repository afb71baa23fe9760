"""Distributed tensors, in shards."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from scepter_opt import ConfigError, checkpoint
from tests.checkpoint.nets import build, trained


def test_distributed_tensors_are_written_in_shards_and_read_with_and_without_a_mesh(tmp_path: Path) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    expected = copy.deepcopy(model)
    plain = build(expected)
    trained(expected, plain, 3)
    torch.distributed.init_process_group("gloo", f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        mesh = init_device_mesh("cpu", (1,))
        other = copy.deepcopy(model)
        for each in (model, other):
            fully_shard(each, mesh=mesh)
        optimizer, second = build(model), build(other)
        trained(model, optimizer)
        entry = checkpoint.save(tmp_path / "run", model=model, optimizer=optimizer, step=2)
        assert (entry / "shards").is_dir()
        assert checkpoint.load(entry, model=other, optimizer=second).same
        trained(other, second, 1)
        whole = [parameter.full_tensor() for parameter in other.parameters()]  # type: ignore[attr-defined]  # of a DTensor
    finally:
        torch.distributed.destroy_process_group()
    alone = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    third = build(alone)
    assert checkpoint.load(entry, model=alone, optimizer=third).same
    trained(alone, third, 1)
    for one, two, three in zip(whole, alone.parameters(), expected.parameters(), strict=True):
        assert torch.equal(one, two)
        assert torch.equal(two, three)
    # a shard that is damaged is found like any other file
    shard = next((entry / "shards").glob("*.distcp"))
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(ConfigError, match=r"is not whole: shards/.* bytes of"):
        checkpoint.load(entry, model=alone)


def test_a_state_without_files_goes_from_whole_tensors_to_shards_and_back(tmp_path: Path) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    torch.distributed.init_process_group("gloo", f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        whole = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
        sharded, again = copy.deepcopy(whole), copy.deepcopy(whole)
        fully_shard(sharded, mesh=init_device_mesh("cpu", (1,)))
        first, second, third = build(whole), build(sharded), build(again)
        trained(whole, first, 2)
        state = checkpoint.state(model=whole, optimizer=first, step=2)
        assert checkpoint.restore(state, model=sharded, optimizer=second).same
        kept = next(iter(second.state.values()))
        assert all(hasattr(value, "device_mesh") for value in kept.values() if value.ndim)
        trained(whole, first, 1)
        trained(sharded, second, 1)
        assert checkpoint.restore(
            checkpoint.state(model=sharded, optimizer=second, step=3), model=again, optimizer=third
        ).same
        for model, optimizer in ((whole, first), (again, third)):
            trained(model, optimizer, 1)
        for one, other in zip(whole.parameters(), again.parameters(), strict=True):
            assert torch.equal(one, other)
    finally:
        torch.distributed.destroy_process_group()
