"""audit: what is wrong with an optimizer, whoever built it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scepter_opt.cli.audit import audit
from scepter_opt.errors import ConfigError

ROOT = Path(__file__).parents[2]
MODELS = """
import torch
from torch import nn

def net():
    return nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))

def half():
    model = net()
    return model, torch.optim.SGD(model[0].parameters(), lr=0.1)

def scheduled():
    model = net()
    groups = [{"params": model[0].parameters()}, {"params": model[1].parameters(), "lr": 1.0}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=10, cycle_momentum=False)
    return {"model": model, "optimizer": optimizer, "scheduler": scheduler}

def fails():
    raise KeyError("weights")
"""
APP = """
defaults:
  - optimizer: sgd
  - lr_scheduler: warmup_cosine
  - _self_
model: {_target_: audited_models.net}
"""


@pytest.fixture(autouse=True)
def _models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with models, in which the command is called."""
    (tmp_path / "audited_models.py").write_text(MODELS)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/config.yaml").write_text(APP)
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("audited_models", None)


def test_what_a_config_builds_has_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit([], app=Path("conf"), total_steps=100) == 0
    assert capsys.readouterr().out == "0 faults, 0 notes: 4 parameters with 15 values, 1 group of SGD\n"


def test_a_note_leaves_the_status_at_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(["optimizer=sgd", "optimizer.WEIGHT_DECAY=0.1"], "audited_models:net") == 0
    assert "\nnote: norms decayed\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("factory", "name"), [("half", "parameters in no group"), ("scheduled", "rates flattened by one max_lr")]
)
def test_a_fault_of_ones_own_code_makes_it_1(factory: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(factory=f"audited_models:{factory}") == 1
    assert f"\nfault: {name}\n" in capsys.readouterr().out


def test_findings_are_printed_or_saved_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(factory="audited_models:half", json=True) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["findings"][0]["names"] == ["1.weight", "1.bias"]
    assert audit(factory="audited_models:half", out=tmp_path / "audit.json") == 1
    assert capsys.readouterr().out == f"wrote {tmp_path / 'audit.json'}\n"
    assert json.loads((tmp_path / "audit.json").read_text()) == printed


def test_several_optimizers_are_looked_at_together(capsys: pytest.CaptureFixture[str]) -> None:
    (Path("conf") / "gan.yaml").write_text(
        "model: {_target_: audited_models.net}\n"
        "optimizers:\n  one: {NAME: SGD, ONLY: '0'}\n  two: {NAME: AdamW, ONLY: '1', WEIGHT_DECAY: 0.0}\n"
        "lr_schedulers:\n  two: {NAME: CosineAnnealingLR}\n"
    )
    assert audit([], app=Path("conf"), config_name="gan", total_steps=10) == 0
    assert "0 faults, 0 notes: 4 parameters with 15 values, 2 groups of SGD, AdamW" in capsys.readouterr().out
    (Path("conf") / "gan.yaml").write_text(
        "model: {_target_: audited_models.net}\noptimizers:\n  one: {NAME: SGD, ONLY: '0'}\n  two: {NAME: SGD}\n"
    )
    assert audit([], app=Path("conf"), config_name="gan") == 1
    assert "a parameter in two optimizers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "model: which model? Say it by --model package.module:factory"),
        ({"factory": "audited_models:net"}, "must return (model, optimizer) or (model, optimizer, scheduler), not Seq"),
        ({"factory": "audited_models:hafl"}, "factory = 'audited_models:hafl': cannot be imported"),
        (
            {"factory": "audited_models.half"},
            "factory = 'audited_models.half': must be package.module:factory. Did you",
        ),
        ({"factory": "audited_models:fails"}, "factory = 'audited_models:fails': fails: KeyError: 'weights'."),
        ({"factory": "audited_models:half", "model": "a:b"}, "model = 'a:b': the factory makes all: leave one of the"),
        ({"model": "audited_models:net", "overrides": ["~optimizer"]}, "optimizer: there is none: choose one by"),
        ({"factory": "audited_models:half", "out": Path("no/a.json")}, "cannot be written"),
        ({"app": Path("conf")}, "lr_scheduler.TOTAL_STEPS: is needed"),
    ],
)
def test_mistakes_are_named(given: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        audit(**given)  # type: ignore[arg-type]  # each of its kind
    assert said in str(caught.value)


def test_a_scheduler_without_an_optimizer_is_named() -> None:
    (Path("conf") / "gan.yaml").write_text(
        "model: {_target_: audited_models.net}\n"
        "optimizers:\n  one: {NAME: SGD, ONLY: '0'}\n  two: {NAME: SGD, ONLY: '1'}\n"
        "lr_schedulers:\n  three: {NAME: CosineAnnealingLR}\n"
    )
    with pytest.raises(ConfigError, match=r"lr_schedulers\.three: of which optimizer\? There are optimizers\.one, opt"):
        audit([], app=Path("conf"), config_name="gan", total_steps=10)


def test_a_page_has_the_audit_the_plan_and_the_curves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert audit(["optimizer.WEIGHT_DECAY=0.1"], app=Path("conf"), total_steps=100, out=page) == 0
    assert capsys.readouterr().out == f"wrote {page}\n"
    text = page.read_text()
    assert "norms decayed" in text
    assert '"title":"Parameters"' in text
    assert '"curves":[{' in text
    assert audit(factory="audited_models:half", out=page) == 1
    assert "parameters in no group" in page.read_text()
    assert '"curves":[]' in page.read_text()
