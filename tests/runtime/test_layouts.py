"""How tensors lie in memory."""

from __future__ import annotations

import itertools

import torch
from hypothesis import given
from hypothesis import strategies as st

from scepter_opt.runtime.layouts import has_strides, is_dense, lay_state


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.lists(st.integers(0, 6), min_size=3, max_size=3))
def test_dense_is_what_covers_each_place_once(shape: list[int], strides: list[int]) -> None:
    used = strides[: len(shape)]
    places = sorted(
        sum(index * stride for index, stride in zip(indices, used, strict=True))
        for indices in itertools.product(*map(range, shape))
    )
    assert is_dense(tuple(shape), tuple(used)) == (places == list(range(len(places))))


def test_strides_of_dimensions_of_size_one_do_not_count() -> None:
    assert has_strides(torch.zeros(4, 1), (1, 77))
    assert not has_strides(torch.zeros(4, 2), (1, 4))


def test_state_is_laid_as_its_parameter_and_keeps_its_values() -> None:
    parameter = torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last)
    values = torch.randn(2, 3, 4, 5)
    states = {parameter: {"exp_avg": values.clone(), "step": torch.tensor(3.0)}}
    lay_state([parameter, torch.zeros(1)], states)
    assert states[parameter]["exp_avg"].stride() == parameter.stride()
    assert torch.equal(states[parameter]["exp_avg"], values)
    assert states[parameter]["step"] == 3
