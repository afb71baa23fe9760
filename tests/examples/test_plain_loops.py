"""The loops by hand train as they say: equal to what they stand for, and with a tick for each step."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from tests.examples.runs import ROOT, start

LOOPS = ROOT / "examples" / "plain_loops.py"
EPOCHS = 3
PHASES = {"warmup": {"CURVE": "linear", "FROM": 0.1, "TO": 1.0, "LENGTH": "50%"}, "decay": {"CURVE": "cosine", "TO": 0}}
CFG: dict[str, Any] = {
    "optimizer": {"NAME": "AdamW", "LEARNING_RATE": 0.05, "IMPLEMENTATION": "for_loop"},
    "lr_scheduler": {"NAME": "PhasesLR", "PHASES": PHASES},
}


def loop(name: str) -> Any:
    return runpy.run_path(str(LOOPS))[name]


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))


def batches(count: int, size: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    rows = torch.randn(count * size, 6, generator=torch.Generator().manual_seed(1))
    return [(rows[at : at + size, :4], rows[at : at + size, 4:]) for at in range(0, count * size, size)]


def assert_equal(one: nn.Module, other: nn.Module, atol: float = 0.0) -> None:
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=atol)


def test_accumulated_gradients_are_a_large_batchs() -> None:
    small, large = net(), net()
    driver = loop("accumulating")(small, CFG, batches(6, 4), EPOCHS, mse_loss, accumulate=3)
    loop("accumulating")(large, CFG, batches(2, 12), EPOCHS, mse_loss, accumulate=1)
    assert_equal(small, large, atol=1e-6)
    assert (driver.steps, driver.epochs, driver.total_steps) == (6, EPOCHS, 6)


def test_what_is_left_over_in_an_epoch_makes_a_step() -> None:
    driver = loop("accumulating")(net(), CFG, batches(5, 4), EPOCHS, mse_loss, accumulate=3)
    assert (driver.steps, driver.total_steps) == (6, 6)


def test_a_scale_that_overflows_nowhere_changes_nothing() -> None:
    scaled, again = net(), net()
    for model, scale in ((scaled, 2.0**10), (again, 1.0)):
        scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        driver = loop("scaling")(model, CFG, batches(4, 8), EPOCHS, mse_loss, scaler)
        assert driver.steps == driver.total_steps == 4 * EPOCHS
    assert_equal(scaled, again)


def test_a_step_that_the_scaler_skips_is_no_tick() -> None:
    model, scaler = net(), torch.amp.GradScaler("cpu", init_scale=2.0**127)
    driver = loop("scaling")(model, CFG, batches(8, 8), EPOCHS, lambda *given: 64 * mse_loss(*given), scaler)
    skipped = 127 - int(torch.tensor(scaler.get_scale()).log2())  # each halves the scale
    assert 0 < skipped < 8
    assert driver.steps == driver.scheduler.last_epoch == 8 * EPOCHS - skipped


def test_a_closure_makes_the_steps_of_a_loop_without() -> None:
    closed, plain = net(), net()
    driver = loop("closing")(closed, CFG, batches(4, 8), EPOCHS, mse_loss)
    loop("accumulating")(plain, CFG, batches(4, 8), EPOCHS, mse_loss, accumulate=1)
    assert_equal(closed, plain)
    assert driver.steps == 4 * EPOCHS


def test_lbfgs_makes_a_tick_a_step_however_often_it_calls_the_closure() -> None:
    model, theirs = net(), net()
    node = {"NAME": "StepLR", "STEP_SIZE": 1, "GAMMA": 0.5, "INTERVAL": "epoch"}
    cfg = {"optimizer": {"NAME": "LBFGS", "LEARNING_RATE": 0.5, "MAX_ITER": 4}, "lr_scheduler": node}
    driver = loop("closing")(model, cfg, batches(4, 8), EPOCHS, mse_loss)
    assert (driver.steps, driver.scheduler.last_epoch) == (4 * EPOCHS, EPOCHS)
    optimizer = torch.optim.LBFGS(theirs.parameters(), lr=0.5, max_iter=4)
    for _ in range(EPOCHS):
        for inputs, targets in batches(4, 8):

            def closure(inputs: torch.Tensor = inputs, targets: torch.Tensor = targets) -> float:
                optimizer.zero_grad()
                loss = mse_loss(theirs(inputs), targets)
                loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                return loss.item()

            optimizer.step(closure)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.param_groups[0]["lr"] /= 2
    assert_equal(model, theirs)


def test_a_metric_of_the_loop_reaches_a_plateau() -> None:
    node = {"NAME": "ReduceLROnPlateau", "PATIENCE": 0, "THRESHOLD": 0.99, "FACTOR": 0.5, "MONITOR": "loss"}
    driver = loop("closing")(net(), {**CFG, "lr_scheduler": node}, batches(4, 8), EPOCHS, mse_loss)
    assert driver.scheduler.optimizer.param_groups[0]["lr"] == 0.05 * 0.5 ** (EPOCHS - 1)


def test_of_several_optimizers_under_one_scaler_each_has_its_own_ticks() -> None:
    models = {"generator": net(), "critic": net()}
    nodes = {
        "optimizers": {name: {**CFG["optimizer"], "ONLY": name} for name in models},
        "lr_schedulers": dict.fromkeys(models, CFG["lr_scheduler"]),
    }
    data = batches(4, 8)

    def spoilt(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        # the second batch of each epoch overflows
        return mse_loss(outputs, targets) * (float("inf") if targets is data[1][1] else 1.0)

    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    losses = {"generator": mse_loss, "critic": spoilt}
    drivers = loop("several")(models, nodes, data, EPOCHS, losses, scaler)
    assert {name: driver.steps for name, driver in drivers.items()} == {"generator": 12, "critic": 9}
    alone = net()
    loop("several")(
        {"generator": alone},
        {kind: {"generator": node["generator"]} for kind, node in nodes.items()},
        data,
        EPOCHS,
        losses,
        torch.amp.GradScaler("cpu"),
    )
    assert_equal(models["generator"], alone)


def test_the_example_fits_a_line_with_each_loop(tmp_path: Path) -> None:
    printed = start(tmp_path, script=LOOPS).stdout
    losses = dict(re.findall(r"^(\w+): loss (\S+)$", printed, re.MULTILINE))
    assert list(losses) == ["accumulating", "scaling", "closing", "first", "second"]
    assert all(float(loss) < 0.1 for loss in losses.values()), losses


@pytest.mark.parametrize("name", ["accumulating", "scaling", "closing", "several"])
def test_each_loop_is_short_enough_to_copy(name: str) -> None:
    (body,) = re.findall(rf"^def {name}\(.*?(?=^def )", LOOPS.read_text(), re.MULTILINE | re.DOTALL)
    assert len(body.splitlines()) <= 36
