"""State of another class: what the two share, or none."""

from __future__ import annotations

import pytest

from scepter_opt import ConfigError, checkpoint
from tests.checkpoint.nets import Net, build, trained
from tests.support import same


def test_another_class_takes_what_the_two_share_if_asked() -> None:
    model, again = Net(), Net(1)
    optimizer, other = build(model, "Adam", LEARNING_RATE=0.001), build(again, "AdamW", LEARNING_RATE=0.001)
    trained(model, optimizer)
    state = checkpoint.state(model=model, optimizer=optimizer, step=2)
    with pytest.raises(ConfigError, match="is Adam's, which AdamW cannot go on with"):
        checkpoint.restore(state, model=again, optimizer=other)
    report = checkpoint.restore(state, model=again, optimizer=other, missing="cold", policy="config")
    assert not any("anew" in note for note in report.notes)
    for one, two in zip(model.parameters(), again.parameters(), strict=True):
        assert same(dict(optimizer.state[one]), dict(other.state[two]))


@pytest.mark.parametrize(("old", "new"), [("AdamW", "SGD"), ("Adam", "NAdam"), ("SGD", "AdamW"), ("AdamW", "Adagrad")])
def test_of_a_class_that_shares_too_little_a_parameter_begins_anew_and_steps(old: str, new: str) -> None:
    model, again = Net(), Net(1)
    optimizer, other = build(model, old), build(again, new)
    trained(model, optimizer)
    state = checkpoint.state(model=model, optimizer=optimizer, step=2)
    report = checkpoint.restore(state, model=again, optimizer=other, missing="cold", policy="config")
    assert all("begins anew" in note for note in report.notes)
    hand = Net()
    hand.load_state_dict(model.state_dict())
    fresh = build(hand, new)
    trained(again, other)
    trained(hand, fresh)
    assert same(again.state_dict(), hand.state_dict())
