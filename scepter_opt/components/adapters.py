"""Classes of others as components: what wraps a class of torch's kind."""

from __future__ import annotations

import dataclasses
import inspect
from functools import cache
from typing import Any

from ..errors import ConfigError, Problem, below
from .signatures import config_from_signature


@cache
def adapt(cls: Any, base: Any) -> Any:
    """A component around a class of torch's kind.

    Args:
        cls: The class. Where it has no nested `Config`, it is given the one that its signature tells.
        base: The component's base class: BaseOptimize or BaseScheduler.

    Raises:
        ConfigError: Its Config is none.
    """
    if "Config" not in cls.__dict__:
        cls.Config = config_from_signature(cls, base.common, base.filled, base.config_namespace(cls))
    check_config(cls, base)
    # a class of its own for each: what is known of a class stands in its component, not in tables elsewhere
    component: Any = type(cls.__name__, (base,), {"target": cls, "Config": cls.Config, **base.facts_of(cls)})
    cls.Config = component.Config
    return component


def check_config(cls: Any, base: Any) -> None:
    """Refuse a nested Config that is none.

    Raises:
        ConfigError: It does not extend the base's, or is no dataclass.
    """
    config = getattr(cls, "Config", None)
    if config is None:
        return
    with below(f"{cls.__qualname__}.Config"):
        if not (isinstance(config, type) and issubclass(config, base.common)):
            raise ConfigError([Problem("", f"must extend {base.common.__name__}.")])
        missed = set(inspect.get_annotations(config)) - {f.name for f in dataclasses.fields(config)}
        if missed := {name for name in missed if name.isupper()}:
            message = f"must be decorated with @dataclass(kw_only=True); it lacks {', '.join(sorted(missed))}."
            raise ConfigError([Problem("", message)])
