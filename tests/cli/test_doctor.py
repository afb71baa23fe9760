"""doctor: what is installed, and what of it is used."""

from __future__ import annotations

import json

import pytest
import torch

import scepter_opt
from scepter_opt.cli.doctor import doctor


def test_the_report_has_versions_steps_libraries_and_groups(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(json=True) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["versions"]["torch"] == torch.__version__
    assert report["versions"]["scepter_opt"] == scepter_opt.__version__
    assert report["devices"]["cpu"]
    steps = report["steps by IMPLEMENTATION: auto, on each device"]
    assert steps["AdamW"].startswith("cpu: fused")
    assert steps["Rprop"].startswith("cpu: ")
    assert report["optional libraries"]["bitsandbytes"].endswith(", for optimizers")
    assert report["config groups"]["exposed to Hydra"].startswith("yes")


def test_it_is_a_table_for_people(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    doctor()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "versions"
    assert any(line.split() == ["torch", torch.__version__] for line in lines)
