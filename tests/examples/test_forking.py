"""The commands of docs/longer_and_shorter.md, run as they stand: a stable run, forks of it, longer and shorter."""

from __future__ import annotations

import re
import shlex
from math import sqrt
from pathlib import Path
from string import Template

import pytest

from tests.examples.runs import ROOT, fork, metrics

TEXT = (ROOT / "docs" / "longer_and_shorter.md").read_text(encoding="utf-8")
SWEEP, LONGER, SHORTER = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def run(block: str, folder: Path) -> str:
    """Run the commands of a block in a folder; what they print."""
    printed, variables = [], dict[str, str]()
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(Template(line).safe_substitute(variables))
        if words[0] == "python":
            printed.append(fork(folder, *words[2:], script=ROOT / words[1]).stdout)
        else:
            name, _, value = words[0].partition("=")
            variables[name] = value
    return "".join(printed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the sweep was run."""
    folder = tmp_path_factory.mktemp("forks")
    run(SWEEP, folder)
    return folder


def rates(run: Path) -> list[float]:
    return [float(row["learning_rate"]) for row in metrics(run)]


def test_each_fork_ends_over_the_last_fifth_of_its_own_run(folder: Path) -> None:
    stable = rates(folder / "outputs/stable")
    assert stable == pytest.approx([0.003 * min(1.0, step / 40) for step in range(460)], rel=1e-12)
    for job, (start, end) in enumerate(((92, 115), (184, 230), (368, 460))):
        own = rates(folder / f"outputs/forks/{job}")
        falling = [0.003 * (1 - sqrt(k / (end - start))) for k in range(end - start)]
        assert own == pytest.approx([*stable[:start], *falling], rel=1e-12)


def test_the_forks_have_the_steps_of_the_stable_run_before_they_begin(folder: Path) -> None:
    stable = metrics(folder / "outputs/stable")
    for job, start in enumerate((92, 184, 368)):
        assert metrics(folder / f"outputs/forks/{job}")[:start] == stable[:start]


def test_the_picture_is_drawn_of_all_of_them(folder: Path, tmp_path: Path) -> None:
    assert (folder / "forks.png").read_bytes().startswith(b"\x89PNG")
    done = fork(tmp_path, "none.png", ".", code=1, script=ROOT / "examples/forks.py")
    assert done.stderr == "there is no metrics.csv in .\n"


def test_a_longer_run_goes_on_at_the_stable_rate(folder: Path) -> None:
    printed = run(LONGER, folder)
    assert "lr_scheduler.total_steps  configuration 506  checkpoint 460  the config's holds" in printed
    assert rates(folder / "outputs/longer") == rates(folder / "outputs/stable") + [0.003] * 46


def test_a_run_that_is_ended_early_falls_from_where_it_stood_to_its_new_end(folder: Path) -> None:
    run(SHORTER, folder)
    planned, shorter = rates(folder / "outputs/planned"), rates(folder / "outputs/shorter")
    assert len(shorter) == 92
    assert shorter[:69] == planned
    steps = [shorter[k] - shorter[k + 1] for k in range(69, 91)]
    assert steps == pytest.approx([shorter[69] / 23] * 22)
    assert shorter[69] < planned[-1]


def test_a_fork_that_was_stopped_inside_goes_on_to_the_same_end(folder: Path, tmp_path: Path) -> None:
    entry = folder / "outputs/stable/checkpoints/step-00000184"
    finish = "lr_scheduler.FINISH={CURVE: one_minus_sqrt, TO: 0, LENGTH: 20%}"
    fork(tmp_path, f"resume={entry}", finish, "stop_after=200", "hydra.run.dir=stopped")
    fork(tmp_path, "resume=stopped", "stop_after=null", "hydra.run.dir=resumed")
    assert metrics(tmp_path / "resumed") == metrics(folder / "outputs/forks/1")


MISTAKES = {
    "lr_scheduler.FINISH={CURVE: linear, TO: 0}": "lr_scheduler.FINISH: begins where a checkpoint is loaded: give r",
    "keep=0": "keep = 0: must be a whole number of at least 1, or null for all.",
}


@pytest.mark.parametrize("override", MISTAKES)
def test_mistakes_are_said(override: str, tmp_path: Path) -> None:
    assert MISTAKES[override] in fork(tmp_path, override, code=1).stderr


def test_a_finish_that_began_is_not_replaced_without_a_word(folder: Path, tmp_path: Path) -> None:
    override = "lr_scheduler.FINISH={CURVE: linear, TO: 0, LENGTH: 20%}"
    done = fork(tmp_path, f"resume={folder / 'outputs/forks/0'}", override, code=1)
    assert "lr_scheduler.FINISH: differs from the run in" in done.stderr
