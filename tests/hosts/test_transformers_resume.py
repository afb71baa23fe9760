"""Resumed by transformers' `resume_from_checkpoint=` after a regrouping, a run goes on bit for bit."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import scepter_opt
from tests.hosts import resuming
from tests.hosts.resuming import PLATEAU, STOP, Net, Result, Runs
from tests.support import said

transformers: Any = pytest.importorskip("transformers")
pytest.importorskip("accelerate")  # which its Trainer needs
pytestmark = pytest.mark.hosts


@pytest.fixture(autouse=True, scope="module")
def _frozen() -> Iterator[None]:
    """Each training collects garbage, which is most of the time here: what is there already is not looked at."""
    gc.freeze()
    yield
    gc.unfreeze()


class Model(torch.nn.Module):
    """A net that tells its loss, as transformers' models do."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Net()

    def forward(self, rows: torch.Tensor, return_loss: bool = True) -> dict[str, torch.Tensor]:
        del return_loss  # by which the Trainer knows that there is a loss without labels
        outputs = self.net(rows)
        return {"loss": outputs.square().mean(), "logits": outputs}


def fit(optimizer: dict[str, Any], schedule: dict[str, Any], steps: int, folder: Path, resumed: bool = False) -> Result:
    """What so many steps come to, from the beginning or from the checkpoint in a folder."""
    # a plateau gets its metric where the Trainer evaluates
    evaluating = {"eval_strategy": "steps", "eval_steps": 2, "metric_for_best_model": "loss"}
    arguments = transformers.TrainingArguments(
        folder, max_steps=steps, per_device_train_batch_size=4, use_cpu=True, save_steps=STOP, report_to="none",
        disable_tqdm=True, **(evaluating if schedule["NAME"] == PLATEAU else {}),
    )  # fmt: skip
    model, rows = Model(), [{"rows": row} for row in resuming.inputs()]
    built = resuming.build(model.net, optimizer, schedule)
    trainer = transformers.Trainer(model, arguments, train_dataset=rows, eval_dataset=rows, optimizers=built)
    trainer.train(resume_from_checkpoint=str(folder / f"checkpoint-{STOP}") if resumed else None)
    return resuming.result(model.net, built[0])


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


def test_a_rate_that_was_changed_is_said_and_the_checkpoints_holds(runs: Runs) -> None:
    nodes = resuming.nodes("AdamW", "fused", "to more", LEARNING_RATE=0.5)
    differing, (text,) = runs.resumed(*nodes, "PhasesLR")
    assert not differing
    assert "configuration 0.5, checkpoint 0.01; the checkpoint's holds" in text


def test_a_schedule_that_was_changed_is_not_said() -> None:
    """transformers drops the warning of a scheduler's load, unless there are two."""
    reissue: Any = pytest.importorskip("transformers.trainer_pt_utils").reissue_pt_warnings
    with said() as texts:
        for count in (1, 2):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                for number in range(count):
                    warnings.warn(f"{number} of {count}", scepter_opt.ConfigWarning, stacklevel=1)
            reissue(caught)
    assert texts == ["0 of 2", "1 of 2"]
