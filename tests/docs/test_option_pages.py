"""The pages of options: every option with every key, and a curve for every scheduler that has one by itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import scepter_opt
from docs.extensions.option_pages import UNDRAWN, write_pages
from scepter_opt.config.validation import fields
from scepter_opt.insight.catalogue import options
from scepter_opt.schedules.curves import CURVES
from tests.support import OPTIMIZERS, SCHEDULERS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages."""
    made = tmp_path_factory.mktemp("pages")
    write_pages(made)
    return made


def sections(page: Path) -> dict[str, str]:
    """By heading of the second level the text below it."""
    parts = re.split(r"^## (.*)\n", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize(("page", "kind"), [("optimizers", "optimizers"), ("lr_schedulers", "schedulers")])
def test_every_option_has_a_section_with_all_keys_of_its_config(folder: Path, page: str, kind: str) -> None:
    found = sections(folder / f"{page}.md")
    common = found.pop(f"Keys of all {kind}")
    assert list(found) == [option.name for option in options(kind)]
    registry = scepter_opt.OPTIMIZERS if kind == "optimizers" else scepter_opt.LR_SCHEDULERS
    assert {option.of for option in options(kind)} == set(OPTIMIZERS if kind == "optimizers" else SCHEDULERS)
    for option in options(kind):
        keys = set(fields(registry.entry(option.of).config)) - {"NAME"}
        shown = set(re.findall(r"^\| `(\w+)` \|", found[option.name] + common, re.MULTILINE))
        assert shown == keys, option.name


def test_every_scheduler_has_a_picture_or_says_why_not(folder: Path) -> None:
    found = sections(folder / "lr_schedulers.md")
    for option in options("schedulers"):
        pictures = re.findall(r"!\[.*\]\((.*\.svg)\)", found[option.name])
        if option.of in UNDRAWN:
            assert not pictures
            assert UNDRAWN[option.of] in found[option.name]
        else:
            (picture,) = pictures
            assert (folder / picture).read_text(encoding="utf-8").rstrip().endswith("</svg>")


def test_every_curve_has_a_picture(folder: Path) -> None:
    text = (folder / "phases.md").read_text(encoding="utf-8")
    for name in CURVES:
        assert f"\n### {name}\n" in text
        assert (folder / f"phase_{name}.svg").is_file()


def test_every_preset_is_shown_whole(folder: Path) -> None:
    found = sections(folder / "param_groups.md")
    for option in options("param-groups"):
        assert option.choice in found[option.name]


def test_pages_that_are_as_they_should_be_keep_their_date(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.md")}
    write_pages(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.md")} == before
