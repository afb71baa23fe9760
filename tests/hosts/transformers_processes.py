"""A training of several processes under transformers' Trainer, started by torchrun: the first writes what came of it.

The arguments are the nodes of optimizer and scheduler as JSON, the batches of each process in an epoch, the epochs, and
the file.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import torch

from scepter_opt.integrations.transformers import attach


class Model(torch.nn.Module):
    """A layer that tells its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)

    def forward(self, rows: torch.Tensor, return_loss: bool = True) -> dict[str, torch.Tensor]:
        """The loss and the outputs; `return_loss` tells the Trainer that there is one without labels."""
        del return_loss
        outputs = self.layer(rows)
        return {"loss": outputs.square().mean(), "logits": outputs}


def main(nodes: str, batches: int, epochs: int, file: Path) -> None:
    """Train, and write what the model was wrapped in, the number of processes, and the rates that were logged."""
    transformers: Any = importlib.import_module("transformers")
    torch.manual_seed(0)
    arguments = transformers.TrainingArguments(
        file.parent, num_train_epochs=epochs, per_device_train_batch_size=4, per_device_eval_batch_size=4, use_cpu=True,
        report_to="none", disable_tqdm=True, logging_steps=1, eval_strategy="epoch", save_strategy="no",
    )  # fmt: skip
    rows = [{"rows": row} for row in torch.randn(4 * batches * arguments.world_size, 4)]
    trainer = transformers.Trainer(Model(), arguments, train_dataset=rows, eval_dataset=rows)
    attach(trainer, *json.loads(nodes))
    trainer.train()
    if trainer.is_world_process_zero():
        logged = [entry["learning_rate"] for entry in trainer.state.log_history if "learning_rate" in entry]
        file.write_text(json.dumps([type(trainer.model_wrapped).__name__, arguments.world_size, logged]))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
