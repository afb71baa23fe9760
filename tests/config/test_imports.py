"""Import paths as values."""

from __future__ import annotations

import math
import os.path
from pathlib import Path

import pytest

from scepter_opt.config.imports import check_import, resolve


def test_functions_and_attributes_of_classes_are_found() -> None:
    assert resolve("math.sqrt") is math.sqrt
    assert resolve("os.path.join") is os.path.join
    assert resolve("pathlib.Path.cwd") == Path.cwd


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("sqrt", "must be an import path"),
        ("math.sqr t", "must be an import path"),
        ("math.sqr", "math has no sqr. Did you mean sqrt?"),
        ("not_a_module_anywhere.f", "cannot import not_a_module_anywhere: ModuleNotFoundError"),
    ],
)
def test_what_is_not_found_is_said_in_words(path: str, words: str) -> None:
    with pytest.raises(ImportError) as caught:
        resolve(path)
    assert words in str(caught.value)


def test_a_module_that_fails_is_told_from_one_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_module.py").write_text("import another_that_is_missing")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="another_that_is_missing"):
        resolve("failing_module.f")


def test_paths_are_refused_or_must_be_callable() -> None:
    assert check_import("KEY", "math.sqrt", imports=True) is None
    refused = check_import("KEY", "math.sqrt", imports=False)
    constant = check_import("KEY", "math.pi", imports=True)
    assert refused is not None
    assert "imports=False" in refused.message
    assert constant is not None
    assert constant.message == "is a float, not callable."


STRANGE = """
class Strange:
    def __getattr__(self, name):
        raise RuntimeError("not today")

STRANGE = Strange()
"""


def test_a_module_that_exits_and_an_object_that_fails_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "exiting_module.py").write_text("raise SystemExit(3)")
    (tmp_path / "strange_module.py").write_text(STRANGE)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="cannot import exiting_module: SystemExit: 3"):
        resolve("exiting_module.f")
    with pytest.raises(ImportError, match=r"strange_module.STRANGE does not give f: RuntimeError: not today"):
        resolve("strange_module.STRANGE.f")
