from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from scepter_opt import ConfigError
from tests.parameters.models import Net, names, plan, rule

NORMS = ["norm.weight", "norm.bias", "norm2.scale", "norm3.weight"]
BIASES = ["norm.bias", "attn.bias", "mlp.0.bias", "mlp.2.bias"]


def matched(where: Any, model: Any = None) -> list[str]:
    return names(plan({"it": rule(where)}, model), "it")


def test_a_name_is_a_parameter_or_everything_in_the_module_of_that_name() -> None:
    assert all(name.startswith("encoder.") for name in matched({"NAMES": "encoder"}))
    assert matched({"NAMES": "encoder_proj"}) == ["encoder_proj.weight", "encoder_proj.bias"]
    assert matched({"NAMES": "encoder_proj.bias"}) == ["encoder_proj.bias"]


def test_a_glob_covers_the_whole_name_and_its_star_crosses_dots() -> None:
    assert matched({"NAMES": "enc*.mlp.0.bias"}) == ["encoder.0.mlp.0.bias", "encoder.1.mlp.0.bias"]
    assert matched({"NAMES": "encoder.[0]*.attn.?ias"}) == ["encoder.0.attn.bias"]


def test_a_regular_expression_is_searched() -> None:
    assert matched({"NAMES": r"re:\.1\.attn"}) == ["encoder.1.attn.weight", "encoder.1.attn.bias"]


def test_a_list_means_any_and_several_selectors_mean_all() -> None:
    assert matched({"NAMES": ["token", "*.1.attn.bias"]}) == ["token", "encoder.1.attn.bias"]
    assert matched({"NAMES": "encoder.0", "KINDS": "norm", "NDIM": 1}) == [f"encoder.0.{name}" for name in NORMS]


def test_what_except_matches_is_left_out() -> None:
    assert matched({"NAMES": "encoder.0", "EXCEPT": {"NDIM": [1]}}) == [
        "encoder.0.attn.weight", "encoder.0.mlp.0.weight", "encoder.0.mlp.2.weight",
    ]  # fmt: skip
    assert matched({"EXCEPT": {"NAMES": ["encoder", "encoder_proj"]}}) == ["token", "embed.weight", "head.bias"]


@pytest.mark.parametrize("name", ["LayerNorm", "torch.nn.LayerNorm", "torch.nn.modules.normalization.LayerNorm"])
def test_a_class_is_named_short_or_dotted(name: str) -> None:
    assert matched({"MODULES": name, "NAMES": "encoder.0"}) == ["encoder.0.norm.weight", "encoder.0.norm.bias"]


def test_a_base_class_stands_for_its_subclasses() -> None:
    class Special(nn.Linear):
        pass

    assert matched({"MODULES": "Linear"}, nn.Sequential(Special(2, 2), nn.LayerNorm(2))) == ["0.weight", "0.bias"]


def test_norms_are_told_by_class_and_by_class_name() -> None:
    assert matched({"KINDS": "norm", "NAMES": "encoder.0"}) == [f"encoder.0.{name}" for name in NORMS]
    assert matched({"KINDS": "norm"}, nn.Sequential(nn.BatchNorm2d(2), nn.GroupNorm(1, 2))) == [
        "0.weight", "0.bias", "1.weight", "1.bias",
    ]  # fmt: skip


def test_the_matrix_of_a_fused_norm_is_no_norm() -> None:
    class LayerNormLinear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer_norm_weight = nn.Parameter(torch.ones(4))
            self.weight = nn.Parameter(torch.ones(4, 4))

    assert matched({"KINDS": "norm"}, LayerNormLinear()) == ["layer_norm_weight"]


def test_normal_words_are_no_norms() -> None:
    class Normalizer(nn.Linear):
        pass

    model = nn.Sequential(Normalizer(2, 2), nn.LayerNorm(2))
    assert matched({"KINDS": "norm"}, model) == ["1.weight", "1.bias"]


def test_bias_is_a_word_of_the_last_part_and_thin() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_proj_bias = nn.Parameter(torch.zeros(1, 4, 1))
            self.bias_2 = nn.Parameter(torch.zeros(4))
            self.unbiased = nn.Parameter(torch.zeros(4))
            self.position_bias = nn.Parameter(torch.zeros(4, 4))
            self.bias_net = nn.Linear(2, 2, bias=False)

    assert matched({"KINDS": "bias", "NAMES": "encoder.0"}) == [f"encoder.0.{name}" for name in BIASES]
    assert matched({"KINDS": "bias"}, Odd()) == ["in_proj_bias", "bias_2"]


def test_a_tied_head_is_an_embedding_and_is_found_by_either_name() -> None:
    assert matched({"KINDS": "embedding"}) == ["embed.weight"]
    assert matched({"NAMES": "head"}) == ["embed.weight", "head.bias"]
    assert matched({"MODULES": "Embedding"}) == matched({"NAMES": "head.weight"}) == ["embed.weight"]


def test_matrix_vector_and_scalar_are_dimensions() -> None:
    class Sizes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for ndim in range(4):
                setattr(self, f"p{ndim}", nn.Parameter(torch.ones([2] * ndim)))

    assert [matched({"KINDS": kind}, Sizes()) for kind in ("scalar", "vector", "matrix")] == [["p0"], ["p1"], ["p2"]]
    assert matched({"NDIM": [0, 3]}, Sizes()) == ["p0", "p3"]


@pytest.mark.parametrize("attribute", ["no_weight_decay", "_no_weight_decay"])
def test_a_parameter_is_marked_by_an_attribute(attribute: str) -> None:
    model = Net()
    setattr(model.encoder_proj.weight, attribute, True)
    setattr(model.encoder_proj.bias, attribute, False)
    assert matched({"MARKED": "no_weight_decay"}, model) == ["encoder_proj.weight"]


def test_a_parameter_is_marked_by_a_module_that_names_it() -> None:
    class Marking(Net):
        def no_weight_decay(self) -> set[str]:
            return {"token", "head.weight"}

    assert matched({"MARKED": "no_weight_decay"}, nn.Sequential(Marking())) == ["0.token", "0.embed.weight"]


@pytest.mark.parametrize("mark", ["eval", "half", "requires_grad", "_parameters", "T", "zero_", "version"])
def test_what_every_module_or_tensor_has_is_no_mark(mark: str) -> None:
    model = Net()
    with pytest.raises(ConfigError, match=r"PARAM_GROUPS.it.WHERE.MARKED = .* is no mark of yours: every torch"):
        matched({"MARKED": mark}, model)
    with pytest.raises(ConfigError, match=r"EXCEPT.MARKED"):
        matched({"NAMES": "*", "EXCEPT": {"MARKED": ["no_weight_decay", mark]}}, model)
    assert model.training
    assert model.head.weight.dtype == torch.float32


def test_a_plan_calls_nothing_that_could_change_a_model() -> None:
    class Lively(nn.Linear):
        def init_weights(self) -> list[str]:
            nn.init.zeros_(self.weight)
            return ["weight"]

        def no_weight_decay(self) -> list[str]:
            return ["bias"]

    model = nn.Sequential(Lively(2, 2), nn.LSTM(2, 2))
    model[0].no_head = nn.Linear(2, 2)  # a module can be called too
    before = [parameter.detach().clone() for parameter in model.parameters()]
    for mark in ("init_weights", "reset_parameters", "flatten_parameters", "no_head"):
        with pytest.raises(ConfigError, match="matches nothing: MARKED: no parameter has this attribute"):
            matched({"MARKED": mark}, model)
    assert all(map(torch.equal, before, model.parameters()))
    assert matched({"MARKED": "no_weight_decay"}, model) == ["0.bias"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (3, "gives 3, which are no"),
        ([1], r"gives \[1\], which are no names"),
        (ValueError("no"), "fails: ValueError: no"),
    ],
)
def test_a_mark_that_names_no_parameters_is_an_error(answer: Any, words: str) -> None:
    class Odd(nn.Linear):
        def no_weight_decay(self) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

    with pytest.raises(ConfigError, match=f"PARAM_GROUPS.it.WHERE.MARKED: Odd.no_weight_decay {words}"):
        matched({"MARKED": "no_weight_decay"}, Odd(2, 2))
