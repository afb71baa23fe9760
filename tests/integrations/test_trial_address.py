"""A trial's address goes through the environment."""

from __future__ import annotations

import os

from scepter_opt.integrations.trial_address import TRIAL, Address


def test_an_address_is_read_as_it_was_written_and_is_gone_afterwards() -> None:
    outer = Address("sqlite:///a b.db", "study", 3, {"name": "asha", "min_resource": 2})
    inner = Address("sqlite:///c.db", "other", 0, None)
    with outer.in_environment():
        with inner.in_environment():
            assert Address.of(os.environ[TRIAL]) == inner
        assert Address.of(os.environ[TRIAL]) == outer
    assert TRIAL not in os.environ
