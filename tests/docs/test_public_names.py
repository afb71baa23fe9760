"""The page of public names: all of them, each with something said."""

from __future__ import annotations

import scepter_opt
from docs.extensions.public_names import page, public_names, undocumented


def test_every_public_name_is_on_the_page_and_documented() -> None:
    names = public_names()
    assert {name.partition(".")[0] for name in names} == set(scepter_opt.__all__)
    assert {"checkpoint.save", "checkpoint.load"} <= names.keys()
    assert undocumented(names) == []
    for name in names:
        assert f":: scepter_opt.{name}\n" in page(names)


class Bare:
    def method(self) -> None:
        pass

    @property
    def value(self) -> int:
        return 1

    def _hidden(self) -> None:
        pass


def test_what_nothing_is_said_of_is_found() -> None:
    assert undocumented({"Bare": Bare, "bare": lambda: None}) == ["Bare", "Bare.method", "Bare.value", "bare"]
