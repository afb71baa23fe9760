"""Under Lightning a config's optimizer and schedule do what they do in a loop written by hand."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

import scepter_opt
from scepter_opt import ConfigError
from tests.hosts.lightning_app import (
    ADAMW,
    BATCHES,
    EPOCHS,
    HYBRID,
    QUIET,
    SCHEDULES,
    App,
    fit,
    lightning,
    loader,
    plain,
)

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.filterwarnings("ignore"),  # Lightning's own, of loaders, loggers and processes
]
FORMS = pytest.mark.parametrize("called", [False, True], ids=["callback", "call"])
STEPS = BATCHES * EPOCHS


def same(one: App, other: App) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(first, second) for first, second in pairs)


@FORMS
@pytest.mark.parametrize("optimizer", [ADAMW, HYBRID], ids=["AdamW", "Hybrid"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_run_ends_with_the_parameters_of_the_plain_loop(
    schedule: str, optimizer: dict[str, Any], called: bool, tmp_path: Path
) -> None:
    module, _ = fit(optimizer, SCHEDULES[schedule], tmp_path, called=called)
    expected = plain(optimizer, SCHEDULES[schedule])
    assert module.seen == expected.seen
    assert same(module, expected)


def test_clipped_by_norm_it_is_as_near_as_rounding(tmp_path: Path) -> None:
    module, _ = fit(ADAMW, SCHEDULES["PhasesLR by step"], tmp_path, gradient_clip_val=0.1)
    expected = plain(
        ADAMW, SCHEDULES["PhasesLR by step"], lambda m: torch.nn.utils.clip_grad_norm_(m.parameters(), 0.1)
    )
    for one, other in zip(module.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


@FORMS
@pytest.mark.parametrize("schedule", ["PhasesLR by step", "PhasesLR by epoch", "StepLR by epoch", "FREQUENCY 6"])
def test_the_rates_of_each_step_are_the_previews(schedule: str, called: bool, tmp_path: Path) -> None:
    module, trainer = fit(ADAMW, SCHEDULES[schedule], tmp_path, called=called)
    preview = scepter_opt.preview(
        SCHEDULES[schedule], scepter_opt.Horizon(STEPS, BATCHES), scepter_opt.plan(ADAMW, App())
    )
    per_tick = {"PhasesLR by step": 1, "FREQUENCY 6": 6}.get(schedule, BATCHES)
    names = [group["name"] for group in trainer.optimizers[0].param_groups]
    expected = [[preview[name][step // per_tick] for name in names] for step in range(STEPS)]
    assert [rates == pytest.approx(row, rel=1e-12) for rates, row in zip(module.seen, expected, strict=True)] == [
        True
    ] * STEPS


@pytest.mark.parametrize("schedule", ["PlateauLR", "warm-up by steps, then a plateau"])
def test_a_plateaus_rates_are_the_previews_as_long_as_the_metric_improves(schedule: str, tmp_path: Path) -> None:
    node = {**SCHEDULES[schedule], "PATIENCE": EPOCHS, "THRESHOLD": 0.0}
    module, _ = fit(ADAMW, node, tmp_path)
    preview = scepter_opt.preview(node, scepter_opt.Horizon(STEPS, BATCHES), 0.01)["default"]
    per_tick = STEPS // len(preview)
    assert [rates[0] for rates in module.seen] == pytest.approx([preview[step // per_tick] for step in range(STEPS)])


def test_gradients_that_are_accumulated_make_fewer_steps(tmp_path: Path) -> None:
    module, trainer = fit(ADAMW, SCHEDULES["PhasesLR by step"], tmp_path, accumulate_grad_batches=3)
    (scheduler,) = (config.scheduler for config in trainer.lr_scheduler_configs)
    assert (scheduler.total_steps, scheduler.last_epoch) == (3 * EPOCHS, 3 * EPOCHS)
    assert len({tuple(rates) for rates in module.seen}) == 3 * EPOCHS


@pytest.mark.parametrize(
    ("keywords", "total"),
    [({"max_epochs": -1, "max_steps": 11}, 11), ({"max_steps": 9}, 9), ({"limit_train_batches": 2}, 2 * EPOCHS)],
)
def test_the_total_is_the_trainers(keywords: dict[str, Any], total: int, tmp_path: Path) -> None:
    module, trainer = fit(ADAMW, SCHEDULES["PhasesLR by step"], tmp_path, **keywords)
    assert trainer.lr_scheduler_configs[0].scheduler.total_steps == total
    assert len(module.seen) == total


def test_without_an_end_a_schedule_that_needs_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"lr_scheduler.TOTAL_STEPS: is needed: PHASES.decay takes the rest"):
        fit(ADAMW, SCHEDULES["PhasesLR by step"], tmp_path, max_epochs=-1)


def test_a_total_that_is_not_the_trainers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"lr_scheduler.TOTAL_STEPS = 7: the call's total_steps makes 32"):
        fit(ADAMW, {**SCHEDULES["PhasesLR by step"], "TOTAL_STEPS": 7}, tmp_path)


def test_a_metric_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    node = {**SCHEDULES["PlateauLR"], "MONITOR": "val/los"}
    with pytest.raises(ConfigError, match=r"MONITOR = 'val/los': there is no such metric. Did you mean val/loss\?"):
        fit(ADAMW, node, tmp_path)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ({}, "optimizer: neither is given: give optimizer with lr_scheduler, or"),
        ({"optimizer": ADAMW, "optimizers": {"a": ADAMW}}, "optimizer: both are given"),
        ({"optimizer": ADAMW, "lr_schedulers": {"a": {}}}, "lr_schedulers: stands beside optimizer, lr_scheduler"),
        ({"optimizer": {"NAME": "AdamW", "LERNING_RATE": 1}}, "optimizer.LERNING_RATE = 1: AdamW has no such key"),
        ({"optimizers": {"a": {"NAME": "Adamw"}}}, "optimizers.a.NAME = 'Adamw'"),
    ],
)
def test_what_is_wrong_is_said_before_the_run(nodes: dict[str, Any], message: str) -> None:
    from scepter_opt.integrations.lightning import Configure

    with pytest.raises(ConfigError) as caught:
        Configure(**nodes).setup(None, App(), "fit")
    assert message in str(caught.value)


def test_the_module_has_its_own_again_after_the_run(tmp_path: Path) -> None:
    module, trainer = fit(ADAMW, None, tmp_path)
    assert "configure_optimizers" not in vars(module)
    assert [type(each).__name__ for each in trainer.callbacks] == ["Configure"]


def test_a_second_fit_begins_anew(tmp_path: Path) -> None:
    from scepter_opt.integrations.lightning import Configure

    callback, rates = Configure(ADAMW, SCHEDULES["StepLR by epoch"]), []
    for _ in range(2):
        trainer = lightning.Trainer(
            default_root_dir=tmp_path, callbacks=[callback], max_epochs=2, enable_checkpointing=False, **QUIET
        )
        module = App()
        trainer.fit(module, loader(), loader(2))
        rates.append(module.seen)
    assert rates[0] == rates[1]


def test_lightnings_monitor_of_rates_writes_them_down(tmp_path: Path) -> None:
    logger = lightning.pytorch.loggers.CSVLogger(tmp_path)
    monitor = lightning.pytorch.callbacks.LearningRateMonitor()
    keywords: dict[str, Any] = {"logger": logger, "log_every_n_steps": 1, "callbacks": (monitor,)}
    module, _ = fit(ADAMW, SCHEDULES["PhasesLR by step"], tmp_path, **keywords)
    header, *rows = (Path(logger.log_dir) / "metrics.csv").read_text().splitlines()
    column = next(i for i, name in enumerate(header.split(",")) if name.startswith("lr-AdamW"))
    written = [float(row.split(",")[column]) for row in rows if row.split(",")[column]]
    assert written == pytest.approx([rates[0] for rates in module.seen])


def test_warnings_about_the_order_of_steps_do_not_come(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(ADAMW, SCHEDULES["StepLR by epoch"], tmp_path)
    assert not [each for each in caught if "lr_scheduler.step()" in str(each.message)]


def test_the_call_of_the_document_runs(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "lightning.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(text.partition("```python title=hosts/module.py\n")[2].partition("```")[0], names)
    cfg = OmegaConf.create({"optimizer": ADAMW, "lr_scheduler": SCHEDULES["PhasesLR by step"]})
    keywords = {"max_epochs": EPOCHS, "enable_checkpointing": False, **QUIET}
    trainer = lightning.Trainer(default_root_dir=tmp_path, **keywords)
    trainer.fit(names["Module"](cfg), loader())
    (config,) = trainer.lr_scheduler_configs
    assert (config.scheduler.last_epoch, config.scheduler.total_steps) == (STEPS, STEPS)
