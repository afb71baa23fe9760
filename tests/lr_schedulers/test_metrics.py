"""Whether a scheduler's step takes a metric, told by its signature."""

from __future__ import annotations

from torch.optim import lr_scheduler

from scepter_opt.lr_schedulers.metrics import metric_of
from scepter_opt.runtime.plateau_lr import PlateauLR


def test_the_signature_tells_whether_a_step_takes_a_metric() -> None:
    assert metric_of(lr_scheduler.StepLR.step) == "none"
    assert metric_of(lr_scheduler.ReduceLROnPlateau.step) == "required"
    assert metric_of(PlateauLR.step) == "optional"
