from __future__ import annotations

from pathlib import Path

import pytest

from tests.timm_environment import make_environment, run


@pytest.mark.long
def test_no_fault_on_fifty_models_of_timm_with_timms_groups_and_schedule(tmp_path: Path) -> None:
    found = run(Path(__file__).with_name("timm_faults.py"), make_environment(tmp_path), "50")
    assert len(found) == 50
    assert {name: faults for name, faults in found.items() if faults} == {}
