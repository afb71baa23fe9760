"""What is missing names the line that installs it."""

from __future__ import annotations

import sys

import pytest

from scepter_opt.errors import ConfigError
from scepter_opt.insight.extras import needed


def test_a_module_that_is_there_is_given() -> None:
    assert needed("rich.console").__name__ == "rich.console"


def test_a_library_that_is_missing_is_named_with_the_line_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    for name in [name for name in sys.modules if name.partition(".")[0] == "plotext"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ConfigError, match=r"this needs plotext: pip install 'scepter_opt\[cli\]'"):
        needed("plotext")


def test_a_library_that_misses_another_says_so_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    from pathlib import Path

    Path(str(tmp_path), "broken_library.py").write_text("import nowhere_to_be_found")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        needed("broken_library")
