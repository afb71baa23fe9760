"""conf/ is written from the Configs, and stays as written."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from scepter_opt.__main__ import main
from scepter_opt.components.registry import Entry, registries
from scepter_opt.config.documentation import documentation
from scepter_opt.config.validation import own_first
from scepter_opt.integrations.option_files import option_files

CONF = Path(__file__).parent.parent / "conf"
FILES = dict(option_files())
ENTRIES = [entry for registry in registries() for entry in registry.own_entries().values()]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_is_as_its_class_says(path: Path) -> None:
    assert (CONF / path).read_text(encoding="utf-8") == FILES[path], "stale: run `make conf`"


@pytest.mark.parametrize("group", ["optimizer", "lr_scheduler"])
def test_every_other_file_is_a_recipe_that_extends_one(group: str) -> None:
    for file in (CONF / group).glob("*.yaml"):
        if Path(group) / file.name not in FILES:
            assert "defaults" in OmegaConf.load(file)


def test_writing_again_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["write", str(tmp_path)]) == 0
    assert "wrote" in capsys.readouterr().out
    assert main(["write", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "all files are as they should be\n"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_key_is_documented_in_one_sentence(entry: Entry) -> None:
    assert entry.config is not None
    for field in own_first(entry.config):
        text = documentation(entry.config).get(field.key, "")
        assert text.endswith("."), f"{entry.name}.{field.key}"


def test_the_command_names_an_unknown_class(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "SDG"]) == 1
    assert "Did you mean SGD?" in capsys.readouterr().err


def test_the_command_prints_templates_and_schemas(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "StepLR"]) == 0
    assert "STEP_SIZE: ???" in capsys.readouterr().out
    assert main(["schema", "StepLR"]) == 0
    assert '"minimum": 1' in capsys.readouterr().out
    assert main(["list"]) == 0
    assert "optimizer=adamw" in capsys.readouterr().out
