"""A Hybrid that is saved, loaded, pickled or copied goes on as if never stopped."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

import scepter_opt
from tests.optimizers.hybrids import OF_VECTORS, assert_shared, build, train
from tests.support import same

pytestmark = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has Muon since 2.9")


def saved(model: nn.Module, optimizer: torch.optim.Optimizer, vectors: str) -> tuple[nn.Module, Any]:
    """Written by torch.save, and loaded with weights_only."""
    file = BytesIO()
    torch.save((model.state_dict(), optimizer.state_dict()), file)
    file.seek(0)
    weights, state = torch.load(file, weights_only=True)
    assert same(state, optimizer.state_dict())
    other, fresh = build(vectors)
    other.load_state_dict(weights)
    fresh.load_state_dict(state)
    return other, fresh


def pickled(model: nn.Module, optimizer: torch.optim.Optimizer, _: str) -> Any:
    """Pickled with its model."""
    return pickle.loads(pickle.dumps((model, optimizer)))


def copied(model: nn.Module, optimizer: torch.optim.Optimizer, _: str) -> Any:
    """Copied with its model."""
    return copy.deepcopy((model, optimizer))


def distributed(model: nn.Module, optimizer: torch.optim.Optimizer, vectors: str) -> Any:
    """By the names of torch.distributed.checkpoint, which calls a part without state, such as SGD, incomplete."""
    options = StateDictOptions(strict=vectors != "SGD")
    state = copy.deepcopy(get_optimizer_state_dict(model, optimizer, options=options))
    other, fresh = build(vectors)
    other.load_state_dict(model.state_dict())
    set_optimizer_state_dict(other, fresh, state, options=options)
    return other, fresh


@pytest.mark.parametrize("again", [saved, pickled, copied, distributed])
@pytest.mark.parametrize("vectors", OF_VECTORS)
def test_it_goes_on_as_if_never_stopped(vectors: str, again: Callable[..., Any]) -> None:
    model, optimizer = build(vectors)
    train(model, [optimizer])
    other, fresh = again(model, optimizer, vectors)
    assert_shared(fresh)
    assert same(train(other, [fresh]), train(model, [optimizer]))
    assert same(fresh.state_dict(), optimizer.state_dict())


def test_state_dict_has_torchs_layout() -> None:
    model, optimizer = build()
    train(model, [optimizer], 1)
    state = optimizer.state_dict()
    assert state.keys() == {"state", "param_groups"}
    assert sorted(number for group in state["param_groups"] for number in group["params"]) == [0, 1, 2, 3]
    assert state["state"].keys() == {0, 1, 2, 3}
    assert {group["name"]: group["optimizer"] for group in state["param_groups"]} == {
        "default": "rest",
        "matrices": "muon",
    }


def test_a_state_of_another_part_is_refused_before_anything_changes() -> None:
    model, optimizer = build()
    train(model, [optimizer])
    before = copy.deepcopy(optimizer.state_dict())
    swapped = copy.deepcopy(before)
    swapped["param_groups"][0]["optimizer"] = "muon"
    for group in swapped["param_groups"]:
        del group["settings"], group["param_names"]  # without them it loads as in torch, by position
    with pytest.raises(scepter_opt.ConfigError, match=r"param_groups\[0\].optimizer = 'muon': .* default is rest's"):
        optimizer.load_state_dict(swapped)
    assert same(optimizer.state_dict(), before)
    assert_shared(optimizer)
    for group in swapped["param_groups"]:
        del group["optimizer"]
    optimizer.load_state_dict(swapped)
    assert [group["optimizer"] for group in optimizer.param_groups] == ["rest", "muon"]
