"""An optimizer whose model has other parameters by now is found out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError, checkpoint
from scepter_opt.parameters.replaced import replaced
from tests.checkpoint.nets import Net, build

STEPS = {"NAME": "StepLR", "STEP_SIZE": 1, "GAMMA": 0.5}


@pytest.fixture
def one_process(tmp_path: Path) -> Iterator[None]:
    torch.distributed.init_process_group("gloo", f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def shard(model: nn.Module) -> nn.Module:
    from torch.distributed.fsdp import fully_shard

    fully_shard(model)
    return model


def emptied(model: nn.Module) -> nn.Module:
    return model.to_empty(device="cpu")


def assigned(model: nn.Module) -> nn.Module:
    model.load_state_dict(Net(1).state_dict(), assign=True)
    return model


def one_replaced(model: Any) -> nn.Module:
    model.head.bias = nn.Parameter(torch.zeros(2))
    return cast("nn.Module", model)


REPLACING: dict[str, tuple[Callable[[nn.Module], nn.Module], str]] = {
    "sharded": (shard, "body.weight and 3 more; fully_shard has replaced them. Build the optimizer after fully_shard."),
    "assigned": (assigned, "body.weight and 3 more; they were replaced"),
    "one replaced": (one_replaced, "head.bias; they were replaced"),
    "emptied": (emptied, "body.weight and 3 more; they were replaced"),
    "copied": (copy.deepcopy, "or the model is a copy. Build the optimizer over the model as it is now."),
}


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("case", REPLACING)
def test_a_model_with_other_parameters_is_refused_by_the_first_step_and_the_first_checkpoint(
    case: str, tmp_path: Path
) -> None:
    change, message = REPLACING[case]
    with torch.device("meta" if case == "emptied" else "cpu"):
        model: nn.Module = Net()
    optimizers = [build(model, "SGD"), torch.optim.SGD(model.named_parameters()), torch.optim.SGD(model.parameters())]
    scheduler = scepter_opt.build_lr_scheduler(optimizers[0], STEPS)
    model = change(model)
    parts = [{"optimizer": optimizer} for optimizer in optimizers]
    if case == "one replaced":
        parts.pop()  # one without names at all is refused for that
    for each in parts:
        with pytest.raises(ConfigError) as caught:
            checkpoint.save(tmp_path / "run", model=model, step=0, **each)
        assert message in str(caught.value)
        assert "trains nothing" in str(caught.value)
    other = Net()
    saved = checkpoint.state(model=other, optimizer=build(other, "SGD"), step=0)
    with pytest.raises(ConfigError, match="trains nothing"):
        checkpoint.restore(saved, model=model, optimizer=optimizers[0])
    if case != "copied":  # nobody has told the driver of a copy
        with pytest.raises(ConfigError, match="trains nothing"):
            scepter_opt.Driver(scheduler, STEPS).step()


def test_what_is_the_models_own_or_nobodys_is_let_alone() -> None:
    model: Any = Net()
    model.tied = model.head
    optimizer = build(model, "AdamW")
    assert replaced(optimizer) is None
    model.body.bias.requires_grad_(False)
    model.to(torch.float64)  # torch changes what the tensors hold, and leaves them where they are
    optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(2))]})
    wrapped: Any = torch.compile(model, backend="eager")
    ema = copy.deepcopy(model)
    assert replaced(optimizer, [("", wrapped)]) is None
    assert replaced(optimizer, [("model", model), ("ema", ema)]) is None
    assert replaced(optimizer, [("", ema)]) is None  # as long as the one that is trained is there
    del model.head, model.tied  # and what a model has lost
    assert replaced(optimizer) is None
    assert replaced(torch.optim.SGD([torch.zeros(1)])) is None


@pytest.mark.usefixtures("one_process")
def test_parameters_in_ddp_or_shown_whole_by_fsdp_are_the_models() -> None:
    model = Net()
    optimizer = build(model, "SGD")
    wrapped = nn.parallel.DistributedDataParallel(model)
    assert replaced(optimizer, [("", wrapped)]) is None
    assert replaced(torch.optim.SGD(wrapped.named_parameters()), [("", model)]) is None
    sharded = shard(Net())
    optimizer = build(sharded, "SGD")
    with torch.no_grad():
        sharded(torch.ones(2, 3))
    assert replaced(optimizer, [("", sharded)]) is None


def test_a_flat_tensor_or_master_weights_in_place_of_parameters_are_somebodys_own() -> None:
    model = Net()
    optimizer = build(model, "SGD")
    group = optimizer.param_groups[0]
    whole = group["params"]
    group["params"] = [torch.zeros(26)]
    assert replaced(optimizer) is None
    group["params"] = [parameter.detach().double() for parameter in whole]
    assert replaced(optimizer) is None
