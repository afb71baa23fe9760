"""Hydra's tests once more, with the release candidate of its next version."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NEXT = ROOT / ".venv" / "hydra-next"


@pytest.mark.skipif(not NEXT.is_dir(), reason="`make test` installs the release candidate into .venv/hydra-next")
def test_everything_of_hydra_holds_with_the_release_candidate() -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "tests/integrations/test_hydra_plugins.py", "-q", "--no-cov",
            "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore:The version_base",
            "-k", "not joblib",  # its launcher knows the versions that are out
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(NEXT), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:]
    assert "passed" in done.stdout
