"""Schemas and lines put in place, and nothing of the user's lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from scepter_opt import ConfigError
from scepter_opt.cli.schema import shipped
from scepter_opt.editors.writing import Change, changes, modeline, write

OWN = frozenset(["app.json"])
LINE = "# yaml-language-server: $schema=s/app.json"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    conf = tmp_path / "conf"
    (conf / "experiment").mkdir(parents=True)
    (conf / "config.yaml").write_text("# Ours.\ndefaults: [optimizer: adamw, _self_]\n")
    (conf / "experiment" / "a.yaml").write_text("# @package _global_\n\n# Why.\noptimizer: {EPS: 1e-6}\n")
    (conf / "data.yaml").write_text("path: x\n")
    return conf


def found(app: Path) -> list[Change]:
    return list(changes(app.parent / ".scepter_opt", app, shipped()))


def test_everything_is_written_once(app: Path) -> None:
    for change in found(app):
        write(change)
    assert {path.name for path in (app.parent / ".scepter_opt").iterdir()} == {
        *("app.json", "optimizer.json", "lr_scheduler.json", "param_groups.json")
    }
    line = "# yaml-language-server: $schema=../.scepter_opt/app.json"
    assert (app / "config.yaml").read_text().splitlines() == [line, "# Ours.", "defaults: [optimizer: adamw, _self_]"]
    assert (app / "data.yaml").read_text() == "path: x\n"
    assert found(app) == []


def test_hydra_still_reads_its_header(app: Path) -> None:
    for change in found(app):
        write(change)
    assert (app / "experiment" / "a.yaml").read_text().splitlines()[:2] == [
        "# @package _global_",
        "# yaml-language-server: $schema=../../.scepter_opt/app.json",
    ]
    with initialize_config_dir(version_base="1.3", config_dir=str(app)):
        assert compose("config", overrides=["+experiment=a"]).optimizer.EPS == 1e-6


def test_a_schema_file_of_somebody_else_is_not_written_over(app: Path) -> None:
    theirs = app.parent / ".scepter_opt" / "app.json"
    theirs.parent.mkdir()
    theirs.write_text("{}")
    with pytest.raises(ConfigError, match=r"--write = .*app\.json.*: is a file that this command did not write"):
        found(app)
    assert theirs.read_text() == "{}"


def test_a_file_that_names_another_schema_is_left(app: Path) -> None:
    (app / "config.yaml").write_text("# yaml-language-server: $schema=https://example.org/mine.json\noptimizer: {}\n")
    (change,) = (change for change in found(app) if change.path.name == "config.yaml")
    assert (change.text, change.said) == ("", "names another schema already")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1\n", f"{LINE}\na: 1\n"),
        ("", f"{LINE}\n"),
        ("a: 1", f"{LINE}\na: 1"),
        ("# @package x\na: 1\n", f"# @package x\n{LINE}\na: 1\n"),
        ("\n# @package x\n\n# Why.\na: 1\n", f"\n# @package x\n{LINE}\n\n# Why.\na: 1\n"),
        ("# @package x", f"# @package x\n{LINE}\n"),
        ("# Why.\n# @package x\na: 1\n", f"{LINE}\n# Why.\n# @package x\na: 1\n"),
        ("a: 1\r\nb: 2\r\n", f"{LINE}\r\na: 1\r\nb: 2\r\n"),
        ("\ufeffa: 1\n", f"\ufeff{LINE}\na: 1\n"),
        ("---\na: 1\n", f"{LINE}\n---\na: 1\n"),
        ("# yaml-language-server: $schema=old/app.json\na: 1\n", f"{LINE}\na: 1\n"),
        ("# Why.\n# $schema: old/app.json\na: 1\n", f"# Why.\n{LINE}\na: 1\n"),
        (f"{LINE}\na: 1\n", f"{LINE}\na: 1\n"),
        (f"a: 1\n# {LINE}\n", f"{LINE}\na: 1\n# {LINE}\n"),
    ],
)
def test_the_line_comes_first_or_after_hydras_header(before: str, after: str) -> None:
    assert modeline(before, "s/app.json", OWN) == after
    assert modeline(after, "s/app.json", OWN) == after
