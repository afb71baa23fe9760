"""list, show, template and write, as they print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException

import scepter_opt
from scepter_opt import ConfigError, get_config_template
from scepter_opt.cli.options import list_, show, template, write
from scepter_opt.integrations.option_files import option_files


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def test_list_shows_classes_recipes_and_presets(capsys: pytest.CaptureFixture[str]) -> None:
    assert list_([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("optimizer=adamw ") and " AdamW " in line for line in lines)
    assert any(line.startswith("lr_scheduler=warmup_cosine ") and "recipe of PhasesLR" in line for line in lines)
    assert any(line.startswith("param_groups@optimizer.PARAM_GROUPS=no_decay ") for line in lines)
    assert max(map(len, lines)) <= 100


def test_list_takes_a_group_a_pattern_or_both(capsys: pytest.CaptureFixture[str]) -> None:
    list_(["lr_scheduler", "warmup_c*"])
    assert capsys.readouterr().out == (
        "lr_scheduler=warmup_constant     recipe of PhasesLR  A linear warm-up, then the full rate for as\n"
        "                                                     long as the run goes on.\n"
        "lr_scheduler=warmup_cosine       recipe of PhasesLR  A linear warm-up, then half a cosine down to a\n"
        "                                                     share of the rate.\n"
        "lr_scheduler=warmup_cosine_timm  recipe of PhasesLR  timm's default: the cosine counts from the\n"
        "                                                     start of the schedule, so the warm-up hides its\n"
        "                                                     beginning.\n"
    )
    list_(["Newton"])
    assert "optimizer=lbfgs" in capsys.readouterr().out
    for words in (["scheduler", "restarts", "cosine"], ["optimizers", "MUON"], ["param_groups", "decay", "embed"]):
        list_(words)
        assert len(capsys.readouterr().out.splitlines()) >= 1
    with pytest.raises(ConfigError, match="list = 'nothing like it': no option has this in its name or summary"):
        list_(["schedulers", "nothing like it"], json=True)


def test_list_is_json_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    list_(["param-groups"], json=True)
    rows = json.loads(capsys.readouterr().out)
    assert {"group": "param_groups", "name": "no_decay", "of": "", "sort": "preset"}.items() <= next(
        row for row in rows if row["name"] == "no_decay"
    ).items()


def test_show_says_all_of_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert show("adamw", "betas") == 0
    assert capsys.readouterr().out == (
        "optimizer=adamw, NAME AdamW: Adam whose weight decay is apart from the gradient (Loshchilov and\n"
        "Hutter, 2017).\n"
        "  BETAS: [number of at least 0 and below 1, number of at least 0 and below 1]; default [0.9, 0.999];\n"
        "      torch: betas\n"
        "      Decay rates of the averages of the gradient and of its square.\n"
    )


def test_show_of_a_recipe_says_what_its_file_sets(capsys: pytest.CaptureFixture[str]) -> None:
    show("warmup_linear")
    shown = capsys.readouterr().out
    assert "from lr_scheduler/warmup_linear.yaml" in shown
    assert "CLOCK: phase | schedule; default phase" in shown
    show("warmup_linear", json=True)
    (section,) = json.loads(capsys.readouterr().out)
    phases = next(key for key in section["keys"] if key["name"] == "PHASES")
    assert phases["value"]["warmup"]["LENGTH"] == "10%"


def test_template_is_the_yaml_of_a_class_or_of_a_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("AdamW", "adamw", "optimizer=adamw"):
        template(name)
        assert capsys.readouterr().out == get_config_template("AdamW")
    template("no_decay")
    assert "KINDS: [bias, norm, vector, scalar]" in capsys.readouterr().out


def test_write_writes_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path)
    assert len(capsys.readouterr().out.splitlines()) == len(list(option_files()))
    write(tmp_path)
    assert capsys.readouterr().out == "all files are as they should be\n"


def test_list_of_search_spaces_has_keys_and_ranges(capsys: pytest.CaptureFixture[str]) -> None:
    list_(["search-spaces", "sgd"])
    assert "+search_space=asgd" not in capsys.readouterr().out
    list_(["search-spaces", "*adamw"], json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["adamw"]["LEARNING_RATE"] == "1e-05 to 0.01 (log)"
    assert {"adamw", "muon_adamw"} <= found.keys()
    with pytest.raises(ConfigError, match=r"list = 'sdg': there is no such search space. Did you mean sgd\?"):
        list_(["search-spaces", "sdg"])
    template("search_space/optim=sgd_grid")
    assert "  optim.LEARNING_RATE: '0.001,0.01,0.1,1.0'\n" in capsys.readouterr().out


def test_write_makes_an_option_of_a_class_at_an_import_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "writing.py").write_text(
        "import torch\n\n\nclass MyDescent(torch.optim.SGD):\n"
        '    """Descends.\n\n    Args:\n        lr: How far.\n    """\n\n'
        "    def __init__(self, params, lr: float = 0.5, sentinel=object()):\n        super().__init__(params, lr)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert write(tmp_path / "conf", "writing.MyDescent") == 0
    assert capsys.readouterr().out == "wrote optimizer/my_descent.yaml\n"
    text = (tmp_path / "conf/optimizer/my_descent.yaml").read_text()
    assert text.startswith("defaults:\n  - /param_groups@PARAM_GROUPS: none\n  - _self_\n\n# Descends.\n")
    assert "# How far.\nLEARNING_RATE: 0.5\n" in text
    assert "# SENTINEL: left out, since its default is no value that a file can hold\n" in text
    with initialize_config_dir(version_base="1.3", config_dir=str(tmp_path / "conf")):
        cfg = compose(overrides=["+optimizer=my_descent", "optimizer.LEARNING_RATE=0.25"])
        with pytest.raises(ConfigCompositionException):
            compose(overrides=["+optimizer=my_descent", "optimizer.LERNING_RATE=0.25"])
    model = torch.nn.Linear(1, 1)
    assert scepter_opt.build_optimizer(model, cfg.optimizer).param_groups[0]["lr"] == 0.25


def test_write_keeps_a_file_that_is_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "optimizer/sgd.yaml"
    path.parent.mkdir()
    path.write_text("mine: 1\n")
    with pytest.raises(ConfigError, match=r"is there with other content: write over it by --overwrite, or choose"):
        write(tmp_path, "sgd")
    assert path.read_text() == "mine: 1\n"
    assert write(tmp_path, "sgd", name="other") == 0
    assert write(tmp_path, "sgd", overwrite=True) == 0
    assert capsys.readouterr().out == "wrote optimizer/other.yaml\nwrote optimizer/sgd.yaml\n"


@pytest.mark.parametrize(
    ("option", "said"), [("no_decay", "is no class"), ("nowhere.Nothing", "there is no package nowhere here")]
)
def test_write_takes_classes(option: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        write(tmp_path, option)
    assert not list(tmp_path.iterdir())


def test_show_takes_an_import_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert show("tests.parameters.averaging.Averaging", "lr") == 0
    out = capsys.readouterr().out
    assert out.startswith("optimizer=imported, NAME tests.parameters.averaging.Averaging: ")
    assert "LEARNING_RATE: number; default 0.1" in out
