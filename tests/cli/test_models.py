from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scepter_opt.cli.models import factory_of, here
from scepter_opt.errors import ConfigError


def test_what_lies_here_can_be_imported_inside_and_not_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    with here():
        assert sys.path == [str(tmp_path), *before]
    assert sys.path == before
    with here():
        sys.path.remove(str(tmp_path))  # as a module of somebody's own may do
    assert sys.path == before


def test_a_factory_may_be_deep_in_a_module() -> None:
    assert factory_of("model", "pathlib:Path.cwd")() == Path.cwd()


@pytest.mark.parametrize("option", ["model", "factory"])
def test_the_option_that_said_it_is_named(option: str) -> None:
    with pytest.raises(ConfigError, match=rf"{option} = 'pathlib:Pth': cannot be imported.* Did you mean Path\?"):
        factory_of(option, "pathlib:Pth")
