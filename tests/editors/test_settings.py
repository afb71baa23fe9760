"""Visual Studio Code's settings, with what the user has in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scepter_opt import ConfigError
from scepter_opt.editors.settings import patterns, settings

FOLDER = Path(".scepter_opt")
WANTED = {"app": ["conf/*.yaml"]}
OURS = {"./.scepter_opt/app.json": ["conf/*.yaml"]}


def test_a_folder_is_named_whole_where_all_of_it_goes_by_one_schema() -> None:
    schemas = {
        Path("config.yaml"): "app",
        Path("optimizer/a.yaml"): "optimizer",
        Path("optimizer/b.yaml"): "optimizer",
        Path("experiment/a.yaml"): "app",
        Path("experiment/b.yaml"): "",
    }
    assert patterns(Path("conf"), schemas) == {
        "app": ["conf/*.yaml", "conf/experiment/a.yaml"],
        "optimizer": ["conf/optimizer/*.yaml"],
    }


def test_settings_are_made_where_there_are_none(tmp_path: Path) -> None:
    text = settings(tmp_path / "settings.json", FOLDER, WANTED)
    assert text is not None
    assert json.loads(text) == {"yaml.schemas": OURS}


def test_all_other_settings_stay(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    theirs = {"https://example.org/x.json": "x.yaml"}
    stale = {"./.scepter_opt/old.json": "a.yaml"}
    path.write_text(json.dumps({"editor.tabSize": 2, "yaml.schemas": {**theirs, **stale}, "é": 1}, indent=2))
    text = settings(path, FOLDER, WANTED)
    assert text is not None
    assert json.loads(text) == {"editor.tabSize": 2, "yaml.schemas": {**theirs, **OURS}, "é": 1}
    assert text.splitlines()[1] == '  "editor.tabSize": 2,'
    path.write_text(text)
    assert settings(path, FOLDER, WANTED) is None


@pytest.mark.parametrize("text", ['// mine\n{"a": 1}', '{"a": 1,}', "[]", '{"yaml.schemas": []}'])
def test_what_is_no_plain_json_is_left_with_a_line_to_add(text: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        settings(path, FOLDER, WANTED)
    assert '"yaml.schemas": {"./.scepter_opt/app.json": ["conf/*.yaml"]}' in str(error.value)
    assert path.read_text() == text
