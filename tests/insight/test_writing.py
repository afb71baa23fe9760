"""A file that cannot be written is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from scepter_opt.errors import ConfigError
from scepter_opt.insight.writing import writing


def test_the_file_is_named_with_what_the_system_says(tmp_path: Path) -> None:
    out = tmp_path / "nowhere" / "plan.json"
    with pytest.raises(ConfigError) as caught, writing(out):
        out.write_text("")
    (problem,) = caught.value.problems
    assert (problem.key, problem.value) == ("out", str(out))
    assert problem.message.startswith("cannot be written: ")
    assert "No such file or directory" in problem.message


def test_whatever_else_is_wrong_passes_through(tmp_path: Path) -> None:
    with pytest.raises(KeyError), writing(tmp_path / "file"):
        raise KeyError("other")
