"""What may be given to a save and a load, what a save changes (nothing), and what each refusal says."""

from __future__ import annotations

import copy
import json
import logging
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError, checkpoint
from tests.support import OPTIMIZERS, make_loss, make_model, optimizer_node, same


class Net(nn.Module):
    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.body, self.head = nn.Linear(3, 4), nn.Linear(4, 2)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.head(self.body(inputs).tanh())
        return output


def trained(model: nn.Module, optimizer: Any, steps: int = 2) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.ones(2, 3)).square().sum().backward()
        optimizer.step()


def build(model: nn.Module, name: str = "AdamW", **keys: Any) -> Any:
    return scepter_opt.build_optimizer(model, {"NAME": name, **keys})


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_saving_changes_nothing(name: str, steps: int, tmp_path: Path) -> None:
    made = []
    for saves in (False, True):
        model = make_model(name)
        optimizer = scepter_opt.build_optimizer(model, optimizer_node(name))
        closure = make_loss(model)
        for _ in range(steps):
            optimizer.step(closure)
        drawn = torch.get_rng_state()
        if saves:
            before = copy.deepcopy((optimizer.state_dict(), model.state_dict()))
            checkpoint.save(tmp_path, model=model, optimizer=optimizer, step=steps)
            checkpoint.state(model=model, optimizer=optimizer, step=steps)
            assert same((optimizer.state_dict(), model.state_dict()), before)
            assert torch.equal(torch.get_rng_state(), drawn)
        for _ in range(3):
            optimizer.step(closure)
        made.append([parameter.detach().clone() for parameter in model.parameters()])
    assert same(*made)


def test_several_models_optimizers_schedulers_and_drivers_by_name(tmp_path: Path) -> None:
    def gan() -> dict[str, Any]:
        models = {"generator": Net(1), "critic": Net(2)}
        nodes = {name: {"NAME": "Adam", "ONLY": name} for name in models}
        optimizers = scepter_opt.build_optimizers(models, nodes)
        node = {"NAME": "CosineAnnealingLR"}
        schedulers = scepter_opt.build_lr_schedulers(optimizers, dict.fromkeys(models, node), 100)
        drivers = {name: scepter_opt.Driver(schedulers[name], node) for name in models}
        return {"model": models, "optimizer": optimizers, "scheduler": schedulers, "driver": drivers}

    def step(run: dict[str, Any]) -> None:
        for name in run["model"]:
            trained(run["model"][name], run["optimizer"][name], 1)
            run["driver"][name].step()

    run, again = gan(), gan()
    step(run)
    checkpoint.save(tmp_path, **run)
    report = checkpoint.load(tmp_path, **again)
    assert report.same
    assert report.loaded == (
        "model.generator", "model.critic", "optimizer.generator", "optimizer.critic", "scheduler.generator",
        "scheduler.critic", "driver.generator", "driver.critic", "random",
    )  # fmt: skip
    step(run)
    step(again)
    for name in run["model"]:
        assert same(run["model"][name].state_dict(), again["model"][name].state_dict())
        assert run["optimizer"][name].param_groups[0]["lr"] == again["optimizer"][name].param_groups[0]["lr"]
    # one of them alone, into one that has no other
    alone = checkpoint.load(tmp_path, model={"critic": Net(5)})
    assert "model.generator" in alone.not_loaded
    with pytest.raises(ConfigError, match=r"model.critc: the checkpoint has no such model; .* Did you mean critic\?"):
        checkpoint.load(tmp_path, model={"critc": Net()})


def test_random_states_are_restored_unless_asked_not_to(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, step=0)

    def draw() -> Any:
        return random.random(), float(np.random.random()), float(np.random.normal()), torch.rand(()).item()

    first = draw()
    checkpoint.load(tmp_path)
    assert draw() == first
    checkpoint.load(tmp_path, random=False)
    assert draw() != first
    checkpoint.save(tmp_path / "without", step=0, random=False)
    assert "random states were not saved" in str(checkpoint.load(tmp_path / "without"))


def test_an_extra_comes_back_or_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    extra = {"best": 0.5, "history": [1, 2], "ema": {"w": torch.ones(2)}, "name": "run", "none": None, "pair": (1, 2)}
    checkpoint.save(tmp_path, step=1, extra=extra)
    assert same(checkpoint.load(tmp_path).extra, extra)
    for value, key in (({"a": [Net()]}, r"extra.a\[0\]"), ({"f": print}, "extra.f"), (Path("x"), "extra")):
        with pytest.raises(ConfigError, match=f"{key} = .*weights_only=True"):
            checkpoint.save(tmp_path / "never", step=1, extra=value)
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "step = None: is needed"),
        ({"step": -1}, "step = -1: must be a whole number"),
        ({"step": 1, "keep": 0}, "keep = 0: must be a whole number of at least 1"),
        ({"step": 1, "model": 3}, "model: has no state_dict: a model is needed here, not a int"),
        ({"step": 1, "optimizer": nn.Linear(1, 1)}, "a optimizer is needed here, not a Linear"),
    ],
)
def test_wrong_arguments_of_a_save_are_named(keys: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=words):
        checkpoint.save(tmp_path / "never", **keys)
    assert not (tmp_path / "never").exists()


def test_wrong_arguments_of_a_load_are_named(tmp_path: Path) -> None:
    model = Net()
    checkpoint.save(tmp_path, model=model, step=1)
    with pytest.raises(ConfigError, match=r"missing = 'could': must be one of error, cold\. Did you mean cold"):
        checkpoint.load(tmp_path, model=model, missing="could")
    with pytest.raises(
        ConfigError, match=r"rename.bdy = 'body': the checkpoint has no .* of this name\. Did you mean body\?"
    ):
        checkpoint.load(tmp_path, model=model, rename={"bdy": "body"})
    with pytest.raises(ConfigError, match="rename = 3: must be a mapping"):
        checkpoint.load(tmp_path, model=model, rename=3)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(ConfigError, match="the checkpoint has no such optimizer; it has none"):
        checkpoint.load(tmp_path, model=model, optimizer=build(model))
    report = checkpoint.load(tmp_path, model=model, optimizer=build(model), missing="cold")
    assert report.new == ("optimizer",)
    with pytest.raises(ConfigError, match="is no state that"):
        checkpoint.restore({"a": 1})


def test_tensors_alone_have_no_names_and_the_model_gives_them() -> None:
    model = Net()
    optimizer = torch.optim.AdamW(model.parameters())
    with pytest.raises(ConfigError, match="optimizer: has parameters without names: give model= too"):
        checkpoint.state(optimizer=optimizer, step=1)
    trained(model, optimizer)
    state = checkpoint.state(model=model, optimizer=optimizer, step=2)
    # an optimizer of torch's own, whose parameters come in another order
    again = Net(1)
    other = torch.optim.AdamW(list(again.parameters())[::-1])
    assert checkpoint.restore(state, model=again, optimizer=other).same
    trained(model, optimizer)
    trained(again, other)
    assert same(model.state_dict(), again.state_dict())


def test_a_state_is_a_value_that_can_be_restored_again() -> None:
    model = Net()
    optimizer = build(model)
    trained(model, optimizer)
    state = checkpoint.state(model=model, optimizer=optimizer, step=2)
    kept = copy.deepcopy(state)
    ends = []
    for _ in range(2):
        trained(model, optimizer, 3)
        ends.append(copy.deepcopy(model.state_dict()))
        assert same(state, kept)
        checkpoint.restore(state, model=model, optimizer=optimizer)
    assert same(*ends)


def test_another_class_takes_what_the_two_share_if_asked() -> None:
    model, again = Net(), Net(1)
    optimizer, other = build(model, "Adam", LEARNING_RATE=0.001), build(again, "AdamW", LEARNING_RATE=0.001)
    trained(model, optimizer)
    state = checkpoint.state(model=model, optimizer=optimizer, step=2)
    with pytest.raises(ConfigError, match="is Adam's, which AdamW cannot go on with"):
        checkpoint.restore(state, model=again, optimizer=other)
    report = checkpoint.restore(state, model=again, optimizer=other, missing="cold", policy="config")
    assert not any("anew" in note for note in report.notes)
    for one, two in zip(model.parameters(), again.parameters(), strict=True):
        assert same(dict(optimizer.state[one]), dict(other.state[two]))


@pytest.mark.parametrize(("old", "new"), [("AdamW", "SGD"), ("Adam", "NAdam"), ("SGD", "AdamW"), ("AdamW", "Adagrad")])
def test_of_a_class_that_shares_too_little_a_parameter_begins_anew_and_steps(old: str, new: str) -> None:
    model, again = Net(), Net(1)
    optimizer, other = build(model, old), build(again, new)
    trained(model, optimizer)
    state = checkpoint.state(model=model, optimizer=optimizer, step=2)
    report = checkpoint.restore(state, model=again, optimizer=other, missing="cold", policy="config")
    assert all("begins anew" in note for note in report.notes)
    hand = Net()
    hand.load_state_dict(model.state_dict())
    fresh = build(hand, new)
    trained(again, other)
    trained(hand, fresh)
    assert same(again.state_dict(), hand.state_dict())


def test_new_parameters_begin_anew_and_old_ones_are_left_if_asked(tmp_path: Path) -> None:
    model = Net()
    optimizer = build(model)
    trained(model, optimizer)
    checkpoint.save(tmp_path, model=model, optimizer=optimizer, step=2)
    again = Net(1)
    again.extra = nn.Linear(2, 2)
    del again.head
    other = build(again)
    own = again.extra.weight.clone()
    report = checkpoint.load(tmp_path, model=again, optimizer=other, missing="cold")
    assert report.new == ("extra.weight", "extra.bias")
    assert report.left_over == ("head.weight", "head.bias")
    assert torch.equal(again.extra.weight, own)
    assert again.extra.weight not in other.state
    assert same(dict(other.state[again.body.weight]), dict(optimizer.state[model.body.weight]))
    node = {"NAME": "AdamW", "MISSING_STATE": "cold"}
    plain = scepter_opt.build_optimizer(again, node)
    plain.load_state_dict(optimizer.state_dict())
    assert again.extra.weight not in plain.state
    assert same(dict(plain.state[again.body.weight]), dict(optimizer.state[model.body.weight]))


def test_a_gradient_scaler_goes_on() -> None:
    scaler, again = (torch.amp.GradScaler("cpu", init_scale=scale) for scale in (8.0, 2.0))
    state = checkpoint.state(scaler=scaler, step=1)
    checkpoint.restore(state, scaler=again)
    assert again.state_dict() == scaler.state_dict()


def test_a_report_is_text_json_and_a_flag(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = Net()
    optimizer = build(model, LEARNING_RATE=0.01)
    trained(model, optimizer)
    entry = checkpoint.save(tmp_path, model=model, optimizer=optimizer, step=2)
    again = Net(1)
    other = build(again, LEARNING_RATE=0.02, WEIGHT_DECAY=0.0)
    policy = {"LEARNING_RATE": "config", "WEIGHT_DECAY": "checkpoint"}
    with caplog.at_level(logging.INFO, "scepter_opt"):
        report = checkpoint.load(entry, model=again, optimizer=other, policy=policy)
    assert caplog.messages[-1] == str(report)
    assert str(report) == (
        f"loaded at step 2 from {entry}\n"
        "  optimizer.WEIGHT_DECAY (default)   configuration 0.0   checkpoint 0.01  the checkpoint's holds\n"
        "  optimizer.LEARNING_RATE (default)  configuration 0.02  checkpoint 0.01  the config's holds"
    )
    assert not report.same
    written = json.loads(report.to_json())
    assert written["same"] is False
    assert written["differences"][1] == {
        "key": "optimizer.LEARNING_RATE", "config": 0.02, "checkpoint": 0.01, "held": "config", "groups": ["default"],
        "reason": "",
    }  # fmt: skip
    group = other.param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (0.02, 0.01)


def test_lbfgs_refuses_another_order() -> None:
    model, again = Net(), nn.Module()
    torch.manual_seed(1)
    again.head, again.body = nn.Linear(4, 2), nn.Linear(3, 4)
    again.register_buffer("seen", torch.zeros(()))
    optimizer, other = build(model, "LBFGS"), build(again, "LBFGS")

    def closure() -> Any:
        optimizer.zero_grad()
        loss = model(torch.ones(2, 3)).square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    state = checkpoint.state(model=model, optimizer=optimizer, step=1)
    with pytest.raises(ConfigError, match="one vector over all parameters, and their order differs"):
        checkpoint.restore(state, model=again, optimizer=other)
    with pytest.raises(ConfigError, match="one vector over all parameters, and their order differs"):
        other.load_state_dict(optimizer.state_dict())


def test_a_tie_that_is_undone_gives_both_the_state_of_the_one() -> None:
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    model[1].weight = model[0].weight
    optimizer = build(model)
    trained(model, optimizer)
    state = checkpoint.state(model=model, optimizer=optimizer, step=2)
    again = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    other = build(again)
    assert checkpoint.restore(state, model=again, optimizer=other).left_over == ()
    (tied,) = model.parameters()
    for weight in again.parameters():
        assert torch.equal(weight, tied)
        assert same(dict(other.state[weight]), dict(optimizer.state[tied]))
    trained(again, other)  # each goes its own way: none writes into the other's state
    assert not torch.equal(other.state[again[0].weight]["exp_avg"], other.state[again[1].weight]["exp_avg"])


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
