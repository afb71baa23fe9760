"""Three optimizers in a situation: the package's, torch's loop and an exact one; how far their steps are apart."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

import scepter_opt
from tests.optimizers.situations import HALF, Situation, Weight, laid
from tests.support import keyword

ROWS = (
    "a parameter with gaps",
    "a gradient that lies otherwise",
    "state that lies otherwise",
    "SGD in half precision",
    "a first gradient that comes late",
    "a sparse gradient",
    "a checkpoint",
)
"""What was found to go wrong with torch's fused steps."""
Steps = list[list[torch.Tensor]]
"""The weights after each step."""


class Run:
    """One optimizer in a situation."""

    def __init__(self, situation: Situation, twice: bool = False) -> None:
        self.situation = situation
        self.twice = twice
        """Whether all is computed in twice the precision, by tensors without gaps."""
        self.tensors = [self._weight(number, weight) for number, weight in enumerate(situation.weights)]
        self.optimizer: Any = None
        self.done: Steps = []
        self.start = [tensor.detach().clone() for tensor in self.tensors]
        self.error: Exception | None = None
        self.rows: Counter[str] = Counter()

    def _weight(self, number: int, weight: Weight) -> torch.Tensor:
        made = self._laid(self._values(weight, number), weight.layout)
        if self.situation.keys.get("DIFFERENTIABLE"):
            made = made.requires_grad_().clone()
            made.retain_grad()
            return made
        return nn.Parameter(made)

    def _values(self, weight: Weight, *place: int) -> torch.Tensor:
        seed = hash((self.situation.seed, *place)) % (1 << 31)
        generator = torch.Generator().manual_seed(seed)
        wide = torch.complex128 if weight.dtype.is_complex else torch.float64
        return torch.randn(weight.shape, generator=generator, dtype=wide).to(weight.dtype)

    def _laid(self, values: torch.Tensor, layout: str) -> torch.Tensor:
        if not self.twice:
            return laid(values, layout)
        values = laid(values, layout) if layout == "expanded" else values
        return values.to(torch.complex128 if values.is_complex() else torch.float64).contiguous().clone()

    def build(self, make: Callable[[Run], Any], checkpoint: dict[str, Any] | None) -> None:
        """Build the optimizer, and load what is to be loaded; torch's own would be fused from there on."""
        self.optimizer = make(self)
        if checkpoint is not None:
            rate = settings(self.situation, tensor_rate=not self.twice)["lr"]
            changes = {"lr": rate, "foreach": False, "fused": False}
            groups = [
                # the frozen parameter, which is not here, comes last
                {**group, **changes, "params": members}
                for group in checkpoint["param_groups"]
                if (members := [index for index in group["params"] if index < len(self.tensors)])
            ]
            self.optimizer.load_state_dict(copy.deepcopy({**checkpoint, "param_groups": groups}))

    def groups(self) -> list[list[int]]:
        """The numbers of the parameters in each group; a frozen one has none."""
        number = {id(tensor): position for position, tensor in enumerate(self.tensors)}
        return [[number[id(t)] for t in group["params"] if id(t) in number] for group in self.optimizer.param_groups]

    def step(self, number: int) -> None:
        """Make a step, and what follows it."""
        for tensor in self.tensors:
            tensor.grad = None
        if self.situation.closure:
            assert self.optimizer.step(lambda: self._differentiate(number)) == number
        else:
            self._differentiate(number)
            self.optimizer.step()
        self.done.append([tensor.detach().clone() for tensor in self.tensors])
        if self.situation.copied and self.situation.copied[0] == number + 1:
            both = (self.tensors, self.optimizer)
            how = self.situation.copied[1]
            copied = copy.deepcopy(both) if how == "deepcopy" else pickle.loads(pickle.dumps(both))
            self.tensors, self.optimizer = copied
        if self.situation.moved and self.situation.moved[0] == number + 1:
            for tensor in self.tensors:
                if tensor.ndim > 1:
                    tensor.data = self._laid(tensor.data, self.situation.moved[1])

    def _differentiate(self, step: int) -> int:
        for number, (tensor, weight) in enumerate(zip(self.tensors, self.situation.weights, strict=True)):
            kind = weight.gradients[step]
            values = self._values(weight, number, step + 1)
            if self.situation.infinite and values.ndim:
                values[..., :1] = float("inf")
            gradient = self._laid(values, "plain" if kind == "backward" else kind)
            if kind == "sparse" and gradient.ndim and len(gradient):
                rows = torch.arange(0, len(gradient), 2)
                gradient = torch.sparse_coo_tensor(rows[None], gradient[rows], gradient.shape, check_invariants=True)
            if kind == "missing":
                tensor.grad = None
            elif kind == "backward" and tensor.is_leaf:
                self._accumulate(tensor, gradient)
            else:
                tensor.grad = gradient
        self._count()
        return step

    @staticmethod
    def _accumulate(tensor: torch.Tensor, gradient: torch.Tensor) -> None:
        """As autograd does: a gradient that has the strides of its parameter where that has no gaps."""
        torch.autograd.backward([tensor.view_as(tensor)], [gradient])

    def _count(self) -> None:
        """What is here of the rows, found by other means than the package's."""

    def run(self, make: Callable[[Run], Any], checkpoint: dict[str, Any] | None = None) -> None:
        """All steps, up to one that raises."""
        try:
            self.build(make, checkpoint)
            for number in range(self.situation.steps):
                self.step(number)
        except Exception as error:
            self.error = error


class Ours(Run):
    """The package's optimizer."""

    checkpoint: dict[str, Any] | None = None
    """What was loaded, for the others to load."""

    def build(self, make: Callable[[Run], Any], checkpoint: dict[str, Any] | None) -> None:
        self.optimizer = make(self)
        if self.situation.loaded:
            self.checkpoint = self._checkpoint(*self.situation.loaded)
            before = [(group["fused"], group["foreach"]) for group in self.optimizer.param_groups]
            self.optimizer.load_state_dict(copy.deepcopy(self.checkpoint))
            assert [(group["fused"], group["foreach"]) for group in self.optimizer.param_groups] == before
            self.rows["a checkpoint"] += 1

    def _checkpoint(self, implementation: str, layout: str, dtype: torch.dtype | None) -> dict[str, Any]:
        """The state of an optimizer of torch's after a step of its own."""
        groups = []
        for group in self.optimizer.param_groups:
            twins = []
            for tensor in group["params"]:
                other = tensor.dtype if dtype is None or not tensor.is_floating_point() else dtype
                twin = nn.Parameter(laid(tensor.detach().to(other), layout), requires_grad=tensor.requires_grad)
                if tensor.requires_grad:
                    seed = torch.Generator().manual_seed(self.situation.seed)
                    twin.grad = torch.empty_like(twin).copy_(torch.randn(twin.shape, generator=seed))
                twins.append(twin)
            groups.append({"params": twins})
        plain = all(t.is_floating_point() and t.dtype not in HALF for group in groups for t in group["params"])
        flags = {} if implementation == "loop" or (implementation == "fused" and not plain) else {implementation: True}
        cls = getattr(torch.optim, self.situation.name)
        earlier = cls(groups, **settings(self.situation, tensor_rate=implementation != "foreach"), **flags)
        earlier.step()
        return copy.deepcopy(earlier.state_dict())

    def _count(self) -> None:
        states = self.optimizer.state
        sgd = self.situation.name == "SGD"
        if sgd and any(tensor.dtype in HALF for tensor in self.tensors):
            self.rows["SGD in half precision"] += 1
        begun = [states.get(t, {}).get("momentum_buffer") is not None for t in self.tensors if t.grad is not None]
        if sgd and self.situation.keys.get("MOMENTUM") and any(begun) and not all(begun):
            self.rows["a first gradient that comes late"] += 1
        for tensor in self.tensors:
            if tensor.grad is None:
                continue
            if tensor.grad.is_sparse:
                self.rows["a sparse gradient"] += 1
            elif strides(tensor) != strides(torch.empty_like(tensor)):
                self.rows["a parameter with gaps"] += 1
            elif strides(tensor) != strides(tensor.grad):
                self.rows["a gradient that lies otherwise"] += 1
            else:
                state = [value for value in states.get(tensor, {}).values() if torch.is_tensor(value) and value.ndim]
                if any(strides(tensor) != strides(value) for value in state):
                    self.rows["state that lies otherwise"] += 1


def strides(tensor: torch.Tensor) -> list[int]:
    """The strides that count."""
    return [stride for stride, size in zip(tensor.stride(), tensor.shape, strict=True) if size > 1 and tensor.numel()]


def settings(situation: Situation, tensor_rate: bool = True) -> dict[str, Any]:
    """torch's keywords."""
    made = {keyword(key): value for key, value in situation.keys.items() if key != "TENSOR_LR"}
    if situation.keys.get("TENSOR_LR"):
        rate = torch.tensor(made["lr"], dtype=torch.float32)
        made["lr"] = rate if tensor_rate else rate.item()
    return made


def ours(run: Run) -> Any:
    """The package's optimizer, with its own choice of the implementation."""
    tensors = list(run.tensors)
    if run.situation.frozen:
        tensors.append(nn.Parameter(torch.arange(3, dtype=torch.uint8), requires_grad=False))
    node = {"NAME": run.situation.name, **run.situation.keys}
    return scepter_opt.build_optimizer(_owned(tensors, run.situation.owner), node)


def _owned(tensors: list[Any], owner: str) -> Any:
    module = nn.ParameterList(tensors) if owner in ("module", "generator", "names") else nn.Module()
    return {
        "module": module,
        "generator": module.parameters(),
        "names": module.named_parameters(),
        "dicts": [{"params": tensors[:1]}, {"params": tensors[1:]}] if tensors[1:] else [{"params": tensors}],
        "list": tensors,
    }[owner]


def loops(groups: list[list[int]]) -> Callable[[Run], Any]:
    """torch's loop over the same groups."""

    def make(run: Run) -> Any:
        cls = getattr(torch.optim, run.situation.name)
        split = [{"params": [run.tensors[number] for number in group]} for group in groups]
        flags = {flag: False for flag in ("foreach", "fused") if flag in inspect.signature(cls).parameters}
        return cls(split, **settings(run.situation, tensor_rate=not run.twice), **flags)

    return make


def wrong(run: Run, loop: Run, exact: Run) -> Iterator[str]:
    """What is not right in a run: further from the exact one than the loop is twice, and two units in the last place.

    Errors and units are those of the largest weight that a tensor has had: what passes 0 has lost its digits.
    """
    if (run.error is None) != (loop.error is None):
        yield f"raised {run.error!r} where the loop raised {loop.error!r}"
        return
    largest = [float(tensor.abs().max()) if tensor.numel() else 0.0 for tensor in exact.start]
    for step, (own, theirs, exactly) in enumerate(zip(run.done, loop.done, exact.done, strict=False)):
        for number, (mine, other, right) in enumerate(zip(own, theirs, exactly, strict=True)):
            one, two = mine.to(right.dtype), other.to(right.dtype)
            finite = two.isfinite()
            if not one[finite].isfinite().all():
                yield f"step {step}, parameter {number}: not finite where the loop is"
            elif finite.any():
                far, most = (one - right).abs()[finite].max(), (two - right).abs()[finite].max()
                largest[number] = max(largest[number], float(right.abs()[finite].max()))
                unit = torch.finfo(mine.dtype).eps
                if run.situation.keys.get("TENSOR_LR"):
                    unit = max(unit, torch.finfo(torch.float32).eps)  # which the rate is of
                if far > 2 * most + 2 * unit * largest[number]:
                    yield f"step {step}, parameter {number}: off by {float(far):.3g}, the loop by {float(most):.3g}"
            if (one.isfinite() & ~right.isfinite()).any():
                yield f"step {step}, parameter {number}: finite where the exact one is not"
