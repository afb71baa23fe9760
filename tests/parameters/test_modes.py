"""Optimizers with two modes follow their model, and are saved in the one to evaluate."""

from __future__ import annotations

import copy
import gc
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError, ConfigWarning
from scepter_opt.parameters.modes import evaluating, is_training
from tests.parameters.averaging import Averaging

INPUTS = torch.linspace(-1, 1, 8).reshape(4, 2)
NODE = {"NAME": "tests.parameters.averaging.Averaging", "LEARNING_RATE": 0.1}
HYBRID = {
    "NAME": "Hybrid",
    "DEFAULT": "sgd",
    "OPTIMIZERS": {"averaging": NODE, "sgd": {"NAME": "SGD"}},
    "PARAM_GROUPS": {"matrices": {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "averaging"}}},
}


def built(node: Any = NODE) -> tuple[nn.Module, Any]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    return model, scepter_opt.build_optimizer(model, node)


def train(model: nn.Module, optimizer: Any, steps: int = 1) -> None:
    for _ in range(steps):
        model.train()
        optimizer.zero_grad()
        model(INPUTS).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("node", [NODE, HYBRID], ids=["alone", "in a Hybrid"])
def test_a_model_is_evaluated_at_the_weights_to_evaluate(node: Any) -> None:
    model, optimizer = built(node)
    weights = [parameter.detach().clone() for parameter in model.parameters() if parameter.ndim == 2]
    total, count = weights, 1
    for _ in range(3):
        train(model, optimizer)
        total = [a + b for a, b in zip(total, (p.detach() for p in model.parameters() if p.ndim == 2), strict=True)]
        count += 1
    trained = [parameter.detach().clone() for parameter in model.parameters()]
    model.eval()
    model(INPUTS)
    averaged = [parameter for parameter in model.parameters() if parameter.ndim == 2]
    assert all(torch.allclose(p, mean / count, atol=1e-6) for p, mean in zip(averaged, total, strict=True))
    model.train()
    model(INPUTS)
    assert all(torch.equal(p, was) for p, was in zip(model.parameters(), trained, strict=True))


def test_a_built_optimizer_steps_without_a_call_of_train() -> None:
    tensor = torch.ones(1, requires_grad=True)
    optimizer = scepter_opt.build_optimizer([tensor], NODE)
    tensor.square().sum().backward()  # type: ignore[no-untyped-call]  # torch's
    optimizer.step()
    assert tensor.item() == pytest.approx(0.8)


def test_copies_of_a_model_switch_nothing() -> None:
    model, optimizer = built()
    train(model, optimizer)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        copied.eval()
        copied(INPUTS)
        assert is_training(optimizer)


def test_the_hook_goes_with_the_optimizer() -> None:
    model, optimizer = built()
    assert len(model._forward_pre_hooks) == 1
    del optimizer
    gc.collect()
    assert not model._forward_pre_hooks


def test_an_optimizer_of_one_mode_has_no_hook() -> None:
    model = nn.Linear(1, 1)
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "AdamW"})
    assert not model._forward_pre_hooks
    with evaluating(optimizer):
        assert not is_training(optimizer)


def test_a_compiled_model_is_followed() -> None:
    model, optimizer = built()
    compiled: Any = torch.compile(model, backend="eager")
    train(model, optimizer)
    for training in (False, True, False):
        compiled.train(training)
        compiled(INPUTS)
        assert is_training(optimizer) is training


@pytest.mark.parametrize("node", [NODE, HYBRID], ids=["alone", "in a Hybrid"])
def test_saving_in_training_mode_is_refused_and_leaves_nothing(node: Any, tmp_path: Path) -> None:
    model, optimizer = built(node)
    scepter_opt.checkpoint.save(tmp_path / "fresh", model=model, optimizer=optimizer, step=0)
    train(model, optimizer)
    with pytest.raises(ConfigError, match="optimizer: is in training mode, and the model's weights are not those"):
        scepter_opt.checkpoint.save(tmp_path / "trained", model=model, optimizer=optimizer, step=1)
    assert not list(tmp_path.glob("trained/step-*"))


@pytest.mark.parametrize("node", [NODE, HYBRID], ids=["alone", "in a Hybrid"])
def test_a_run_that_was_saved_to_be_evaluated_goes_on_bit_for_bit(node: Any, tmp_path: Path) -> None:
    model, optimizer = built(node)
    train(model, optimizer, 3)
    with evaluating(optimizer):
        scepter_opt.checkpoint.save(tmp_path, model=model, optimizer=optimizer, step=3)
    again, resumed = built(node)
    scepter_opt.checkpoint.load(tmp_path, model=again, optimizer=resumed)
    for each, its_optimizer in ((model, optimizer), (again, resumed)):
        train(each, its_optimizer, 3)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_a_trainer_that_takes_state_in_training_mode_is_told() -> None:
    model, optimizer = built()
    train(model, optimizer)
    with pytest.warns(ConfigWarning, match=r"save inside `with driver.evaluating\(\):`"):
        optimizer.state_dict()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with evaluating(optimizer):
            optimizer.state_dict()


def test_weights_that_are_averages_by_another_class_are_followed_too() -> None:
    scepter_opt.OPTIMIZERS.register_class("Mean")(Averaging)
    model, optimizer = built({"NAME": "Mean"})
    train(model, optimizer)
    model.eval()
    model(INPUTS)
    assert not is_training(optimizer)
