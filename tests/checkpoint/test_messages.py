"""What a load refuses, and what is said, under snapshot: `python -m tests.checkpoint.test_messages` writes it anew."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError, checkpoint
from tests.support import messages_of, said

FILE = Path(__file__).parents[1] / "messages" / "checkpoint.txt"
ADAMW: dict[str, Any] = {"NAME": "AdamW"}
STEP: dict[str, Any] = {"NAME": "StepLR", "STEP_SIZE": 3}
HEAD = {"head": {"WHERE": {"NAMES": "head"}, "SET": {"LR_MULT": 10}}}
PHASES = {"up": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": "10%"}, "down": {"CURVE": "cosine", "TO": 0}}


def net(**layers: tuple[int, int]) -> nn.ModuleDict:
    torch.manual_seed(0)
    sizes = {"body": (2, 3), "head": (3, 1), **layers}
    return nn.ModuleDict({name: nn.Linear(*size) for name, size in sizes.items() if size != (0, 0)})


def run(model: Any = None, optimizer: Any = ADAMW, scheduler: Any = STEP, total: int = 100) -> dict[str, Any]:
    """A run that has made a step."""
    model = net() if model is None else model
    built = scepter_opt.build_optimizer(model, optimizer)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    built.step()
    return {
        "model": model,
        "optimizer": built,
        "scheduler": scepter_opt.build_lr_scheduler(built, scheduler, total, total // 10),
    }


def load(before: dict[str, Any], after: dict[str, Any], **keys: Any) -> Callable[[], Any]:
    return lambda: checkpoint.restore(checkpoint.state(**before, step=1), **after, **keys)


def save(**keys: Any) -> Callable[[], Any]:
    return lambda: checkpoint.save("never", **keys)


def damaged(deed: Callable[[Path], object]) -> Callable[[], Any]:
    """Load a folder of two entries, of which the later is damaged, by the name of that."""

    def attempt() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            kept = run()
            checkpoint.save(folder, **kept, step=1)
            entry = checkpoint.save(folder, **kept, step=2)
            deed(entry)
            try:
                return checkpoint.load(entry, **run())
            except ConfigError as error:
                raise ConfigError(
                    replace(p, message=p.message.replace(folder, "run"), value=str(p.value).replace(folder, "run"))
                    for p in error.problems
                ) from None

    return attempt


CASES: dict[str, Callable[[], Any]] = {
    "a rate has changed": load(run(), run(optimizer={**ADAMW, "LEARNING_RATE": 0.01})),
    "a rule was added": load(run(), run(optimizer={**ADAMW, "PARAM_GROUPS": HEAD})),
    "a rule was removed": load(run(optimizer={**ADAMW, "PARAM_GROUPS": HEAD}), run()),
    "several settings": load(run(), run(optimizer={**ADAMW, "WEIGHT_DECAY": 0, "BETAS": [0.8, 0.9]})),
    "milestones": load(
        run(scheduler={"NAME": "MultiStepLR", "MILESTONES": [30, 60]}),
        run(scheduler={"NAME": "MultiStepLR", "MILESTONES": [30, 80]}),
    ),
    "the length of the run": load(
        run(scheduler={"NAME": "CosineAnnealingLR"}), run(scheduler={"NAME": "CosineAnnealingLR"}, total=200)
    ),
    "phases": load(
        run(scheduler={"NAME": "PhasesLR", "PHASES": PHASES}),
        run(scheduler={"NAME": "PhasesLR", "PHASES": {**PHASES, "up": {**PHASES["up"], "LENGTH": 20}}}),
    ),
    "another scheduler": load(run(), run(scheduler={"NAME": "ExponentialLR", "GAMMA": 0.9})),
    "another optimizer": load(run(), run(optimizer={"NAME": "SGD"}), policy="config"),
    "a parameter added": load(run(), run(net(tail=(1, 1))), policy="config"),
    "a parameter removed": load(run(), run(net(head=(0, 0))), policy="config"),
    "a module renamed": load(run(), run(net(head=(0, 0), heads=(3, 1))), policy="config"),
    "a parameter reshaped": load(run(), run(net(head=(3, 2))), policy="config"),
    "a rename of nothing": load(run(), run(), rename={"heat": "tail"}),
    "a policy of nothing": load(run(), run(), policy={"LERNING_RATE": "config"}),
    "a side that there is not": load(run(), run(), policy="configuration"),
    "nothing known of missing": load(run(), run(), missing="ignore"),
    "a scheduler that was not saved": load({"model": net()}, run()),
    "no state at all": lambda: checkpoint.restore({}, model=net()),
    "no step": save(model=net()),
    "no model": save(model=3, step=1),
    "an optimizer without names": save(optimizer=torch.optim.SGD(net().parameters()), step=1),
    "an extra that is not kept": save(step=1, extra={"history": [1, nn.ReLU()]}),
    "none to keep": save(step=1, keep=0),
    "a file that is cut": damaged(lambda entry: (entry / "model.pt").write_bytes(b"")),
    "a file that is gone": damaged(lambda entry: (entry / "rest.pt").unlink()),
    "a manifest that is no JSON": damaged(lambda entry: (entry / "manifest.json").write_bytes(b"{")),
}


def warned() -> str:
    """What torch's own load says."""
    before, after = run(), run(optimizer={**ADAMW, "LEARNING_RATE": 0.01}, scheduler={**STEP, "GAMMA": 0.5})
    with said() as texts:
        after["optimizer"].load_state_dict(before["optimizer"].state_dict())
        after["scheduler"].load_state_dict(before["scheduler"].state_dict())
    return "".join(f"## said by torch's load_state_dict\n{text}\n" for text in texts)


def written() -> str:
    return f"{messages_of(CASES)}\n{warned()}"


def test_messages_are_as_written() -> None:
    assert written() == FILE.read_text(encoding="utf-8")


def test_every_case_is_an_error() -> None:
    assert "no error" not in written()


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
