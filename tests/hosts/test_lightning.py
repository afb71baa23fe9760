"""Under Lightning's automatic optimization gradients come from a closure, after the step has begun."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt

lightning: Any = pytest.importorskip("lightning")
pytestmark = [
    pytest.mark.hosts,
    pytest.mark.filterwarnings("ignore"),  # Lightning's own, of loaders, loggers and processes
]
NODES: dict[str, dict[str, Any]] = {
    "SGD": {"NAME": "SGD", "LEARNING_RATE": 0.1, "MOMENTUM": 0.9},
    "Adam": {"NAME": "Adam", "LEARNING_RATE": 0.1},
    "AdamW": {"NAME": "AdamW", "LEARNING_RATE": 0.1},
    "Adagrad": {"NAME": "Adagrad", "LEARNING_RATE": 0.1},
}


class Net(lightning.LightningModule):  # type: ignore[misc]  # without types here
    """A net whose hook sets a gradient by hand that lies otherwise than its parameter."""

    def __init__(self, node: dict[str, Any]) -> None:
        super().__init__()
        self.node = node
        torch.manual_seed(0)
        self.body, self.head = nn.Linear(4, 6), nn.Linear(6, 2)
        self.seen: list[Any] = []

    def training_step(self, batch: Any, number: int) -> torch.Tensor:
        del number
        loss: torch.Tensor = self.head(self.body(batch[0]).tanh()).square().mean()
        return loss

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        gradient = self.body.weight.grad
        assert gradient is not None
        self.body.weight.grad = gradient.t().contiguous().t()
        self.seen.append([group["fused"] for group in optimizer.param_groups])

    def configure_optimizers(self) -> Any:
        return scepter_opt.build_optimizer(self, self.node)


def fitted(node: dict[str, Any], folder: Path, **keywords: Any) -> Net:
    """A net after four steps."""
    data = torch.utils.data.TensorDataset(torch.randn(16, 4, generator=torch.Generator().manual_seed(0)))
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = lightning.Trainer(
        max_epochs=1, accelerator="cpu", enable_model_summary=False, default_root_dir=folder, **quiet, **keywords
    )
    net = Net(node)
    trainer.fit(net, torch.utils.data.DataLoader(data, batch_size=4))
    return net


@pytest.mark.parametrize("keywords", [{}, {"gradient_clip_val": 0.1}], ids=["plain", "clipped"])
@pytest.mark.parametrize("name", NODES)
def test_a_gradient_set_by_hand_in_a_hook_is_stepped_as_by_the_loop(
    name: str, keywords: dict[str, Any], tmp_path: Path
) -> None:
    own = fitted(NODES[name], tmp_path, **keywords)
    loop = fitted({**NODES[name], "IMPLEMENTATION": "for_loop"}, tmp_path, **keywords)
    assert own.seen == [[True]] * 4
    for one, other in zip(own.parameters(), loop.parameters(), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", NODES)
def test_without_the_guard_it_is_wrong(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = fitted({**NODES[name], "IMPLEMENTATION": "for_loop"}, tmp_path)
    from scepter_opt.runtime import guard

    monkeypatch.setattr(guard, "takes", lambda *_: True)
    own = fitted(NODES[name], tmp_path)
    assert not torch.allclose(own.body.weight, loop.body.weight, rtol=1e-3)
