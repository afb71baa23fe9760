"""A component: the class behind a NAME, which builds an object of torch's from a Config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..config.base import Config
from ..errors import ConfigError, Problem


class Component:
    """Builds what `target` names from a Config. Abstract: BaseOptimize and BaseScheduler say of what kind.

    Args:
        cfg: The checked Config; without a nested `Config` class one through which any key is read.
        logger: Anything with `info`, or None.
    """

    target: ClassVar[str | type] = ""
    """The class to build, or where it is imported from."""
    common: ClassVar[type[Config]] = Config
    """The Config whose keys are this package's, not the target's."""
    stand_in: ClassVar[str] = ""
    """Where the function is imported from that gives the class to build in place of a target; empty for none."""
    filled: ClassVar[tuple[str, ...]] = ()
    """Keywords of a class of torch's kind that one of the common keys fills."""
    Config: ClassVar[Any] = None
    """The keys with types, defaults and documentation; None lets any key pass."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if cls.Config is None:
            return
        if "Config" not in cls.__dict__ or "component" in vars(cls.Config):
            # a Config knows the one class that it is for: a class that shares another's gets a Config of its own
            names = {"__module__": cls.__module__, "__qualname__": f"{cls.__qualname__}.Config", "__annotations__": {}}
            cls.Config = dataclass(kw_only=True)(type("Config", (cls.Config,), names))
        cls.Config.component = cls
        if cls.Config.__qualname__.endswith(f"{cls.__name__}.Config"):
            # what Hydra calls it in its own refusals: Key 'lr' not in 'SGD'; pickle goes by the qualified name
            cls.Config.__name__ = cls.__name__

    @classmethod
    def facts_of(cls, target: type) -> dict[str, Any]:
        """What a component around a class of torch's kind knows of it: attributes of the component."""
        return {}

    @classmethod
    def config_namespace(cls, target: type) -> dict[str, Any]:
        """What a Config that is read from the signature of a class of torch's kind has beside its keys."""
        return {}

    @classmethod
    def check_open(cls, values: Mapping[Any, Any], imports: bool | None) -> tuple[dict[Any, Any], list[Problem]]:
        """The values of a node where the class has no Config, and what is wrong with those of the common keys.

        Any other key passes; keys of problems are relative to the node.
        """
        from ..config.validation import fields

        checked, problems = dict(values), []
        for key, field in fields(cls.common).items():
            if key in values and key not in ("NAME", "PARAM_GROUPS"):
                value = values[key]
                if field.nested is not None:
                    result, wrong = field.nested.check({} if value is None else value, cls.common, imports)
                    wrong = [problem.under(key) for problem in wrong]
                else:
                    result, wrong = field.check(value)
                problems += wrong
                checked[key] = result
        return checked, problems

    def __init__(self, cfg: Any, logger: Any = None) -> None:
        self.cfg = cfg
        self.logger = logger

    def construct(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the target with the Config's keys as keywords, after `arguments`; `keywords` go before them.

        Raises:
            ConfigError: There is no target, the installed torch lacks it, or it refuses.
        """
        if not self.target:
            message = f"{type(self).__name__} builds nothing: give it a `target`, or override __call__."
            raise ConfigError([Problem("NAME", message)])
        # the first step that may import torch
        from .keywords import construct, keywords_of, target_class

        target = target_class(self.target)
        return construct(self.built(target), *arguments, **keywords_of(self.cfg, self.common, target) | keywords)

    def built(self, target: type) -> type:
        """The class whose object is built for a target: itself, or one that stands in for it."""
        from .keywords import target_class

        stand_in: Any = target_class(self.stand_in) if self.stand_in else None
        return stand_in(target) if stand_in else target
