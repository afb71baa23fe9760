"""Attached to transformers' Trainer, a config's optimizer and schedule do what they do in a loop by hand."""

from __future__ import annotations

import copy
import gc
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from scepter_opt import ConfigError
from tests.hosts import resuming
from tests.hosts.resuming import BATCHES, Net, Result, differing
from tests.hosts.training import EPOCHS, OPTIMIZERS, SCHEDULES, STEPS, Seen, base_rate, loss_of, plain, rates_of

transformers: Any = pytest.importorskip("transformers")
pytest.importorskip("accelerate")  # which its Trainer needs
attach: Any = pytest.importorskip("scepter_opt.integrations.transformers").attach
pytestmark = [pytest.mark.hosts, pytest.mark.filterwarnings("ignore")]  # transformers' own

STEPLR, ADAMW = SCHEDULES["StepLR by epoch"], OPTIMIZERS["AdamW"]


@pytest.fixture(autouse=True, scope="module")
def _frozen() -> Iterator[None]:
    """Each training collects garbage, which is most of the time here: what is there already is not looked at."""
    gc.freeze()
    yield
    gc.unfreeze()


class Model(Net):
    """A net that tells its loss, as transformers' models do, and keeps what it was trained with."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[torch.Tensor] = []

    def forward(self, rows: torch.Tensor, return_loss: bool = True) -> dict[str, torch.Tensor]:  # type: ignore[override]  # more than a net's
        del return_loss  # by which the Trainer knows that there is a loss without labels
        if self.training:
            self.batches.append(rows)
        outputs = super().forward(rows)
        return {"loss": outputs.square().mean(), "logits": outputs}


def trainer_of(folder: Path, **arguments: Any) -> Any:
    """A Trainer over the rows, which evaluates at the end of each epoch."""
    defaults = {
        "num_train_epochs": EPOCHS, "per_device_train_batch_size": 4, "per_device_eval_batch_size": 4, "use_cpu": True,
        "report_to": "none", "disable_tqdm": True, "logging_steps": 1, "max_grad_norm": 0.0, "eval_strategy": "epoch",
        "save_strategy": "no",
    }  # fmt: skip
    rows = [{"rows": row} for row in resuming.inputs()]
    filled = transformers.TrainingArguments(folder, **{**defaults, **arguments})
    return transformers.Trainer(Model(), filled, train_dataset=rows, eval_dataset=rows)


class AtTheBeginning(transformers.TrainerCallback):  # type: ignore[misc]  # Any
    """Notes the rates of a Trainer's optimizer, which there is when training begins."""

    def on_train_begin(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
        self.seen = Seen(optimizer.optimizer)


def trained(trainer: Any, resume: Path | None = None) -> tuple[Result, list[list[float]]]:
    """What a training comes to, and the rates of its steps."""
    noting = AtTheBeginning()
    trainer.add_callback(noting)
    trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
    return copy.deepcopy(resuming.result(trainer.model, trainer.optimizer.optimizer)), noting.seen.rates


def by_hand(trainer: Any, optimizer: dict[str, Any], schedule: dict[str, Any], **options: Any) -> Any:
    """The plain loop over the batches that a Trainer has trained with."""
    rows = torch.split(resuming.inputs(), 4)
    return plain(Net(), optimizer, schedule, trainer.model.batches, lambda net: loss_of(net, rows), **options)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_training_ends_with_the_parameters_and_rates_of_the_plain_loop(
    optimizer: str, schedule: str, tmp_path: Path
) -> None:
    trainer = trainer_of(tmp_path)
    attach(trainer, OPTIMIZERS[optimizer], SCHEDULES[schedule])
    result, rates = trained(trainer)
    expected, expected_rates = by_hand(trainer, OPTIMIZERS[optimizer], SCHEDULES[schedule])
    assert rates == expected_rates
    assert not differing(result, expected)
    assert len(rates) == STEPS
    shown = rates_of(SCHEDULES[schedule])
    base = base_rate(OPTIMIZERS[optimizer])
    if shown is not None:
        assert [each[0] for each in rates] == pytest.approx([base * factor for factor in shown], rel=1e-12)
    else:
        assert rates[-1][0] < base / 2
    logged = [entry["learning_rate"] for entry in trainer.state.log_history if "learning_rate" in entry]
    assert logged == [each[0] for each in rates]


def test_clipped_by_norm_a_training_is_the_plain_loops_within_rounding(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, max_grad_norm=0.01)
    attach(trainer, ADAMW, STEPLR)
    result, rates = trained(trainer)
    expected, expected_rates = by_hand(trainer, ADAMW, STEPLR, clip=0.01)
    assert rates == expected_rates
    for name, weights in result["weights"].items():
        torch.testing.assert_close(weights, expected["weights"][name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("schedule", ["StepLR by epoch", "PhasesLR by step", "PlateauLR"])
def test_accumulated_gradients_make_fewer_steps_and_as_many_epochs(schedule: str, tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, gradient_accumulation_steps=2)
    attach(trainer, ADAMW, SCHEDULES[schedule])
    _, rates = trained(trainer)
    assert len(rates) == EPOCHS * 2  # of three batches
    assert rates == by_hand(trainer, ADAMW, SCHEDULES[schedule], accumulate=2)[1]


@pytest.mark.parametrize("stop", [BATCHES * 2, BATCHES + 1], ids=["at an epoch's end", "within an epoch"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_resumed_from_the_trainers_checkpoint_a_run_is_the_unbroken_one(
    schedule: str, stop: int, tmp_path: Path
) -> None:
    unbroken = trainer_of(tmp_path, save_strategy="steps", save_steps=stop)
    attach(unbroken, ADAMW, SCHEDULES[schedule])
    expected, expected_rates = trained(unbroken)
    resumed = trainer_of(tmp_path)
    attach(resumed, ADAMW, SCHEDULES[schedule])
    result, rates = trained(resumed, tmp_path / f"checkpoint-{stop}")
    assert rates == expected_rates[stop:]
    assert not differing(result, expected)


def test_a_metric_is_measured_at_steps_too_and_the_last_one_of_an_epoch_holds(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, eval_strategy="steps", eval_steps=2)
    attach(trainer, ADAMW, SCHEDULES["ReduceLROnPlateau"])
    _, rates = trained(trainer)
    # each epoch's metric is no improvement but for the first's
    base = base_rate(ADAMW)
    assert [each[0] / base for each in rates] == pytest.approx([1.0] * 6 + [0.5] * 3 + [0.25] * 3)


def test_a_plateau_by_steps_takes_what_is_measured_at_them(tmp_path: Path) -> None:
    schedule = {**SCHEDULES["ReduceLROnPlateau"], "INTERVAL": "step", "FREQUENCY": 2, "MONITOR": "loss"}
    trainer = trainer_of(tmp_path, eval_strategy="steps", eval_steps=2)
    attach(trainer, ADAMW, schedule)
    _, rates = trained(trainer)
    base = base_rate(ADAMW)
    assert [each[0] / base for each in rates] == pytest.approx([0.5 ** max(0, step // 2 - 1) for step in range(STEPS)])


def test_a_metric_that_is_not_measured_is_an_error_with_those_that_are(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path)
    attach(trainer, ADAMW, {**SCHEDULES["PlateauLR"], "MONITOR": "eval_los"})
    with pytest.raises(ConfigError, match=r"there is no such metric. Did you mean eval_loss\?"):
        trainer.train()


def test_a_metric_that_is_never_measured_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"lr_scheduler\.MONITOR = 'eval_loss': is measured where the Trainer eval"):
        attach(trainer_of(tmp_path, eval_strategy="no"), ADAMW, SCHEDULES["PlateauLR"])


def test_a_trainer_that_has_an_optimizer_is_refused_and_so_is_a_wrong_node(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path)
    with pytest.raises(ConfigError, match="LERNING_RATE"):
        attach(trainer, {"NAME": "AdamW", "LERNING_RATE": 1.0})
    trainer.optimizer = torch.optim.SGD(trainer.model.parameters())
    with pytest.raises(ConfigError, match="optimizer: the Trainer has one already"):
        attach(trainer, ADAMW)


def test_a_second_training_begins_the_schedule_anew(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path)
    attach(trainer, ADAMW, STEPLR)
    first = list(trained(trainer)[1])  # the optimizer stays, and the first hook with it
    assert trained(trainer)[1] == first


def test_each_model_of_a_search_has_an_optimizer_of_its_own(tmp_path: Path) -> None:
    arguments = trainer_of(tmp_path).args
    rows = [{"rows": row} for row in resuming.inputs()]
    trainer = transformers.Trainer(model_init=Model, args=arguments, train_dataset=rows, eval_dataset=rows)
    attach(trainer, ADAMW, STEPLR)
    trainer.train()
    first = trainer.optimizer
    trainer.train()
    assert trainer.optimizer is not first
    held = {id(each) for group in trainer.optimizer.param_groups for each in group["params"]}
    assert held == {id(each) for each in trainer.model.parameters()}


def test_an_optimizer_alone_has_constant_rates_and_the_logger_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = trainer_of(tmp_path, num_train_epochs=1)
    with caplog.at_level(logging.INFO):
        attach(trainer, ADAMW, logger=logging.getLogger("mine"))
        _, rates = trained(trainer)
    assert len({tuple(each) for each in rates}) == 1
    assert any(record.name == "mine" for record in caplog.records)


def test_a_run_that_stops_within_an_epoch_leaves_it_open(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, max_steps=BATCHES + 1)
    attach(trainer, ADAMW, STEPLR)
    _, rates = trained(trainer)
    assert [each[0] / base_rate(ADAMW) for each in rates] == [1.0] * BATCHES + [0.5]
    assert trainer.lr_scheduler.driver.epochs == 1


def test_two_processes_have_the_rates_of_one(tmp_path: Path) -> None:
    file, nodes = tmp_path / "rates.json", [{"NAME": "AdamW", "LEARNING_RATE": 0.01}, STEPLR]
    arguments = [json.dumps(nodes), str(BATCHES), str(EPOCHS), str(file)]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = Path(__file__).parent / "transformers_processes.py"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(script.parents[2])}
    subprocess.run([*launch, str(script), *arguments], env=environment, check=True, capture_output=True, timeout=120)
    found, processes, rates = json.loads(file.read_text())
    assert (found, processes) == ("DistributedDataParallel", 2)
    assert rates == [0.01 * 0.5 ** (step // BATCHES) for step in range(STEPS)]


class Sharded(torch.nn.Module):
    """As FSDP wraps a model, which needs a GPU there: names have its prefix, and the parameters are others."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self._fsdp_wrapped_module = copy.deepcopy(model)


def test_an_optimizer_that_is_made_late_is_over_what_the_model_has_become(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path)
    attach(trainer, ADAMW, STEPLR)
    assert trainer.optimizer is None
    model = Sharded(trainer.model)
    optimizer = trainer.create_optimizer(model)
    held = {id(each) for group in optimizer.param_groups for each in group["params"]}
    assert held == {id(each) for each in model.parameters()}
    # the rules find their parameters by the names that these have without the wrapper
    assert optimizer.param_groups[-1]["param_names"] == ["head.weight"]
    assert trainer.create_optimizer(model) is optimizer


def test_a_scheduler_is_made_over_the_optimizer_that_it_is_given(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path)
    attach(trainer, ADAMW, SCHEDULES["PhasesLR by step"])
    optimizer = trainer.create_optimizer()
    schedule = trainer.create_scheduler(STEPS, optimizer)
    assert schedule.optimizer is optimizer
    assert schedule.total_steps == STEPS
    assert trainer.create_scheduler(STEPS) is schedule
