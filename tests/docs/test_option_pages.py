"""The site builds without a warning; it has every option with every key, and a curve of each scheduler that has one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import scepter_opt
from docs.extensions.option_pages import UNDRAWN, write
from scepter_opt.config.validation import fields
from scepter_opt.insight.catalogue import options
from scepter_opt.schedules.curves import CURVES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, made by building the whole site with warnings as errors."""
    made = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-d",
        str(made / "doctrees"),
        "docs",
        str(made),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for page in ("getting_started", "generated/optimizers", "generated/api"):
        assert (made / f"{page}.html").is_file()
    assert "build_optimizer" in (made / "generated/api.html").read_text(encoding="utf-8")
    return ROOT / "docs/generated"


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
    assert {option.of for option in options(kind)} == {*registry.own_entries(), ""}
    for option in options(kind):
        keys = set(fields(registry.entry(option.of).config if option.of else registry.base().common)) - {"NAME"}
        shown = set(re.findall(r"^\| `(\w+)` \|", found[option.name] + common, re.MULTILINE))
        assert shown == keys, option.name


def test_every_scheduler_has_a_picture_or_says_why_not(folder: Path) -> None:
    found = sections(folder / "lr_schedulers.md")
    for option in options("schedulers"):
        pictures = re.findall(r"!\[.*\]\((.*\.svg)\)", found[option.name])
        if option.of in (*UNDRAWN, ""):
            assert not pictures
            assert UNDRAWN.get(option.of, "what the class says") in found[option.name]
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


def test_a_page_that_is_as_it_should_be_keeps_its_date(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    write(page, "one")
    os.utime(page, ns=(5, 5))
    write(page, "one")
    assert page.stat().st_mtime_ns == 5
    write(page, "another")
    assert page.stat().st_mtime_ns != 5
    assert page.read_text(encoding="utf-8") == "another"
