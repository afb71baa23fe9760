"""Several optimizers, optimization by hand, mixed precision, nodes that Hydra made, and Lightning's fine-tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hydra
import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError
from tests.hosts.lightning_app import ADAMW, BATCHES, EPOCHS, QUIET, SCHEDULES, App, fit, lightning, loader, plain

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.filterwarnings("ignore"),  # Lightning's own, of loaders, loggers and processes
]
STEPS = BATCHES * EPOCHS
SEVERAL: dict[str, Any] = {
    "optimizers": {
        "body": {"NAME": "SGD", "LEARNING_RATE": 0.1, "ONLY": ["net.0", "net.2"]},
        "head": {"NAME": "AdamW", "LEARNING_RATE": 0.01, "ONLY": "net.3"},
    },
    "lr_schedulers": {
        "body": SCHEDULES["PhasesLR by step"],
        "head": {"NAME": "StepLR", "STEP_SIZE": 1, "GAMMA": 0.5, "INTERVAL": "epoch"},
    },
}


class ByHand(App):
    """Steps its two optimizers itself, the second at every other batch, and its schedulers as Lightning's docs say."""

    def __init__(self, every: int = 1) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.every = every

    def training_step(self, batch: Any, number: int) -> Any:
        body, head = self.optimizers()
        loss = self.loss(batch[0])
        self.manual_backward(loss)
        body.step()
        if number % self.every == 0:
            head.step()
        for each in (body, head):
            each.zero_grad()
        for scheduler in self.lr_schedulers():
            scheduler.step()

    def on_train_batch_start(self, *_: Any) -> None:
        self.seen.append([optimizer.param_groups[0]["lr"] for optimizer in self.trainer.optimizers])


def by_hand(folder: Path, nodes: dict[str, Any], every: int = 1, **keywords: Any) -> ByHand:
    from scepter_opt.integrations.lightning import Configure

    module = ByHand(every)
    keywords = {"max_epochs": EPOCHS, "enable_checkpointing": False, **QUIET, **keywords}
    trainer = lightning.Trainer(default_root_dir=folder, callbacks=[Configure(**nodes)], **keywords)
    trainer.fit(module, loader(), loader(2))
    return module


def test_several_optimizers_follow_their_own_schedules(tmp_path: Path) -> None:
    module = by_hand(tmp_path, SEVERAL)
    horizon = scepter_opt.Horizon(STEPS, BATCHES)
    nodes = SEVERAL["lr_schedulers"]
    body = scepter_opt.preview(nodes["body"], horizon, 0.1)["default"]
    head = scepter_opt.preview(nodes["head"], horizon, 0.01)["default"]
    expected = [[body[step], head[step // BATCHES]] for step in range(STEPS)]
    assert [rates == pytest.approx(row) for rates, row in zip(module.seen, expected, strict=True)] == [True] * STEPS


def test_the_most_steps_of_a_run_are_those_of_all_optimizers(tmp_path: Path) -> None:
    module = by_hand(tmp_path, SEVERAL, max_steps=20)
    body = scepter_opt.preview(SEVERAL["lr_schedulers"]["body"], 10, 0.1)["default"]
    assert [rates[0] for rates in module.seen] == pytest.approx(list(body))


def test_one_that_steps_less_often_says_how_often(tmp_path: Path) -> None:
    by_steps = SCHEDULES["PhasesLR by step"]
    schedules = {"body": {**by_steps, "TOTAL_STEPS": STEPS}, "head": {**by_steps, "TOTAL_STEPS": STEPS // 2}}
    module = by_hand(tmp_path, {**SEVERAL, "lr_schedulers": schedules}, every=2)
    head = scepter_opt.preview(schedules["head"], STEPS // 2, 0.01)["default"]
    assert [rates[1] for rates in module.seen[::2]] == pytest.approx(list(head))


def test_schedules_may_be_left_out(tmp_path: Path) -> None:
    class Unscheduled(ByHand):
        def lr_schedulers(self) -> Any:
            return super().lr_schedulers() or []

    from scepter_opt.integrations.lightning import Configure

    module = Unscheduled()
    callbacks = [Configure(optimizers=SEVERAL["optimizers"])]
    keywords = {"max_epochs": 1, "enable_checkpointing": False, **QUIET}
    lightning.Trainer(default_root_dir=tmp_path, callbacks=callbacks, **keywords).fit(module, loader(), loader(2))
    assert module.seen == [[0.1, 0.01]] * BATCHES


def test_what_no_optimizer_takes_is_refused(tmp_path: Path) -> None:
    nodes = {"optimizers": {"head": SEVERAL["optimizers"]["head"]}}
    with pytest.raises(ConfigError, match=r"optimizers: none trains net.0.weight and 3 more"):
        by_hand(tmp_path, nodes)


def test_a_step_that_the_scaler_skipped_is_no_tick(tmp_path: Path) -> None:
    class Overflowing(App):
        def training_step(self, batch: Any, number: int) -> torch.Tensor:
            loss = super().training_step(batch, number)
            return loss * float("inf") if number == 2 else loss

    from scepter_opt.integrations.lightning import Configure

    module, node = Overflowing(), {"NAME": "StepLR", "STEP_SIZE": 1, "GAMMA": 0.5}
    scaler = torch.amp.GradScaler("cpu", init_scale=1.0)
    plugin = lightning.pytorch.plugins.MixedPrecision("16-mixed", "cpu", scaler)
    keywords = {"max_epochs": 1, "enable_checkpointing": False, "plugins": [plugin], **QUIET}
    trainer = lightning.Trainer(default_root_dir=tmp_path, callbacks=[Configure(ADAMW, node)], **keywords)
    trainer.fit(module, loader(), loader(2))
    assert [rates[0] for rates in module.seen] == [0.01 * 0.5**tick for tick in (0, 1, 2, 2, 3, 4, 5, 6)]


@pytest.mark.parametrize("recursive", [True, False])
def test_nodes_of_torchs_come_as_hydra_makes_them(recursive: bool, tmp_path: Path) -> None:
    torchs: dict[str, Any] = {
        "_target_": "scepter_opt.integrations.lightning.Configure",
        "_recursive_": recursive,
        "optimizer": {"_target_": "torch.optim.AdamW", "_partial_": True, "lr": 0.01, "foreach": False,
                      "PARAM_GROUPS": ADAMW["PARAM_GROUPS"]},
        "lr_scheduler": {"_target_": "torch.optim.lr_scheduler.StepLR", "_partial_": True, "step_size": 1, "gamma": 0.5,
                         "FREQUENCY": 6},
    }  # fmt: skip
    keywords = {"max_epochs": EPOCHS, "enable_checkpointing": False, **QUIET}
    module = App()
    callbacks = [hydra.utils.instantiate(torchs)]
    lightning.Trainer(default_root_dir=tmp_path, callbacks=callbacks, **keywords).fit(module, loader(), loader(2))
    expected = plain({**ADAMW, "IMPLEMENTATION": "for_loop"}, SCHEDULES["FREQUENCY 6"])
    assert module.seen == expected.seen
    assert all(torch.equal(one, other) for one, other in zip(module.parameters(), expected.parameters(), strict=True))


def test_calls_of_ours_come_as_hydra_makes_them(tmp_path: Path) -> None:
    call = {"_target_": "scepter_opt.build_optimizer", "_partial_": True}
    for node in ({**call, **ADAMW}, {**call, "cfg": ADAMW}):
        _, trainer = fit(hydra.utils.instantiate(node), None, tmp_path, max_epochs=1)
        assert [group["name"] for group in trainer.optimizers[0].param_groups] == ["default", "no_decay"]


def test_a_fine_tuning_callback_adds_what_the_optimizer_does_not_hold(tmp_path: Path) -> None:
    class FineTuned(App):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = nn.Linear(4, 4)

        def loss(self, batch: torch.Tensor) -> torch.Tensor:
            return super().loss(self.backbone(batch))

    from scepter_opt.integrations.lightning import Configure

    finetuning = lightning.pytorch.callbacks.BackboneFinetuning(2, backbone_initial_lr=0.005, verbose=False)
    callbacks = [Configure({**ADAMW, "ONLY": "net"}, SCHEDULES["StepLR by epoch"]), finetuning]
    keywords = {"max_epochs": EPOCHS, "enable_checkpointing": False, **QUIET}
    trainer = lightning.Trainer(default_root_dir=tmp_path, callbacks=callbacks, **keywords)
    module = FineTuned()
    before = module.backbone.weight.clone()
    trainer.fit(module, loader(), loader(2))
    groups = trainer.optimizers[0].param_groups
    assert groups[-1]["param_names"] == ["backbone.weight", "backbone.bias"]
    assert not torch.equal(module.backbone.weight, before)
    assert [rates[0] for rates in module.seen[::BATCHES]] == [0.01, 0.005, 0.0025, 0.00125]
