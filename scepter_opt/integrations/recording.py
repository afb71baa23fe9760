"""What happened in a step, as a flat mapping for any logger: settings by group, and norms where they are asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias, final
from weakref import WeakMethod

from ..errors import ConfigError, Problem
from ..parameters.state import part_of
from .counting import skipped

if TYPE_CHECKING:
    from torch import Tensor

Write: TypeAlias = Callable[[dict[str, float], int], Any]
"""Takes the values by name, `lr/backbone` and the like, and the step that was made with them."""

_ADD_SCALAR = (
    " Each value is one scalar: def record(values, step): [writer.add_scalar(n, v, step) for n, v in values.items()]."
)


@final
class Recorder:
    """Writes down every so many steps what they were made with, and on request what they did.

    Norms are measured in the step itself, where gradients are there and not yet zeroed: by hooks that are registered
    for the step that will be recorded, and for no other. That step takes a copy of the parameters, whose memory is kept
    on a CPU. A copy of what has a recorder has none: two would write into one log.

    Args:
        optimizer: Whose groups are recorded.
        write: Is called with a flat mapping and the step.
        every: Steps from one record to the next.
        norms: Whether norms of gradients and updates are among the values.

    Raises:
        ConfigError: One of them is not what it has to be.
    """

    def __init__(self, optimizer: Any, write: Write, every: int, norms: bool) -> None:
        problems = list(_wrong(optimizer, write, every, norms))
        if problems:
            raise ConfigError(problems)
        self._optimizer, self._write, self._every, self._norms = optimizer, write, every, norms
        self._hooks: list[Any] = []
        self._members: list[list[Tensor]] = []
        self._weights: list[list[Tensor]] = []
        self._copies: dict[int, Tensor] = {}
        self._measured: dict[str, list[Any]] = {}
        self.expect(0)

    def __reduce__(self) -> Any:
        return type(None), ()

    def expect(self, steps: int) -> None:
        """Say how many steps were made: the next one may be one to measure."""
        is_next = self._norms and (steps + 1) % self._every == 0
        if is_next and not self._hooks:
            # weakly, or an optimizer would keep every recorder that it ever had
            before, after = WeakMethod(self._before_step), WeakMethod(self._after_step)
            self._hooks = [
                self._optimizer.register_step_pre_hook(lambda *given: hook(*given) if (hook := before()) else None),
                self._optimizer.register_step_post_hook(lambda *given: hook(*given) if (hook := after()) else None),
            ]
        elif not is_next:
            for hook in self._hooks:
                hook.remove()
            self._hooks.clear()

    def made(self, steps: int) -> None:
        """Say that a step was made, the how many-th it is, while groups still have what it was made with."""
        if steps % self._every == 0:
            names = group_names(self._optimizer.param_groups)
            values = {**settings(self._optimizer), **{
                f"{key}/{name}": value
                for key, of_groups in self._measured.items()
                for name, value in zip(names, of_groups, strict=True)
            }}  # fmt: skip
            self._measured = {}
            self._write(numbers(values), steps)
        self.expect(steps)

    def _before_step(self, optimizer: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        self._measured = {}
        # what a step can change: a frozen parameter with a gradient moves too
        groups = optimizer.param_groups
        self._members = [[p for p in group["params"] if p.requires_grad or p.grad is not None] for group in groups]
        self._weights = [list(map(self._copy_of, members)) for members in self._members]
        closure = keywords.get("closure") if len(arguments) < 2 else arguments[1]
        if closure is None:
            self._measure_gradients()
            return None

        def closure_and_measure() -> Any:
            loss = closure()
            if not self._measured:  # of several calls, as LBFGS makes them, the first is at the weights before the step
                self._measure_gradients()
            return loss

        others = {key: value for key, value in keywords.items() if key != "closure"}
        return (arguments[0], closure_and_measure, *arguments[2:]), others

    def _copy_of(self, parameter: Any) -> Any:
        import torch

        copy = self._copies.get(id(parameter))
        if copy is None or (copy.shape, copy.dtype) != (parameter.shape, parameter.dtype):
            copy = torch.empty_like(parameter.detach())
            if parameter.is_cpu:  # where the pages of fresh memory take five times as long as the copy
                self._copies[id(parameter)] = copy
        return copy.copy_(parameter.detach())

    def _measure_gradients(self) -> None:
        # an optimizer that was made with fused=True unscales in its kernel
        scale = getattr(self._optimizer, "grad_scale", None)
        norms = [norm([p.grad for p in members if p.grad is not None]) for members in self._members]
        self._measured["grad_norm"] = norms if scale is None else [each / scale for each in norms]

    def _after_step(self, optimizer: Any, *_: Any) -> None:
        import torch

        members, weights, self._members, self._weights = self._members, self._weights, [], []
        if skipped(optimizer):
            self._measured = {}
            return  # such an optimizer skips the step itself, and the next one will be the one to record
        before = [norm(old) for old in weights]
        updates = []
        with torch.no_grad():
            for old, new in zip(weights, members, strict=True):
                if old:
                    torch._foreach_sub_(old, new)
                updates.append(norm(old))
        self._measured["update_norm"] = updates
        self._measured["update_to_weight"] = [_ratio(one, other) for one, other in zip(updates, before, strict=True)]


def settings(optimizer: Any) -> dict[str, Any]:
    """All numbers that groups are stepped with: `lr/backbone`, `weight_decay/backbone`, `beta1/backbone`.

    A number may be a tensor. Of what is in a group only the optimizer's own settings count: schedulers keep there what
    the rates began with.
    """
    found: dict[str, Any] = {}
    groups = optimizer.param_groups
    for group, name in zip(groups, group_names(groups), strict=True):
        for key in part_of(optimizer, group).defaults:
            found.update((f"{each}/{name}", value) for each, value in _numbers_of(key, group.get(key)))
    return found


def _numbers_of(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, (tuple, list)):
        for number, each in enumerate(value, 1):
            yield from _numbers_of(f"{'beta' if key == 'betas' else key}{number}", each)
    elif (isinstance(value, Real) and not isinstance(value, bool)) or getattr(value, "ndim", None) == 0:
        yield key, value


def group_names(groups: Iterable[Mapping[str, Any]]) -> list[str]:
    """A name for each group that every logger takes; its number where it has none.

    >>> group_names([{"name": "no_decay+head"}, {"name": "layers[0]"}, {}, {"name": "layers.0"}])
    ['no_decay.head', 'layers.0', '2', 'layers.0.3']
    """
    names: list[str] = []
    for number, group in enumerate(groups):
        # MLflow takes letters, digits and a few signs, and a slash would be one more level
        name = re.sub(r"[^\w\- ]+", ".", str(group.get("name", number)), flags=re.ASCII).strip(". ") or str(number)
        names.append(name if name not in names else f"{name}.{number}")
    return names


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """All values as numbers: those on a device come over together, one wait for all of them."""
    import torch

    told: dict[str, float] = {}
    waiting: dict[Any, list[str]] = {}
    for name, value in values.items():
        if isinstance(value, torch.Tensor) and not value.is_cpu:
            waiting.setdefault(value.device, []).append(name)
            told[name] = 0.0  # keeps its place
        else:
            told[name] = float(value)
    for device, names in waiting.items():
        dtype = torch.float32 if device.type == "mps" else torch.float64
        together = torch.stack([values[name].detach().to(dtype) for name in names])
        told.update(zip(names, together.tolist(), strict=True))
    return told


def norm(tensors: Iterable[Any]) -> Any:
    """The 2-norm of all numbers in tensors, 0 where there are none; in float32 at least, as of halves it overflows.

    Of distributed tensors it is that of the whole, and every process has to ask.
    """
    import torch

    alike: dict[Any, list[Any]] = {}
    for tensor in tensors:
        values = tensor.coalesce().values() if tensor.is_sparse else tensor
        if values.numel():
            alike.setdefault((type(values), values.device, values.dtype), []).append(values.detach())
    parts = []
    for (_, _, dtype), members in alike.items():
        wide = torch.float32 if dtype in (torch.float16, torch.bfloat16) else None
        total = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(members, 2, dtype=wide)))
        parts.append(total.full_tensor() if hasattr(total, "full_tensor") else total)
    if not parts:
        return 0.0
    return parts[0] if len(parts) == 1 else torch.linalg.vector_norm(torch.stack([p.to(parts[0]) for p in parts]))


def _ratio(update: Any, weight: Any) -> Any:
    """An update over the weights that it changed; not a number where those are all 0."""
    import torch

    if isinstance(weight, torch.Tensor):
        return update / weight
    return 0.0  # no weights, no update


def recorder_of(scheduler: Any, write: Any, every: Any, norms: Any) -> Recorder | None:
    """The recorder of a scheduler's optimizer, if one is asked for.

    Raises:
        ConfigError: The scheduler has no optimizer, or what is asked for cannot be.
    """
    if write is None:
        if norms:
            raise ConfigError([Problem("norms", "are given to `record`, and there is none.", norms)])
        return None
    return Recorder(getattr(scheduler, "optimizer", None), write, every, norms)


def _wrong(optimizer: Any, write: Any, every: Any, norms: Any) -> Iterator[Problem]:
    if not callable(write):
        hint = _ADD_SCALAR if hasattr(write, "add_scalar") else ""
        message = "must be a function of values by name and the step, as wandb.log and mlflow.log_metrics are; not a"
        yield Problem("record", f"{message} {type(write).__name__}.{hint}")
    if type(every) is not int or every < 1:
        yield Problem("record_every", "must be a whole number of at least 1: steps from one record to the next.", every)
    if not isinstance(norms, bool):
        yield Problem("norms", "must be true or false.", norms)
    if not hasattr(optimizer, "param_groups"):
        yield Problem("record", "needs the scheduler's optimizer, and this one has none.")
    elif norms is True and not hasattr(optimizer, "register_step_pre_hook"):
        yield Problem("norms", f"are measured in the step, by hooks, which a {type(optimizer).__name__} does not have.")
