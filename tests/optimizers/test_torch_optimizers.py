"""Every optimizer is torch's: its defaults, its keywords, its steps."""

from __future__ import annotations

import inspect
import pickle
import re
from io import BytesIO
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError
from scepter_opt.config.validation import fields
from scepter_opt.optimizers import OptimizerConfig
from tests.support import OPTIMIZERS, TORCH_OPTIMIZERS, keyword, make_loss, make_model, optimizer_node, same

# One value per key that is no class's default, and valid for every class that has the key.
OTHER: dict[str, Any] = {
    "LEARNING_RATE": 0.05,
    "LEARNING_RATE_DECAY": 0.25,
    "WEIGHT_DECAY": 0.3,
    "MOMENTUM": 0.4,
    "DAMPENING": 0.2,
    "BETAS": (0.5, 0.75),
    "EPS": 1e-3,
    "RHO": 0.8,
    "BETA2_DECAY": -0.5,
    "D": 2.0,
    "INITIAL_ACCUMULATOR_VALUE": 0.5,
    "LAMBD": 0.01,
    "ALPHA": 0.5,
    "T0": 100.0,
    "MAX_ITER": 7,
    "MAX_EVAL": 9,
    "TOLERANCE_GRAD": 1e-3,
    "TOLERANCE_CHANGE": 1e-4,
    "HISTORY_SIZE": 5,
    "LINE_SEARCH_FN": "strong_wolfe",
    "NS_COEFFICIENTS": (3.0, -4.0, 2.0),
    "NS_STEPS": 3,
    "ADJUST_LR_FN": "match_rms_adamw",
    "MOMENTUM_DECAY": 0.01,
    "ETAS": (0.25, 1.5),
    "STEP_SIZES": (1e-5, 10.0),
}


def own_keys(name: str) -> list[str]:
    """The keys that a class hands to torch."""
    config = scepter_opt.OPTIMIZERS.entry(name).config
    assert config is not None
    return [key for key in fields(config) if key not in fields(OptimizerConfig)]


CLASSES_AND_KEYS = [(name, key) for name in OPTIMIZERS if name in TORCH_OPTIMIZERS for key in own_keys(name)]


def test_every_torch_optimizer_is_here() -> None:
    assert set(TORCH_OPTIMIZERS) <= set(OPTIMIZERS)


@pytest.mark.parametrize("name", TORCH_OPTIMIZERS)
def test_every_keyword_of_torch_has_a_key(name: str) -> None:
    keywords = set(inspect.signature(getattr(torch.optim, name)).parameters) - {"params", "foreach", "fused"}
    assert {keyword(key) for key in own_keys(name)} == keywords


@pytest.mark.parametrize("name", TORCH_OPTIMIZERS)
def test_implementations_are_those_of_torch(name: str) -> None:
    offered = {"foreach", "fused"} & set(inspect.signature(getattr(torch.optim, name)).parameters)
    assert set(scepter_opt.OPTIMIZERS.entry(name).component.implementations) == offered


@pytest.mark.parametrize("name", TORCH_OPTIMIZERS)
def test_defaults_are_torchs(name: str) -> None:
    model = make_model(name)
    ours = scepter_opt.build_optimizer(model, optimizer_node(name))
    theirs = getattr(torch.optim, name)(model.parameters())
    assert type(ours) is type(theirs)
    assert ours.defaults == theirs.defaults
    assert {key: type(value) for key, value in ours.defaults.items() if not isinstance(value, (int, float))} == {
        key: type(value) for key, value in theirs.defaults.items() if not isinstance(value, (int, float))
    }


@pytest.mark.parametrize("name", TORCH_OPTIMIZERS)
def test_groups_hold_only_torchs_keys_and_names(name: str) -> None:
    model = make_model(name)
    ours = scepter_opt.build_optimizer(model, optimizer_node(name)).param_groups[0]
    theirs = getattr(torch.optim, name)(model.parameters()).param_groups[0]
    assert set(ours) - set(theirs) == {"name", "rules", "settings", "param_names"}
    assert set(theirs) <= set(ours)


@pytest.mark.parametrize(("name", "key"), CLASSES_AND_KEYS)
@pytest.mark.filterwarnings("ignore:.*does nothing without:scepter_opt.ConfigWarning")
def test_a_value_reaches_torch(name: str, key: str) -> None:
    default = fields(type(scepter_opt.check({"NAME": name})))[key].default
    value = not default if isinstance(default, bool) else OTHER[key]
    if (name, key) == ("Adafactor", "EPS"):
        value = (1e-4, 1e-2)
    assert value != default
    node = optimizer_node(name, **{key: list(value) if isinstance(value, tuple) else value})
    if (name, key) == ("SGD", "NESTEROV"):
        node["MOMENTUM"] = 0.9
    # torch captures steps on a GPU alone, and none is needed to look at a setting
    model = make_model(name).to("meta" if key == "CAPTURABLE" else "cpu")
    optimizer = scepter_opt.build_optimizer(model, node)
    reached = optimizer.param_groups[0][keyword(key)]
    assert reached == value
    assert type(reached) is type(value)


@pytest.mark.parametrize("name", TORCH_OPTIMIZERS)
def test_steps_equal_torchs_bit_for_bit(name: str) -> None:
    results = []
    for by_hand in (False, True):
        model = make_model(name)
        parameters = list(model.parameters())
        node = optimizer_node(name, LEARNING_RATE=0.02)
        optimizer = getattr(torch.optim, name)(parameters, lr=0.02) if by_hand else None
        optimizer = optimizer or scepter_opt.build_optimizer(model, node)
        closure = make_loss(model)
        losses: list[Any] = [optimizer.step(closure) for _ in range(5)]
        results.append([losses, [parameter.detach() for parameter in parameters]])
    assert same(*results)


@pytest.mark.parametrize("name", TORCH_OPTIMIZERS)
def test_step_is_torchs_function(name: str) -> None:
    optimizer = scepter_opt.build_optimizer(make_model(name), optimizer_node(name))
    assert "step" not in vars(optimizer)
    assert type(optimizer).step is getattr(torch.optim, name).step


@pytest.mark.parametrize("name", TORCH_OPTIMIZERS)
def test_saved_state_is_read_back_with_weights_only(name: str) -> None:
    model = make_model(name)
    optimizer = scepter_opt.build_optimizer(model, optimizer_node(name))
    optimizer.step(make_loss(model))
    file = BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    assert same(torch.load(file, weights_only=True), optimizer.state_dict())


@pytest.mark.parametrize("name", TORCH_OPTIMIZERS)
def test_optimizers_pickle(name: str) -> None:
    model = make_model(name)
    optimizer = scepter_opt.build_optimizer(model, optimizer_node(name))
    optimizer.step(make_loss(model))
    assert same(pickle.loads(pickle.dumps(optimizer)).state_dict(), optimizer.state_dict())


@pytest.mark.parametrize("name", ["SGD", "AdamW"])
def test_a_keyword_that_the_installed_torch_lacks_is_dropped_only_at_its_default(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cls = getattr(torch.optim, name)

    class Older(cls):  # type: ignore[misc, valid-type]  # stands for an older torch
        __module__ = cls.__module__

        def __init__(self, params: Any, lr: float = 1e-3, weight_decay: float = 0.0) -> None:
            super().__init__(params, lr=lr, weight_decay=weight_decay)

    monkeypatch.setattr(scepter_opt.OPTIMIZERS.entry(name).component, "target", Older)
    model = make_model(name)
    assert scepter_opt.build_optimizer(model, {"NAME": name}).param_groups[0]["maximize"] is False
    with pytest.raises(scepter_opt.ConfigError, match=r"optimizer.MAXIMIZE = True: .* torch 2") as caught:
        scepter_opt.build_optimizer(model, {"NAME": name, "MAXIMIZE": True})
    assert torch.__version__ in str(caught.value)


def test_a_class_that_the_installed_torch_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scepter_opt.OPTIMIZERS.entry("Muon").component, "target", "torch.optim.Muonn")
    with pytest.raises(scepter_opt.ConfigError, match="Muonn is not in the installed torch"):
        scepter_opt.build_optimizer(make_model("Muon"), {"NAME": "Muon"})


def test_a_value_of_a_newer_torch_passes_check_and_is_for_the_installed_one_to_take() -> None:
    node = {"NAME": "Muon", "ADJUST_LR_FN": "spectral_unclamped"}
    assert scepter_opt.check({"optimizer": node})
    matrix = {"weight": torch.ones(2, 2, requires_grad=True)}
    try:
        theirs = torch.optim.Muon(matrix.items(), adjust_lr_fn="spectral_unclamped")
    except ValueError as error:
        with pytest.raises(ConfigError, match=re.escape(str(error))):
            scepter_opt.build_optimizer(matrix, node)
    else:
        ours = scepter_opt.build_optimizer(matrix, node)
        assert ours.param_groups[0]["adjust_lr_fn"] == theirs.param_groups[0]["adjust_lr_fn"]
