"""conf/ is written from the Configs, and stays as written."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from scepter_opt.__main__ import main
from scepter_opt.integrations.option_files import option_files

CONF = Path(__file__).parents[2] / "conf"
FILES = dict(option_files())


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
