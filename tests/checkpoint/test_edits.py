"""Edits between a save and a load: what loads, what holds, what is refused, under every policy and plain torch."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError, ConfigWarning, checkpoint
from tests.checkpoint.edits import EDITS, Edit
from tests.checkpoint.runs import END, STOP, Run, Values, by_hand, parameters, snapshot
from tests.support import same

pytestmark = [
    pytest.mark.filterwarnings("ignore:lr_scheduler.T_MAX = 13.*:scepter_opt.ConfigWarning"),
    pytest.mark.filterwarnings("ignore:the schedule of 10 ticks is over:UserWarning"),
]
IDS = [edit.name for edit in EDITS]
POLICIES = ("error", "config", "checkpoint")


@pytest.fixture(autouse=True)
def _process_group(tmp_path: Path) -> Iterator[None]:
    """What DDP needs: a group of one process."""
    torch.distributed.init_process_group("gloo", f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def renamed(edit: Edit, values: dict[str, Any]) -> dict[str, Any]:
    """Values by the names that they have after the edit."""
    pairs = dict(edit.rename or {})
    if edit.after.model().__class__.__name__ == "Tied":
        pairs = {"embed": "out"}
    return {
        next((new + name[len(old) :] for old, new in pairs.items() if name.startswith(old)), name): v
        for name, v in values.items()
    }


def expected(edit: Edit, held: str, plain: bool = False) -> Values:
    """Where parameters end if the settings of one side hold; the schedule's are always ours under plain torch."""
    values, states = (renamed(edit, each) for each in snapshot(Run.of(edit.before).train(0, STOP)))
    if edit.cast is not None:
        values = {name: value.to(edit.cast) for name, value in values.items()}
        states = {
            n: {k: v if k == "step" else v.to(edit.cast) for k, v in state.items()} for n, state in states.items()
        }
    tensors = parameters(edit.after.model())
    config, saved = edit.after, edit.before
    schedule = {"config": config, "checkpoint": saved}[held]
    if plain:
        # of torch's own schedulers the checkpoint's settings hold, of ours the configuration's, and another class's
        # state means nothing to either
        schedule = saved if saved.scheduler["NAME"] == config.scheduler["NAME"] == "CosineAnnealingLR" else config
    sides = {name: (config if held == "config" or name in edit.mixed else saved, schedule) for name in tensors}
    if config.optimizer.get("AMSGRAD") and held == "config":
        states = {name: {**state, "max_exp_avg_sq": torch.zeros_like(values[name])} for name, state in states.items()}
    frozen = tuple(name for name, tensor in tensors.items() if not tensor.requires_grad)
    scale = edit.scale if held == "config" and not plain else 1
    before = {new: old for old, new in (edit.rename or {}).items()}
    if "out.weight" in tensors:
        before = {"out": "embed"}
    return by_hand((values, states), sides, STOP // scale, STOP // scale + END - STOP, before, frozen)


def finished(edit: Edit, run: Run) -> Values:
    names = {new: old for old, new in (edit.rename or {}).items()}
    if "out.weight" in parameters(run.model):
        names = {"out": "embed"}
    run.train(STOP, END, names)
    return {name: tensor.detach() for name, tensor in parameters(run.model).items()}


def compare(edit: Edit, got: Values, hand: Values) -> None:
    assert got.keys() == hand.keys()
    for name, value in got.items():
        if edit.close:
            torch.testing.assert_close(value, hand[name], rtol=1e-5, atol=1e-7)
        else:
            assert torch.equal(value, hand[name]), name


def load(edit: Edit, folder: Path, policy: str, run: Run, **keys: Any) -> scepter_opt.LoadReport:
    rename: dict[str, Any] = {} if edit.rename is None else {"rename": edit.rename}
    return checkpoint.load(
        folder, model=run.model, optimizer=run.optimizer, scheduler=run.scheduler, policy=policy, **rename, **keys
    )


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("edit", EDITS, ids=IDS)
def test_an_edit_loads_holds_or_is_refused(edit: Edit, policy: str, tmp_path: Path) -> None:
    before = Run.of(edit.before).train(0, STOP)
    checkpoint.save(tmp_path, model=before.model, optimizer=before.optimizer, scheduler=before.scheduler, step=STOP)
    run = Run.of(edit.after)
    if edit.kind == "refused" or (edit.kind == "setting" and policy == "error"):
        unchanged = copy.deepcopy((snapshot(run), run.scheduler.state_dict()))
        with pytest.raises(ConfigError, match=edit.words or "Say who holds"):
            load(edit, tmp_path, policy, run)
        assert same((snapshot(run), run.scheduler.state_dict()), unchanged)
        return
    report = load(edit, tmp_path, policy, run)
    assert report.same is (edit.kind == "same")
    assert report.step == STOP // (edit.scale if policy == "config" else 1)
    held = policy if edit.kind == "setting" else "config"
    compare(edit, finished(edit, run), expected(edit, held))
    # what was loaded and saved again is what holds: it differs from nothing
    again = Run.of(edit.after) if edit.kind == "same" or policy == "config" else None
    if again is not None:
        state = checkpoint.state(model=run.model, optimizer=run.optimizer, scheduler=run.scheduler, step=END)
        assert checkpoint.restore(state, model=again.model, optimizer=again.optimizer, scheduler=again.scheduler).same


@pytest.mark.parametrize("edit", EDITS, ids=IDS)
def test_an_edit_under_torchs_own_load_state_dict(edit: Edit) -> None:
    before = Run.of(edit.before).train(0, STOP)
    values = renamed(edit, snapshot(before)[0])
    saved = copy.deepcopy((before.optimizer.state_dict(), before.scheduler.state_dict()))
    run = Run.of(edit.after)
    if edit.kind == "refused" or edit.plain == "refused":
        unchanged = copy.deepcopy(run.optimizer.state_dict())
        with pytest.raises(ConfigError, match=edit.words or "has no state of 2 parameters"):
            run.optimizer.load_state_dict(saved[0])
        assert same(run.optimizer.state_dict(), unchanged)
        return
    with torch.no_grad():
        for name, parameter in parameters(run.model).items():
            parameter.copy_(values[name])
    changed = edit.before.optimizer != edit.after.optimizer and edit.kind == "setting"
    says = pytest.warns(ConfigWarning, match="differs from the configuration") if changed else nullcontext()
    with says:
        run.optimizer.load_state_dict(saved[0])
    if edit.before.scheduler["NAME"] != edit.after.scheduler["NAME"]:
        return  # torch writes the attributes of one class into another
    changed = edit.kind == "setting" and not changed
    says = pytest.warns(ConfigWarning, match="is of another schedule") if changed else nullcontext()
    with says:
        run.scheduler.load_state_dict(saved[1])
    compare(edit, finished(edit, run), expected(edit, "config" if edit.kind == "same" else "checkpoint", plain=True))


def test_the_table_in_the_docs_is_the_table_of_the_tests() -> None:
    text = (Path(__file__).parents[2] / "docs" / "resuming.md").read_text()
    written = re.search(
        r"<!-- written by: python tests/checkpoint/test_edits.py -->\n(.*?)<!-- end -->", text, re.DOTALL
    )
    assert written is not None
    assert written[1] == table()


def table() -> str:
    """The edits as the docs show them."""
    says = {
        "same": "loads, and goes on as if nothing had changed",
        "setting": 'refused until `policy` says who holds: `"config"` or `"checkpoint"`',
        "refused": "refused, with the names",
    }
    plain = {"same": "the same", "setting": "loads; one warning says who holds", "refused": "refused, with the names"}
    lines = ["| what was changed | `checkpoint.load` | torch's `load_state_dict` |", "| --- | --- | --- |"]
    lines += [f"| {edit.name} | {says[edit.kind]} | {plain[edit.plain or edit.kind]} |" for edit in EDITS[1:]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    path = Path(os.environ.get("DOCS", Path(__file__).parents[2] / "docs" / "resuming.md"))
    begin, end = "<!-- written by: python tests/checkpoint/test_edits.py -->\n", "<!-- end -->"
    head, _, rest = path.read_text().partition(begin)
    path.write_text(head + begin + table() + end + rest.partition(end)[2])
