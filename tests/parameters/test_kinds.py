"""KINDS against every module of torch.nn and what torch's parametrizations make of them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn
from torch.nn.utils import parametrizations, parametrize

import scepter_opt

# Every class of torch.nn that has parameters of its own or below it, with small arguments.
ARGUMENTS: dict[str, Any] = {
    **{f"{kind}{d}d": (2, 3, 2) for kind in ("Conv", "ConvTranspose") for d in (1, 2, 3)},
    **{f"BatchNorm{d}d": (2,) for d in (1, 2, 3)},
    **{f"InstanceNorm{d}d": (2, 1e-5, 0.1, True) for d in (1, 2, 3)},
    **dict.fromkeys(("RNNCell", "GRUCell", "LSTMCell", "Linear", "LinearCrossEntropyLoss"), (2, 3)),
    "RNN": {"input_size": 2, "hidden_size": 3, "num_layers": 2, "bidirectional": True},
    "GRU": {"input_size": 2, "hidden_size": 3, "num_layers": 2, "bidirectional": True},
    "LSTM": {"input_size": 2, "hidden_size": 4, "num_layers": 2, "bidirectional": True, "proj_size": 3},
    "Bilinear": (2, 3, 4),
    "Embedding": (4, 3),
    "EmbeddingBag": (4, 3),
    "LayerNorm": ([2, 3],),
    "GroupNorm": (1, 2),
    "RMSNorm": (4,),
    "SyncBatchNorm": (2,),
    "PReLU": (3,),
    "MultiheadAttention": {"embed_dim": 4, "num_heads": 2, "add_bias_kv": True, "kdim": 3, "vdim": 5},
    "TransformerEncoderLayer": (4, 2, 8),
    "TransformerDecoderLayer": (4, 2, 8),
    "TransformerEncoder": (nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 1),
    "TransformerDecoder": (nn.TransformerDecoderLayer(4, 2, 8), 1),
    "Transformer": {"d_model": 4, "nhead": 2, "num_encoder_layers": 1, "num_decoder_layers": 1, "batch_first": True},
    "AdaptiveLogSoftmaxWithLoss": (4, 10, [4]),
}


def make(name: str) -> nn.Module:
    arguments = ARGUMENTS[name]
    cls = getattr(nn, name)
    return cls(**arguments) if isinstance(arguments, dict) else cls(*arguments)  # type: ignore[no-any-return]


NORMS = {"BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"}
NORMS |= {"SyncBatchNorm", "GroupNorm", "LayerNorm", "RMSNorm"}
# Biases by torch's documentation of each class: the variables that it calls a bias.
BIASES = {"bias", "in_proj_bias", "bias_k", "bias_v", "bias_ih", "bias_hh"}
BIASES |= {f"bias_{gate}_l{layer}{way}" for gate in ("ih", "hh") for layer in (0, 1) for way in ("", "_reverse")}


def expected(model: nn.Module) -> dict[str, set[str]]:
    """The kinds of each parameter as this test understands them."""
    kinds: dict[str, set[str]] = {}
    for place, module in model.named_modules():
        for part, tensor in module.named_parameters(recurse=False):
            cls, thin = type(module).__name__, tensor.squeeze().ndim <= 1
            own = kinds.setdefault(f"{place}.{part}".lstrip("."), set())
            own |= {0: {"scalar"}, 1: {"vector"}, 2: {"matrix"}}.get(tensor.ndim, set())
            own |= {"bias"} if part in BIASES and thin else set()
            own |= {"norm"} if cls in NORMS and thin else set()
            own |= {"embedding"} if cls.startswith("Embedding") else set()
    return kinds


def preset(name: str) -> Any:
    return OmegaConf.to_container(OmegaConf.load(Path(__file__).parents[2] / "conf" / "param_groups" / f"{name}.yaml"))


def kinds_of(model: Any) -> dict[str, set[str]]:
    return {row.name: set(row.kinds) for row in scepter_opt.plan({"NAME": "SGD"}, model)}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_parameter_of_torchs_modules_has_its_kinds(name: str) -> None:
    model = make(name)
    kinds = expected(model)
    assert kinds
    assert kinds_of(model) == kinds
    assert kinds_of(nn.ModuleDict({"inner": model})) == {f"inner.{key}": own for key, own in kinds.items()}


def test_no_class_of_torch_nn_with_parameters_is_forgotten() -> None:
    for name, cls in vars(nn).items():
        if not (isinstance(cls, type) and issubclass(cls, nn.Module)) or name in ARGUMENTS:
            continue
        if name.startswith("Lazy") or name in ("ParameterList", "ParameterDict", "Module"):
            continue  # lazy ones become one of the others, and the rest holds what others made
        for arguments in ((), (1,), (2, 2), (2, 2, 2)):
            made = None
            with suppress(Exception):  # it takes other arguments
                made = cls(*arguments)
            assert made is None or not list(made.parameters()), name


@pytest.mark.parametrize(
    ("parametrize_it", "name"),
    [
        (parametrizations.weight_norm, "weight"),
        (parametrizations.spectral_norm, "weight"),
        (parametrizations.orthogonal, "weight"),
        (lambda m, name: parametrize.register_parametrization(m, name, nn.Identity()), "bias"),
        (parametrizations.weight_norm, "bias"),
    ],
)
def test_a_parametrized_tensor_belongs_to_the_module_whose_it_is(parametrize_it: Any, name: str) -> None:
    model = nn.ModuleDict({"fc": nn.Linear(3, 3), "other": nn.Conv1d(1, 1, 1)})
    parametrize_it(model["fc"], name)
    rows = {row.name: row for row in scepter_opt.plan({"NAME": "SGD"}, model)}
    mine = [row for key, row in rows.items() if ".parametrizations." in key]
    assert mine
    assert all(row.owner == "ParametrizedLinear" for row in mine)
    assert all(("bias" in row.kinds) == (name == "bias") for row in mine)
    where = {"it": {"WHERE": {"MODULES": "Linear"}}}
    found = scepter_opt.plan({"NAME": "SGD", "PARAM_GROUPS": where}, model)
    assert [row.name for row in found if row.rules] == [key for key, _ in model.named_parameters() if "fc" in key]


def test_a_parametrized_embedding_and_norm_keep_their_kinds() -> None:
    model = nn.ModuleDict({"emb": nn.Embedding(3, 3), "norm": nn.LayerNorm(3)})
    parametrizations.orthogonal(model["emb"])
    parametrize.register_parametrization(model["norm"], "weight", nn.Identity())
    kinds = kinds_of(model)
    assert kinds["emb.parametrizations.weight.original"] == {"matrix", "embedding"}
    assert kinds["norm.parametrizations.weight.original"] == {"vector", "norm"}


def test_what_a_parametrization_learns_is_its_own() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, tensor: torch.Tensor) -> torch.Tensor:
            return tensor * self.scale

    model = nn.Sequential(nn.LayerNorm(3))
    parametrize.register_parametrization(model[0], "bias", Scaled())
    kinds = kinds_of(model)
    assert kinds["0.parametrizations.bias.original"] == {"vector", "norm", "bias"}
    assert kinds["0.parametrizations.bias.0.scale"] == {"vector"}


def test_no_decay_decays_no_vector_and_nothing_that_is_marked() -> None:
    model = nn.ModuleDict({name: make(name) for name in ARGUMENTS})
    linear: Any = model["Linear"]
    linear.weight.no_weight_decay = True
    biases = {name for name, kinds in expected(model).items() if "bias" in kinds}
    decayed = {name for name, parameter in model.named_parameters() if parameter.ndim > 1} - biases
    node = {"NAME": "AdamW", "WEIGHT_DECAY": 0.1, "PARAM_GROUPS": preset("no_decay")}
    found = {row.name for row in scepter_opt.plan(node, model) if row.group and row.group.weight_decay}
    assert found == decayed - {"Linear.weight"}
