from __future__ import annotations

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError
from tests.parameters.models import Net, plan, rule
from tests.support import OPTIMIZERS

EVERY = sorted(set(OPTIMIZERS) - {"Hybrid", "LBFGS", "Muon", "SparseAdam"})

NO_DECAY = {"no_decay": rule({"KINDS": ["bias", "norm"]}, {"WEIGHT_DECAY": 0.0})}


def test_group_dicts_carry_names_and_only_what_differs() -> None:
    model = Net()
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "AdamW", "PARAM_GROUPS": NO_DECAY})
    default, no_decay = optimizer.param_groups
    assert (default["name"], default["weight_decay"]) == ("default", 0.01)
    assert (no_decay["name"], no_decay["weight_decay"]) == ("no_decay", 0.0)
    assert no_decay["param_names"][0] == "encoder.0.norm.weight"
    assert dict(model.named_parameters())["encoder.0.norm.weight"] is no_decay["params"][0]
    assert set(plan(NO_DECAY).groups()[0]) == {"params", "name", "rules", "settings", "foreach", "fused"}


def test_settings_reach_torch_in_its_own_types() -> None:
    settings = {"BETAS": [0.8, 0.9], "AMSGRAD": True, "IMPLEMENTATION": "for_loop"}
    optimizer = scepter_opt.build_optimizer(
        Net(), {"NAME": "AdamW", "PARAM_GROUPS": {"head": rule({"NAMES": "head"}, settings)}}
    )
    head = optimizer.param_groups[1]
    assert (head["betas"], head["amsgrad"], head["foreach"], head["fused"]) == ((0.8, 0.9), True, False, False)
    assert (optimizer.param_groups[0]["foreach"], optimizer.param_groups[0]["fused"]) == (False, True)


def test_implementation_goes_into_the_groups_and_not_into_the_defaults() -> None:
    optimizer = scepter_opt.build_optimizer(Net(), {"NAME": "AdamW", "IMPLEMENTATION": "fused"})
    assert optimizer.defaults["fused"] is None
    assert [group["fused"] for group in optimizer.param_groups] == [True]
    with pytest.raises(ConfigError, match="fused steps take floating-point tensors"):
        scepter_opt.build_optimizer(
            [torch.ones(2, dtype=torch.complex64, requires_grad=True)], {"NAME": "AdamW", "IMPLEMENTATION": "fused"}
        )


@pytest.mark.filterwarnings("ignore:.*does nothing without:scepter_opt.ConfigWarning")
@pytest.mark.parametrize("name", EVERY)
def test_every_key_of_every_optimizer_can_be_set_by_a_rule(name: str) -> None:
    entry = scepter_opt.OPTIMIZERS.own_entries()[name]
    config = scepter_opt.check({"NAME": name})
    common = {"NAME", "PARAM_GROUPS", "ONLY", "ALLOW_REST", "LR_SCALING", "TENSOR_LR", "MISSING_STATE"}
    settings = {key: value for key, value in config.items() if key not in common}
    model = nn.Sequential(nn.Linear(2, 2))
    node = {"NAME": name, "LEARNING_RATE": 0.7, "PARAM_GROUPS": {"bias": rule({"KINDS": "bias"}, settings)}}
    default, bias = scepter_opt.build_optimizer(model, node).param_groups
    assert entry.component.target.endswith(name)
    differing = {key for key in default if key != "params" and default[key] != bias[key]}
    assert differing == {"param_names", "lr", "name", "rules", "settings"}


def test_a_tensor_rate_in_a_group_dict_is_kept() -> None:
    rate = torch.tensor(0.1)
    model = nn.Linear(2, 2)
    optimizer = scepter_opt.build_optimizer([{"params": list(model.parameters()), "lr": rate}], {"NAME": "SGD"})
    assert optimizer.param_groups[0]["lr"] is rate
