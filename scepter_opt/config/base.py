"""What a checked node is: a Config that reads as the original's did, by attribute, item, `get` and `have`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from omegaconf import MISSING

from ..errors import text_of

if TYPE_CHECKING:
    from ..errors import Problem


class Readable:
    """Reading by attribute, by item, with a default, and asking whether a key is there."""

    unread: ClassVar[bool] = False
    """Whether the class that it is for is not imported yet, so that any key passed."""

    def keys(self) -> Iterator[str]:
        """The keys, in the order of their declaration."""
        raise NotImplementedError

    def __getitem__(self, key: str) -> Any:
        if not self.have(key):
            raise KeyError(key)
        return getattr(self, key)

    def __contains__(self, key: object) -> bool:
        return self.have(key)

    def __iter__(self) -> Iterator[str]:
        return self.keys()

    def __len__(self) -> int:
        # without one an empty mapping of an open Config would be true, and taken for something that was said
        return sum(1 for _ in self.keys())

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or `default` where there is none."""
        return getattr(self, key) if self.have(key) else default

    def have(self, key: object) -> bool:
        """Whether `key` is one of the keys."""
        return key in set(self.keys())

    def items(self) -> Iterator[tuple[str, Any]]:
        """Keys with their values."""
        return ((key, getattr(self, key)) for key in self.keys())


@dataclass(frozen=True)
class Conflict:
    """A combination of values that cannot be, each of which alone could."""

    keys: tuple[str, ...]
    """The keys that take part; the problem is reported at the first."""
    when: Callable[[Any], bool]
    """Whether a Config is in conflict."""
    message: str
    """What would be right."""


@dataclass(kw_only=True)
class Config(Readable):
    """Base of every typed Config: one field a key, documented by the string under it."""

    component: ClassVar[Any] = None
    """The class that builds from this Config; it enters itself here."""
    from_signature: ClassVar[bool] = False
    """Whether it was read from the signature of the class: keys at their defaults are then not handed to it."""
    keywords: ClassVar[Mapping[str, str]] = {}
    """The class's keywords for keys that are not called like them."""
    conflicts: ClassVar[tuple[Conflict, ...]] = ()
    """Combinations that are refused; a subclass adds its own to its base's."""

    idle: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Keys that do nothing while another one is 0, false or null: each with that other."""

    NAME: str = MISSING
    """Name of the class in the registry."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        # dataclass writes a signature where there is no docstring, which takes longer than all else that it does
        cls.__doc__ = cls.__doc__ or f"The keys of {cls.__qualname__.rpartition('.')[0]}."

    def keys(self) -> Iterator[str]:
        return iter(self.__dict__)

    def have(self, key: object) -> bool:
        return key in self.__dict__

    def problems(self) -> Iterable[Problem]:
        """What is wrong between keys each of which is right, beyond `conflicts`; keys are relative to the node."""
        return ()

    def remarks_alone(self) -> Iterable[Problem]:
        """What the node says without effect where it is not one of several; keys are relative to it."""
        return ()

    def rehearsal(self) -> tuple[Iterable[Problem], Iterable[Problem]]:
        """What is wrong, and what is to be said, that only trying shows: for check, since a build does try."""
        return (), ()


class OpenConfig(Readable):
    """The Config of a class that declares none: every key passes, nested mappings read the same way.

    >>> cfg = OpenConfig({"NAME": "Mine", "ETA": 2, "INNER": {"A": 1}})
    >>> cfg.ETA, cfg["ETA"], cfg.get("B", 3), cfg.have("B"), cfg.INNER.A
    (2, 2, 3, False, 1)
    """

    def __init__(self, values: Mapping[Any, Any], component: Any = None, unread: bool = False) -> None:
        self.component = component
        self.unread = unread  # type: ignore[misc]  # of this one
        self._values = {text_of(key): _opened(value) for key, value in values.items()}

    def keys(self) -> Iterator[str]:
        return iter(self._values)

    def __getattr__(self, key: str) -> Any:
        # copy and pickle ask before there are any values
        values = self.__dict__.get("_values", {})
        if key not in values:
            raise AttributeError(f"no key {key}; the keys are {', '.join(values) or 'none'}")
        return values[key]

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self._values.get(key, default)

    def items(self) -> Iterator[tuple[str, Any]]:
        return iter(self._values.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OpenConfig) and self._values == other._values

    __hash__ = None  # type: ignore[assignment]  # mutable, and equal by value

    def __repr__(self) -> str:
        return f"OpenConfig({self._values})"


def _opened(value: Any) -> Any:
    if isinstance(value, Mapping):
        return OpenConfig(value)
    if isinstance(value, list):
        return [_opened(item) for item in value]
    return value


def restore_fields(config: type | None) -> None:
    """Make a dataclass of `__main__` one again in a worker.

    cloudpickle copies such a class, and with it the sentinels that dataclasses compare by identity.
    """
    for cls in config.__mro__ if config else ():
        for field in cls.__dict__.get("__dataclass_fields__", {}).values():
            for name in ("default", "default_factory"):
                if type(getattr(field, name)).__name__ == "_MISSING_TYPE":
                    setattr(field, name, dataclasses.MISSING)
            kind = str(field._field_type)
            field._field_type = getattr(dataclasses, kind, field._field_type)
