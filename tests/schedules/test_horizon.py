from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Literal

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, DistributedSampler, IterableDataset

from scepter_opt.schedules.horizon import Horizon, batches_per_epoch, steps_per_tick, ticks, ticks_per_epoch, whole

counts = st.integers(1, 300)


class Stream(IterableDataset[int]):
    """A data set that does not know its length."""

    def __iter__(self) -> Iterator[int]:
        return iter(range(5))


@given(st.integers(1, 100), st.integers(1, 12), st.integers(1, 9), st.booleans(), st.booleans())
@example(10, 1, 4, False, True)
@example(10, 3, 4, True, False)
def test_batches_are_those_of_torchs_loader_and_sampler(
    samples: int, batch_size: int, world_size: int, drop_last: bool, sampler_drop_last: bool
) -> None:
    data = range(samples)
    sampler: DistributedSampler[Any] = DistributedSampler(
        data,  # type: ignore[arg-type]  # a range is a data set in all but its type
        num_replicas=world_size,
        rank=0,
        drop_last=sampler_drop_last,
    )
    loader: DataLoader[Any] = DataLoader(data, batch_size, sampler=sampler, drop_last=drop_last)  # type: ignore[arg-type]
    expected = len(loader)

    def batches() -> int:
        return batches_per_epoch(
            samples, batch_size, drop_last=drop_last, world_size=world_size, sampler_drop_last=sampler_drop_last
        )

    if expected == 0:
        with pytest.raises(ValueError, match="no batch in an epoch"):
            batches()
    else:
        assert batches() == expected


@given(counts, st.integers(1, 5), st.integers(1, 20), st.booleans())
def test_steps_are_those_that_a_loop_counts(batches: int, epochs: int, accumulate: int, drop: bool) -> None:
    steps = 0
    for _ in range(epochs):
        for i in range(batches):
            is_last = i == batches - 1
            steps += (i + 1) % accumulate == 0 or (is_last and not drop)
    if steps == 0:
        with pytest.raises(ValueError, match="no optimizer step in an epoch"):
            Horizon.from_loader(batches, epochs, accumulate=accumulate, drop_last_accumulation=drop)
    else:
        horizon = Horizon.from_loader(batches, epochs, accumulate=accumulate, drop_last_accumulation=drop)
        assert horizon == Horizon(total_steps=steps, steps_per_epoch=steps // epochs)


@given(counts, st.integers(1, 40), st.integers(1, 9))
def test_sharing_batches_equals_sharing_samples_when_both_are_filled_up(
    samples: int, batch_size: int, world_size: int
) -> None:
    whole_set = batches_per_epoch(samples, batch_size)
    shares = batches_per_epoch(samples, batch_size, world_size=world_size)
    assert Horizon.from_loader(whole_set, 3, world_size=world_size) == Horizon.from_loader(shares, 3)


def test_uneven_batches_are_filled_up_or_left_out() -> None:
    assert Horizon.from_loader(10, 2, world_size=4).steps_per_epoch == 3
    assert Horizon.from_loader(10, 2, world_size=4, drop_uneven=True).steps_per_epoch == 2


def test_a_loader_gives_its_own_length() -> None:
    loader: DataLoader[Any] = DataLoader(torch.utils.data.TensorDataset(torch.zeros(103, 1)), batch_size=4)
    assert Horizon.from_loader(loader, 2, accumulate=4) == Horizon(total_steps=14, steps_per_epoch=7)


def test_a_loader_without_length_is_an_error_that_says_what_to_give() -> None:
    with pytest.raises(ValueError, match=r"the loader has no length \(.*\): give batches per epoch instead"):
        Horizon.from_loader(DataLoader(Stream()), 2)


def test_an_empty_loader_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"len\(loader\) = 0: must be a whole number of at least 1"):
        Horizon.from_loader([], 2)


def test_errors_show_the_arithmetic() -> None:
    with pytest.raises(ValueError, match="3 batches / 1 processes = 3 batches each, and 3 / 8 accumulated = 0 steps"):
        Horizon.from_loader(3, 2, accumulate=8, drop_last_accumulation=True)
    with pytest.raises(ValueError, match="3 batches / 4 processes = 0 batches each"):
        Horizon.from_loader(3, 2, world_size=4, drop_uneven=True)
    with pytest.raises(ValueError, match="5 samples / 2 processes = 3 samples each, and 3 / 4 per batch = 0 batches"):
        batches_per_epoch(5, 4, world_size=2, drop_last=True)


@pytest.mark.parametrize("value", [0, -1, 0.5, True, False, float("nan"), float("inf"), "5", [5]])
def test_what_is_no_whole_positive_number_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ValueError, match=r"total_steps = .*: must be a whole number of at least 1"):
        Horizon(total_steps=value)
    with pytest.raises(ValueError, match="steps_per_epoch = "):
        Horizon(10, steps_per_epoch=value)
    for name in ("epochs", "accumulate", "world_size"):
        with pytest.raises(ValueError, match=f"{name} = "):
            Horizon.from_loader(**{"loader": 5, "epochs": 1, name: value})
    for name in ("samples", "batch_size", "world_size"):
        with pytest.raises(ValueError, match=f"{name} = "):
            batches_per_epoch(**{"samples": 5, "batch_size": 1, name: value})
    for name in ("steps", "frequency", "steps_per_epoch"):
        with pytest.raises(ValueError, match=f"{name} = "):
            ticks(**{"steps": 5, "interval": "epoch", "steps_per_epoch": 1, name: value})


def test_none_is_refused_where_a_number_is_needed_and_unknown_where_it_is_not() -> None:
    with pytest.raises(ValueError, match="epochs = None: must be a whole number"):
        Horizon.from_loader(5, None)  # type: ignore[arg-type]
    assert Horizon() == Horizon(None, None)


def test_whole_floats_become_whole_numbers() -> None:
    horizon = Horizon(1e4, 500.0)  # type: ignore[arg-type]
    assert (horizon.total_steps, horizon.steps_per_epoch) == (10_000, 500)
    assert isinstance(horizon.total_steps, int)
    assert whole("at least zero", 0, at_least=0) == 0


@given(st.integers(1, 10_000), st.sampled_from(["step", "epoch"]), st.integers(1, 50), st.integers(1, 200))
def test_the_last_tick_begins_before_the_run_ends_and_the_next_would_not(
    steps: int, interval: Literal["step", "epoch"], frequency: int, steps_per_epoch: int
) -> None:
    run = ticks(steps, interval, frequency, steps_per_epoch)
    per_tick = steps_per_tick(interval, frequency, steps_per_epoch)
    assert (run - 1) * per_tick < steps <= run * per_tick
    assert per_tick * ticks_per_epoch(interval, frequency, steps_per_epoch) == steps_per_epoch


def test_an_epoch_may_hold_a_fraction_of_a_tick() -> None:
    assert ticks_per_epoch("step", frequency=3, steps_per_epoch=100) == Fraction(100, 3)
    assert ticks_per_epoch("epoch", frequency=4) == Fraction(1, 4)


def test_a_length_that_is_not_needed_may_be_unknown() -> None:
    assert ticks(7, "step") == 7
    assert ticks(7, "step", frequency=2) == 4
    for convert in (lambda: ticks(7, "epoch"), lambda: ticks_per_epoch("step")):
        with pytest.raises(ValueError, match="steps_per_epoch is unknown"):
            convert()


def test_another_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="interval = 'batch': must be 'step' or 'epoch'"):
        ticks(7, "batch")  # type: ignore[arg-type]
