"""Every optimizer of other packages builds by its import path as it does directly, and steps the same."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hosts.imported_optimizers import PACKAGES
from tests.timm_environment import make_environment, run

pytestmark = pytest.mark.hosts
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "other_packages.md"
LEAST = {"pytorch_optimizer": 106, "timm": 20, "schedulefree": 6, "torchao": 6, "bitsandbytes": 30, "heavyball": 30}
"""Classes of each package that build directly, and so have to build here."""
HEAD = (
    "| package | version | as directly: groups and five steps | not: its step refuses here | not of parameters alone |"
)


def report_of(package: str, folder: Path) -> dict[str, Any]:
    """What a process of its own finds, since packages change torch when they are imported."""
    script = ROOT / "tests/hosts/imported_optimizers.py"
    if package == "timm":
        return dict(run(script, make_environment(folder), package)[package])
    command = [sys.executable, str(script), package]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout.splitlines()[-1])[package])


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return {package: report_of(package, tmp_path_factory.mktemp(package)) for package in PACKAGES}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_optimizer_builds_and_steps_as_directly(package: str, reports: dict[str, dict[str, Any]]) -> None:
    report = reports[package]
    assert not report["wrong"]
    assert len(report["equal"]) + len(report["stepless"]) >= LEAST[package]


def test_the_table_in_the_docs_is_that_of_the_tests(reports: dict[str, dict[str, Any]]) -> None:
    before = PAGE.read_text(encoding="utf-8")
    if "WRITE_DOCS" in os.environ:
        before = re.sub(re.escape(HEAD) + r"(\n\|.*)*", lambda _: table(reports), before)
        PAGE.write_text(before, encoding="utf-8")
    assert table(reports) in before


def table(reports: dict[str, dict[str, Any]]) -> str:
    """The packages with their classes, as the docs show them."""
    rows = [HEAD, "|" + "---|" * HEAD.count(" | ") + "---|"]
    for package, report in reports.items():
        classes = [", ".join(f"`{name}`" for name in sorted(report[kind])) for kind in ("stepless", "indirect")]
        rows.append(f"| {package} | {report['version']} | {len(report['equal'])} | {' | '.join(classes)} |")
    return "\n".join(rows)
