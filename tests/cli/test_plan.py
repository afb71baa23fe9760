"""plan: which parameter of a real model gets which settings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from scepter_opt.cli.plan import plan
from scepter_opt.errors import ConfigError
from scepter_opt.parameters.plan import Plan

MODELS = """
import torch
from torch import nn

class Models:
    net = staticmethod(lambda: nn.Linear(2, 1))

def net(width=2):
    assert torch.get_default_device().type == "meta"
    return nn.Sequential(nn.Linear(width, 3), nn.LayerNorm(3))

def reads_values():
    layer = nn.Linear(2, 1)
    layer.weight.detach().sum().item()
    return layer

def fails():
    raise KeyError("weights")

number = 3
"""
APP = """
defaults:
  - optimizer: sgd
  - lr_scheduler: none
  - _self_
width: 4
model: {_target_: shop_models.net, width: "${width}"}
data: {_target_: nowhere.at_all}
"""


@pytest.fixture(autouse=True)
def _models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with models, in which the command is called."""
    (tmp_path / "shop_models.py").write_text(MODELS)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/config.yaml").write_text(APP)
    monkeypatch.chdir(tmp_path)
    yield
    import sys

    sys.modules.pop("shop_models", None)


def test_the_plan_is_printed_as_plans_are(capsys: pytest.CaptureFixture[str]) -> None:
    rules = "param_groups@optimizer.PARAM_GROUPS=no_decay"
    assert plan(["optimizer=sgd", "optimizer.WEIGHT_DECAY=0.1", rules], "shop_models:net") == 0
    expected = (
        "            SGD: rules\n"
        "┏━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┓\n"
        "┃ rule            ┃ matches      ┃\n"
        "┡━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━┩\n"
        "│ no_decay        │ 3 parameters │\n"
        "│ no_decay_marked │ 0 parameters │\n"
        "└─────────────────┴──────────────┘\n"
        "                                          SGD: parameters\n"
        "┏━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━━━━┓\n"
        "┃ parameter ┃ shape ┃ kind             ┃ decided by             ┃ lr    ┃ weight decay ┃ group    ┃\n"
        "┡━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━━┩\n"
        "│ 0.weight  │ 3x2   │ matrix           │                        │ 0.001 │ 0.1          │ default  │\n"
        "│ 0.bias    │ 3     │ bias vector      │ WEIGHT_DECAY: no_decay │ 0.001 │ 0            │ no_decay │\n"
        "│ 1.weight  │ 3     │ norm vector      │ WEIGHT_DECAY: no_decay │ 0.001 │ 0            │ no_decay │\n"
        "│ 1.bias    │ 3     │ bias norm vector │ WEIGHT_DECAY: no_decay │ 0.001 │ 0            │ no_decay │\n"
        "└───────────┴───────┴──────────────────┴────────────────────────┴───────┴──────────────┴──────────┘\n"
        "2 groups from 2 rules, 4 parameters with 15 values\n"
        "  default: 1 parameter, LEARNING_RATE 0.001, WEIGHT_DECAY 0.1\n"
        "  no_decay: 3 parameters, LEARNING_RATE 0.001, WEIGHT_DECAY 0\n"
        "  step: torch (not known to be faster fused on meta)\n"
    )
    assert capsys.readouterr() == (expected, "")


def test_a_plan_is_saved_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = tmp_path / "plan.json"
    assert plan([], "shop_models:net", out=old) == 0
    assert capsys.readouterr().out == f"wrote {old}\n"
    assert len(Plan.from_json(old.read_text())) == 4
    assert plan([], "shop_models:net", diff=old) == 0
    assert capsys.readouterr().out == "no difference\n"
    assert plan(["optimizer.LEARNING_RATE=0.1"], "shop_models:Models.net", diff=old) == 1
    assert capsys.readouterr().out.splitlines() == [
        "+ weight",
        "+ bias",
        "- 0.weight",
        "- 0.bias",
        "- 1.weight",
        "- 1.bias",
    ]
    assert plan([], "shop_models:net", json=True) == 0
    assert json.loads(capsys.readouterr().out)["names"] == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_an_apps_node_and_model_are_taken_and_nothing_else_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan(["width=5"], app=Path("conf"), json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["optimizer"], document["shapes"][0]) == ("SGD", [3, 5])


def test_a_model_that_cannot_be_made_on_meta_is_made_with_its_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan([], "shop_models:reads_values", json=True) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["names"] == ["weight", "bias"]
    assert shown.err.startswith("made with its memory, since on the meta device: ")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (None, "model: which model? Say it by --model package.module:factory"),
        ("shop_models", "model = 'shop_models': must be package.module:factory."),
        ("shop_models:ne", "has no attribute 'ne'. Did you mean net?"),
        ("shop_modles:net", "cannot be imported: ModuleNotFoundError: No module named 'shop_modles'."),
        ("shop_models:number", "cannot be called, so that it makes no model."),
        ("shop_models:fails", "model: cannot be made: KeyError: 'weights'."),
    ],
)
def test_a_model_that_cannot_be_had_is_named(model: str | None, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan([], model)
    assert said in str(caught.value)


def test_files_that_cannot_be_read_or_written_and_missing_optimizers_are_named(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("{}")
    with pytest.raises(ConfigError, match="this text is no plan"):
        plan([], "shop_models:net", diff=tmp_path / "old.json")
    with pytest.raises(ConfigError, match="cannot be read"):
        plan([], "shop_models:net", diff=tmp_path / "none.json")
    with pytest.raises(ConfigError, match="cannot be written"):
        plan([], "shop_models:net", out=tmp_path / "nowhere/plan.json")
    with pytest.raises(ConfigError, match="there is none: choose one by optimizer=OPTION"):
        plan(["~optimizer"], "shop_models:net")
    with pytest.raises(ConfigError, match=r"there are optimizers.generator, optimizers.critic, and a plan is of one"):
        plan([], "shop_models:net", app=Path(__file__).parents[2] / "examples/conf", config_name="gan")


class Block(nn.Module):
    """A block of a Llama-like model, as wide as that of 71 billion values."""

    def __init__(self, width: int, hidden: int, keys: int) -> None:
        super().__init__()
        self.input_norm, self.output_norm = nn.RMSNorm(width), nn.RMSNorm(width)
        sizes = {"q": (width, width), "k": (width, keys), "v": (width, keys), "o": (width, width)}
        sizes |= {"gate": (width, hidden), "up": (width, hidden), "down": (hidden, width)}
        for name, (ins, outs) in sizes.items():
            self.add_module(f"{name}_proj", nn.Linear(ins, outs, bias=False))


def test_a_model_of_71_billion_values_is_planned_without_its_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with torch.device("meta"):
        layers = [Block(8192, 28672, 1024) for _ in range(80)]
        parts = {"embed_tokens": nn.Embedding(128256, 8192), "layers": nn.ModuleList(layers), "norm": nn.RMSNorm(8192)}
        model = nn.ModuleDict({**parts, "lm_head": nn.Linear(8192, 128256, bias=False)})
    (tmp_path / "big_models.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    import importlib

    monkeypatch.setattr(importlib.import_module("big_models"), "make", lambda: model, raising=False)
    assert plan(["param_groups@optimizer.PARAM_GROUPS=[no_decay,layer_decay]"], "big_models:make") == 0
    shown = capsys.readouterr().out.splitlines()
    assert "163 groups from 3 rules, 723 parameters with 70,553,706,496 values" in shown


def curves_in(page: Path) -> list[str]:
    """The labels of the first panel of a page."""
    data = json.loads(page.read_text(encoding="utf-8").partition('id="data">')[2].partition("</script>")[0])
    return [line["label"] for curves in data["curves"] for line in curves["panels"][0]["lines"]]


def test_a_page_has_the_curves_of_a_scheduler_whose_length_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "plan.html"
    rule = '+optimizer.PARAM_GROUPS.fast={WHERE: {NAMES: "0"}, SET: {LR_MULT: 10}}'
    overrides = ["optimizer=sgd", "lr_scheduler=warmup_cosine", rule]
    assert plan(overrides, model="shop_models:net", out=page, total_steps=100) == 0
    assert curves_in(page) == ["default", "fast"]
    assert capsys.readouterr().out == f"wrote {page}\n"
    # without a length there is the plan, and what was left out is said
    assert plan(overrides, model="shop_models:net", out=page) == 0
    assert curves_in(page) == []
    assert "no curves of lr_scheduler: say by --total-steps how long the run is" in capsys.readouterr().err
    # what nobody chose is not missed
    assert plan(["optimizer=sgd"], model="shop_models:net", out=page) == 0
    assert curves_in(page) == []
    assert capsys.readouterr().err == ""


def test_a_schedulers_own_length_will_do(tmp_path: Path) -> None:
    page = tmp_path / "plan.html"
    overrides = ["lr_scheduler=warmup_cosine", "lr_scheduler.TOTAL_STEPS=100"]
    assert plan(overrides, model="shop_models:net", out=page) == 0
    assert curves_in(page) == ["default"]
