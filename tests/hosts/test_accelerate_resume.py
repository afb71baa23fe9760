"""Resumed by Accelerate's `load_state` after a regrouping, a run goes on bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.hosts import resuming
from tests.hosts.resuming import BATCHES, PLATEAU, STOP, Net, Result, Runs

accelerate: Any = pytest.importorskip("accelerate")
pytestmark = pytest.mark.hosts


@pytest.fixture(autouse=True)
def _new_process() -> Iterator[None]:
    """What Accelerate keeps for the whole process is forgotten."""
    yield
    accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
    accelerate.state.GradientState._reset_state()


def fit(optimizer: dict[str, Any], schedule: dict[str, Any], steps: int, folder: Path, resumed: bool = False) -> Result:
    """What so many steps come to, from the beginning or from the checkpoint in a folder."""
    accelerator = accelerate.Accelerator(cpu=True)
    net, rows = Net(), torch.utils.data.DataLoader(list(resuming.inputs()), batch_size=4)  # type: ignore[arg-type,var-annotated]  # a list will do
    net, rows, wrapped, scheduler = accelerator.prepare(net, rows, *resuming.build(net, optimizer, schedule))
    if resumed:
        accelerator.load_state(folder)
    for _ in range(STOP // BATCHES if resumed else 0, steps // BATCHES):
        for batch in rows:
            loss = net(batch).square().mean()
            accelerator.backward(loss)
            wrapped.step()
            scheduler.step(*[loss.detach()] * (schedule["NAME"] == PLATEAU))
            wrapped.zero_grad()
    if steps == STOP:
        accelerator.save_state(folder)
    return resuming.result(accelerator.unwrap_model(net), wrapped.optimizer)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(fit, tmp_path_factory)


@resuming.every_case
def test_regrouped_and_resumed_a_run_goes_on_bit_for_bit(
    optimizer: str, implementation: str, schedule: str, regrouped: str, runs: Runs
) -> None:
    differing, texts = runs.resumed(*resuming.nodes(optimizer, implementation, regrouped), schedule)
    assert not differing
    assert not texts


def test_what_was_changed_is_said_and_the_checkpoints_holds(runs: Runs) -> None:
    nodes = resuming.nodes("AdamW", "fused", "to more", LEARNING_RATE=0.5)
    differing, (of_optimizer, of_scheduler) = runs.resumed(*nodes, PLATEAU, {"FACTOR": 0.25})
    assert not differing
    assert "configuration 0.5, checkpoint 0.01; the checkpoint's holds" in of_optimizer
    assert "FACTOR: configuration 0.25, checkpoint 0.5" in of_scheduler
