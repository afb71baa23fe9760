"""list, show, template and write, as they print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
