"""Random situations in which an optimizer steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st

HALF = (torch.bfloat16, torch.float16)
SHAPES = ((), (0,), (1,), (33,), (70,), (4, 6), (1, 40), (2, 3, 2, 2), (3, 1, 2, 5), (5, 4, 1, 1))
LAYOUTS = ("plain", "offset", "transposed", "channels_last", "gaps", "cut")
GRADIENTS = ("backward", "plain", "transposed", "channels_last", "gaps", "expanded", "sparse", "missing")


def laid(values: torch.Tensor, layout: str) -> torch.Tensor:
    """A tensor of the same values that lies so, where its dimensions allow it."""
    values = values.clone()
    if layout == "channels_last" and values.ndim == 4:
        return values.contiguous(memory_format=torch.channels_last)
    if layout == "transposed" and values.ndim > 1:
        return values.transpose(0, -1).contiguous().transpose(0, -1)
    if layout == "expanded" and values.ndim and len(values):
        return values[:1].expand(values.shape)  # of other values, which all that step see
    if layout == "offset":
        return values.new_zeros(values.numel() + 3)[3:].view(values.shape).copy_(values)
    if layout in ("gaps", "cut") and values.ndim:
        wide = values.new_zeros(*values.shape[:-1], 2 * values.shape[-1])
        return (wide[..., ::2] if layout == "gaps" else wide[..., : values.shape[-1]]).copy_(values)
    return values.contiguous()


@dataclass(frozen=True)
class Weight:
    """A parameter and its gradients."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    layout: str
    gradients: tuple[str, ...]
    """How each step's gradient lies, or is missing."""


@dataclass(frozen=True)
class Situation:
    """All that is drawn."""

    name: str
    keys: dict[str, Any]
    weights: tuple[Weight, ...]
    frozen: bool
    """Whether a frozen parameter of whole numbers stands beside."""
    owner: str
    closure: bool
    copied: tuple[int, str] | None
    """After which step the optimizer is copied, and how."""
    moved: tuple[int, str] | None
    """After which step the parameters are laid otherwise."""
    loaded: tuple[str, str, torch.dtype | None] | None
    """The implementation, layout and dtype (None is their own) of the optimizer whose state is loaded."""
    infinite: bool
    """Whether gradients have an infinite value."""
    seed: int

    @property
    def steps(self) -> int:
        return len(self.weights[0].gradients)


KEYS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "SGD": st.sampled_from(
        [{}, {"MOMENTUM": 0.9}, {"MOMENTUM": 0.9, "NESTEROV": True}, {"MOMENTUM": 0.5, "DAMPENING": 0.3}]
    ),
    "Adam": st.sampled_from([{}, {"AMSGRAD": True}]),
    "AdamW": st.sampled_from([{}, {"AMSGRAD": True}]),
    "Adagrad": st.sampled_from([{}, {"INITIAL_ACCUMULATOR_VALUE": 0.1}, {"LEARNING_RATE_DECAY": 0.1}]),
}
COMMON = st.sampled_from([{}, {}, {"MAXIMIZE": True}, {"TENSOR_LR": True}, {"WEIGHT_DECAY": 0.1}])


@st.composite
def situations(draw: Any) -> Situation:
    """Any of them; what goes wrong is drawn more often than it occurs."""
    odd = draw(
        st.sampled_from(
            ["nothing", "all", "layouts", "layouts", "gradients", "state", "sparse", "sparse", "late", "late"]
        )
    )
    name = draw(st.sampled_from({"late": ["SGD"], "sparse": ["SGD", "Adagrad"]}.get(odd, [*KEYS, "SGD"])))
    keys = {"LEARNING_RATE": 0.05, **draw(KEYS[name]), **draw(COMMON)}
    if odd == "late":
        keys.setdefault("MOMENTUM", 0.9)
    differentiable = draw(st.integers(0, 19)) == 0
    dtypes = [torch.float32] * 5 + [torch.float64, torch.complex64, *HALF * (2 if name == "SGD" else 1)]
    steps = draw(st.integers(2, 4))
    weights: list[Weight] = []
    for _ in range(draw(st.integers(2 if odd == "late" else 1, 3))):
        layouts = LAYOUTS if odd in ("all", "layouts") else ("plain", "offset", "transposed", "channels_last")
        gradients = [
            draw(st.sampled_from({"all": GRADIENTS, "gradients": GRADIENTS[:6]}.get(odd, ("backward", "plain"))))
            for _ in range(steps)
        ]
        if odd == "sparse" and draw(st.booleans()):
            gradients = ["sparse"] * steps
        if odd == "late":
            gradients[0] = "missing" if weights else "backward"
        shape = draw(st.sampled_from([(2, 3, 2, 2), (4, 6)] if odd == "state" else SHAPES))
        layout = draw(st.sampled_from(layouts))
        if "sparse" in gradients:
            layout = "plain"  # elsewhere torch's own loop writes over memory
        weights.append(Weight(shape, draw(st.sampled_from(dtypes)), layout, tuple(gradients)))
    if differentiable:
        keys["DIFFERENTIABLE"] = True
    after = st.integers(1, steps - 1)
    if any("sparse" in weight.gradients for weight in weights):
        odd = "sparse"
    copies = st.tuples(after, st.sampled_from(["deepcopy", "pickle"]))
    moves = st.tuples(after, st.sampled_from(["plain", "channels_last", "transposed"]))
    stays = differentiable or odd == "sparse"
    dtype = st.sampled_from([None, None, torch.float32, torch.float64])
    loads = st.tuples(
        st.sampled_from(["fused", "foreach", "loop"]), st.sampled_from(["plain", "channels_last", "transposed"]), dtype
    )
    return Situation(
        name=name,
        keys=keys,
        weights=tuple(weights),
        frozen=draw(st.booleans()),
        owner="list" if differentiable else draw(st.sampled_from(["module", "generator", "names", "dicts", "list"])),
        closure=draw(st.booleans()),
        copied=None if differentiable else draw(st.one_of(st.none(), copies)),
        moved=None if stays else draw(moves if odd == "state" else st.one_of(st.none(), st.none(), moves)),
        loaded=None if stays else draw(st.one_of(st.none(), st.none(), loads)),
        infinite=draw(st.integers(0, 9)) == 0,
        seed=draw(st.integers(0, 1 << 20)),
    )
