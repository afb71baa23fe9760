"""Which combinations of versions there are, what is pinned in each, and what is said of those that cannot be run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.versions.combinations import Combination, combinations, constraints, found_pythons, says_its_version
from tests.versions.run import Result, main, summary

SETUP = Path(__file__).parents[2] / "setup.cfg"
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_the_oldest_torch_is_the_one_that_setup_cfg_names(tmp_path: Path) -> None:
    text = SETUP.read_text(encoding="utf-8").partition("    torch>=")
    (tmp_path / "setup.cfg").write_text(text[0] + text[1] + "1.2\n" + text[2].partition("\n")[2], encoding="utf-8")
    (oldest,) = (each for each in combinations(tmp_path / "setup.cfg", {}) if each.name == "torch-1.2.0")
    assert oldest.requirements == ("torch==1.2.0",)
    # the tests that take long too
    assert "long" not in " ".join(oldest.tests)


def test_every_python_that_setup_cfg_names_is_there_or_said_to_be_missing() -> None:
    named = {each.name: each for each in combinations(SETUP, {"3.99": "/python"}) if each.name.startswith("python-")}
    assert list(named) == ["python-3.10", "python-3.11", "python-3.12", "python-3.13", "python-3.99"]
    assert named["python-3.99"].python == "/python"
    assert not named["python-3.99"].missing
    reasons = {name: each.missing for name, each in named.items() if name != "python-3.99"}
    assert reasons.pop(f"python-{OWN}", "it is") == "it is the Python of all that is above"
    assert set(reasons.values()) == {"no such Python was found"}


def test_what_is_required_replaces_its_pins() -> None:
    pins = "# why\nhydra-core==1.3.8\nomegaconf==2.3.1; python_version < '3.11'\nOmegaconf==2.4\nhydra-core-x==1\n"
    wanted = Combination("next", ("hydra-core>=1.4.0rc1,<1.5",), ("omegaconf",))
    assert constraints(pins, wanted) == "# why\nhydra-core-x==1\nhydra-core>=1.4.0rc1,<1.5\n"


def test_a_python_is_one_that_starts(tmp_path: Path) -> None:
    assert says_its_version(sys.executable, OWN)
    assert not says_its_version(sys.executable, "3.99")
    # as a name of pyenv's is that nobody chose
    idle = tmp_path / "python3.99"
    idle.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    idle.chmod(0o755)
    assert not says_its_version(str(idle), "3.99")
    assert "3.99" not in found_pythons(tmp_path)


def test_what_was_not_run_comes_last_with_its_reason() -> None:
    results = {"a": Result(missing="no such Python was found"), "b": Result("", "Hydra 1.3.2", 5, 1, 2)}
    assert summary(results).splitlines() == [
        "b              5 passed, 1 failed, 2 skipped: Hydra 1.3.2",
        "a              not run: no such Python was found",
    ]


def test_a_misspelt_combination_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hydra-1.3.3"]) == 2
    assert "There is no combination hydra-1.3.3. There are: hydra-1.3.2, hydra-1.3.8," in capsys.readouterr().err
