"""Optimizers with two modes, such as those without a schedule: one to train in, and one whose weights are evaluated."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import Problem, node_key

WRONG_MODE = (
    "is in training mode, and the model's weights are not those to evaluate: save inside "
    "`with driver.evaluating():`, or between optimizer.eval() and optimizer.train()."
)


def modal_parts(optimizer: Any) -> list[Any]:
    """The optimizer, or the parts of a Hybrid, where they have `train()` and `eval()`."""
    parts = getattr(optimizer, "parts", None) or {"": optimizer}
    return [part for part in parts.values() if hasattr(part, "train") and hasattr(part, "eval")]


def is_training(optimizer: Any) -> bool:
    """Whether an optimizer with modes is in the one to train in; groups tell, and one that does not say is."""
    return any(group.get("train_mode", True) for part in modal_parts(optimizer) for group in part.param_groups)


def switch(optimizer: Any, training: bool) -> None:
    """Put an optimizer with modes into one, which changes the model's weights; any other is left alone."""
    if modal_parts(optimizer) and is_training(optimizer) is not training:
        optimizer.train() if training else optimizer.eval()


@contextmanager
def evaluating(optimizer: Any) -> Iterator[None]:
    """Have the model's weights be those to evaluate and to save, and go back to training after it."""
    was_training = is_training(optimizer)
    switch(optimizer, training=False)
    try:
        yield
    finally:
        switch(optimizer, was_training)


def wrong_mode(optimizer: Any, key: str = "") -> Iterator[Problem]:
    """That an optimizer is saved in the mode to train in, once it has made steps: until then both are the same."""
    if optimizer.state and is_training(optimizer):
        yield Problem(key or node_key() or "optimizer", WRONG_MODE)


def follow(optimizer: Any, modules: Iterable[Any]) -> None:
    """Have an optimizer with modes follow its modules: whenever one of them is called, by whether they train.

    Args:
        optimizer: Any; one without modes follows nothing.
        modules: What it was built over. Each gets a forward pre-hook, which goes when the optimizer does.
    """
    if modal_parts(optimizer):
        switch(optimizer, training=True)  # as any optimizer it can step as soon as it is built
        for tensor in [tensor for tensor, state in optimizer.state.items() if not state]:
            del optimizer.state[tensor]  # left by looking for it, and taken for state by whoever saves
        hook = _Following(optimizer, modules)
        for module in hook.modules:
            weakref.finalize(optimizer, module.register_forward_pre_hook(hook).remove)


class _Following:
    """A forward pre-hook that puts an optimizer into the mode of its modules. It keeps neither of them in memory."""

    def __init__(self, optimizer: Any = None, modules: Iterable[Any] = ()) -> None:
        self._optimizer = optimizer and weakref.ref(optimizer)
        self.modules = weakref.WeakSet(modules)

    def __call__(self, module: Any, _: Any) -> None:
        # the copy of a model, such as an average of its weights, is called in a mode of its own
        if module in self.modules and (optimizer := self._optimizer()) is not None:
            switch(optimizer, any(each.training for each in self.modules))

    def __reduce__(self) -> Any:
        return _Following, ()  # a copy of the model has no optimizer
