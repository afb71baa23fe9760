"""Without Lightning; what it does with it is in tests/hosts."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from scepter_opt import ConfigError


def test_without_lightning_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lightning", "lightning.pytorch", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "scepter_opt.integrations.lightning", raising=False)
    with pytest.raises(ConfigError, match="this needs Lightning: pip install lightning"):
        importlib.import_module("scepter_opt.integrations.lightning")


def test_it_is_imported_by_nothing_else() -> None:
    code = """
import sys, scepter_opt
for name in scepter_opt.__all__:
    getattr(scepter_opt, name)
print([each for each in sys.modules if each.startswith(("lightning", "scepter_opt.integrations.lightning"))])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
