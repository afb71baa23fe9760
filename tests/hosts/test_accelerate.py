"""Prepared with Accelerate, a config's optimizer and schedule do what they do in a loop by hand."""

from __future__ import annotations

import copy
import json
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

accelerate: Any = pytest.importorskip("accelerate")
prepare: Any = pytest.importorskip("scepter_opt.integrations.accelerate").prepare
pytestmark = pytest.mark.hosts

ADAMW, STEPLR = OPTIMIZERS["AdamW"], SCHEDULES["StepLR by epoch"]
BY_STEP = SCHEDULES["PhasesLR by step"]
ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).parent / "accelerate_processes.py"


@pytest.fixture(autouse=True)
def _new_process() -> Iterator[None]:
    """What Accelerate keeps for the whole process is forgotten."""
    yield
    forget()


def forget() -> None:
    accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
    accelerate.state.GradientState._reset_state()


def batches() -> list[torch.Tensor]:
    return list(torch.split(resuming.inputs(), 4))


def loader_of(rows: torch.Tensor) -> Any:
    return torch.utils.data.DataLoader(list(rows), batch_size=4)  # type: ignore[arg-type]  # a list will do


def fit(
    optimizer: dict[str, Any],
    schedule: dict[str, Any],
    accumulate: int = 1,
    clip: float = 0.0,
    stop: int = STEPS,
    folder: Path | None = None,
    resumed: int = 0,
    scaler: Any = None,
) -> tuple[Result, list[list[float]]]:
    """What a loop with Accelerate comes to after `stop` batches, and the rates of its steps.

    Args:
        optimizer: Its node.
        schedule: That of its scheduler.
        accumulate: Batches of an optimizer step.
        clip: Greatest norm of the gradients; 0 is any.
        stop: Batches of the run.
        folder: Where a run that was stopped leaves its checkpoint, or where that of a resumed one lies.
        resumed: Batches that the checkpoint has done.
        scaler: Put into the accelerator, whose own needs a GPU.
    """
    accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=accumulate)
    accelerator.scaler = scaler
    net, loader, wrapped, driver = prepare(
        accelerator, Net(), loader_of(resuming.inputs()), optimizer, schedule, epochs=EPOCHS
    )
    seen = Seen(wrapped.optimizer)
    if resumed:
        accelerator.load_state(folder)
    done = resumed
    while done < stop:
        skipped = done % BATCHES
        for batch in accelerate.skip_first_batches(loader, skipped) if skipped else loader:
            with accelerator.accumulate(net):
                accelerator.backward(net(batch).square().mean())
                if clip and accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(net.parameters(), clip)
                wrapped.step()
                wrapped.zero_grad()
            driver.step()
            done += 1
            if done == stop:
                break
        if done % BATCHES == 0:
            driver.end_epoch({"eval_loss": loss_of(net, batches())})
    if folder is not None and not resumed:
        accelerator.save_state(folder)
    forget()
    return copy.deepcopy(resuming.result(accelerator.unwrap_model(net), wrapped.optimizer)), seen.rates


def by_hand(optimizer: dict[str, Any], schedule: dict[str, Any], **options: Any) -> Any:
    return plain(Net(), optimizer, schedule, batches() * EPOCHS, lambda net: loss_of(net, batches()), **options)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_run_ends_with_the_parameters_and_rates_of_the_plain_loop(optimizer: str, schedule: str) -> None:
    result, rates = fit(OPTIMIZERS[optimizer], SCHEDULES[schedule])
    expected, expected_rates = by_hand(OPTIMIZERS[optimizer], SCHEDULES[schedule])
    assert rates == expected_rates
    assert not differing(result, expected)
    shown, base = rates_of(SCHEDULES[schedule]), base_rate(OPTIMIZERS[optimizer])
    if shown is not None:
        assert [each[0] for each in rates] == pytest.approx([base * factor for factor in shown], rel=1e-12)
    else:
        assert rates[-1][0] < base / 2


@pytest.mark.parametrize("schedule", ["StepLR by epoch", "PhasesLR by step", "PlateauLR"])
def test_accumulated_gradients_make_fewer_steps_and_as_many_epochs(schedule: str) -> None:
    _, rates = fit(ADAMW, SCHEDULES[schedule], accumulate=2)
    assert len(rates) == EPOCHS * 2  # of three batches
    assert rates == by_hand(ADAMW, SCHEDULES[schedule], accumulate=2)[1]


def test_clipped_by_norm_a_run_is_the_plain_loops_within_rounding() -> None:
    result, rates = fit(ADAMW, STEPLR, clip=0.01)
    expected, expected_rates = by_hand(ADAMW, STEPLR, clip=0.01)
    assert rates == expected_rates
    for name, weights in result["weights"].items():
        torch.testing.assert_close(weights, expected["weights"][name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("stop", [BATCHES * 2, BATCHES + 1], ids=["at an epoch's end", "within an epoch"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_resumed_from_its_own_checkpoint_a_run_is_the_unbroken_one(schedule: str, stop: int, tmp_path: Path) -> None:
    expected, expected_rates = fit(ADAMW, SCHEDULES[schedule])
    fit(ADAMW, SCHEDULES[schedule], stop=stop, folder=tmp_path)
    result, rates = fit(ADAMW, SCHEDULES[schedule], folder=tmp_path, resumed=stop)
    assert rates == expected_rates[stop:]
    assert not differing(result, expected)


@pytest.mark.filterwarnings("error")
def test_a_step_that_the_scaler_skips_is_no_tick() -> None:
    scaler: Any = torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=1000)
    _, rates = fit(ADAMW, BY_STEP, scaler=scaler)
    skipped = STEPS - len(rates)
    assert 0 < skipped < STEPS
    shown = rates_of(BY_STEP)
    assert shown is not None
    expected = [base_rate(ADAMW) * factor for factor in shown[: STEPS - skipped]]
    assert [each[0] for each in rates] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("prepared", ["ours", "theirs", "theirs with a driver"])
def test_two_processes_have_the_rates_of_one(prepared: str, tmp_path: Path) -> None:
    node = {"NAME": "AdamW", "LEARNING_RATE": 0.01}
    file = tmp_path / "rates.json"
    arguments = [prepared, json.dumps([node, BY_STEP]), str(BATCHES), str(EPOCHS), str(file)]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run([*launch, str(SCRIPT), *arguments], env=environment, check=True, capture_output=True, timeout=120)
    processes, rates = json.loads(file.read_text())
    shown = rates_of(BY_STEP)
    assert shown is not None
    expected = [0.01 * factor for factor in shown]
    if prepared == "theirs":  # which is why there is ours
        expected = [*expected[::2], *[0.001] * (STEPS // 2)]
    assert processes == 2
    assert rates == pytest.approx(expected, rel=1e-12)


def test_a_schedule_that_needs_a_length_that_is_not_known_is_refused() -> None:
    accelerator = accelerate.Accelerator(cpu=True)
    with pytest.raises(ConfigError, match="total"):
        prepare(accelerator, Net(), loader_of(resuming.inputs()), ADAMW, BY_STEP)


def test_the_steps_of_a_run_can_be_given_in_place_of_epochs() -> None:
    accelerator = accelerate.Accelerator(cpu=True)
    *_, driver = prepare(accelerator, Net(), loader_of(resuming.inputs()), ADAMW, BY_STEP, total_steps=7)
    assert driver.total_steps == 7


def test_a_wrong_node_is_refused_before_anything_is_prepared() -> None:
    with pytest.raises(ConfigError, match="LERNING_RATE"):
        prepare(None, Net(), [], {"NAME": "AdamW", "LERNING_RATE": 1.0})
