"""The config groups as options of any Hydra app: a search path, and a source of typed schemas and user classes."""

from __future__ import annotations

import sys
from importlib.resources import files
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from ..components.registry import IMPORTED
from .study_sweeper import StudySweeper

_KINDS = ("optimizer", "lr_scheduler")
_SCHEMA = "scepter_opt/schema"
_SPACES = "search_space"
# Hydra 1.3 takes plugins of no other package than this one
SWEEPER = "hydra_plugins.scepter_opt.StudySweeper"
"""What conf/hydra/sweeper/optuna_study.yaml names."""


class ScepterSearchPath(SearchPathPlugin):
    """Appends the package's groups, so that an app's own files win."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Add the files, then what has none."""
        # the first of a name wins whole: a user's class takes the option of one of another package, which has a file
        search_path.append("scepter_opt", "scepter://")
        search_path.append("scepter_opt", "pkg://scepter_opt.conf")
        # here, since Hydra may have found this plugin by its entry point, without a call of `expose`
        Plugins.instance().class_name_to_class[SWEEPER] = StudySweeper


class ScepterSource(ConfigSource):
    """Serves, each when it is asked for, the schema of every class and the option of every class without a file."""

    @staticmethod
    def scheme() -> str:
        """The scheme of this source's paths."""
        return "scepter"

    def available(self) -> bool:
        """Always."""
        return True

    def is_group(self, config_path: str) -> bool:
        """Whether a path is one of the groups served here."""
        path = config_path.strip("/")
        is_of_spaces = path.partition("/")[0] == _SPACES
        return path in _KINDS or path in ("scepter_opt", _SCHEMA) or is_of_spaces or _kind_of_schema(path) is not None

    def is_config(self, config_path: str) -> bool:
        """Whether a path is a schema, the option of a class that a user registered, or a search space."""
        return self._find(config_path) is not None or _space(config_path) is not None

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """The options of a group; schemas are not listed, so that no help shows them."""
        from ..components.registry import registry

        path = config_path.strip("/")
        if not path:
            return [] if results_filter is ObjectType.CONFIG else list(_KINDS)
        if path not in _KINDS or results_filter is ObjectType.GROUP:
            return []
        # those with a file are listed by the source of files
        return sorted(entry.option for entry in registry(path).user_entries().values())

    def load_config(self, config_path: str) -> ConfigResult:
        """A schema as a typed node, an option that pulls its schema in and names the class, or a search space."""
        space = _space(config_path)
        if space is not None:
            return self._result(space, "hydra.sweeper")
        entry_of_path = self._find(config_path)
        if entry_of_path is None:
            raise ConfigLoadError(f"Config not found : {config_path}")
        entry, is_schema = entry_of_path
        if entry.unread:
            config = OmegaConf.structured(entry.component.common)
            # which keys the class has is known when it is imported: until then none needs a + to be said
            OmegaConf.set_struct(config, False)
        elif is_schema:
            # made now, for the one option that is asked for: thirty made at import cost a third of Hydra's own start
            config = OmegaConf.structured(entry.config)
            config.NAME = entry.name
        else:
            config = OmegaConf.create(option_content(entry.kind, entry.option, entry.name))
        return self._result(config, None)

    def _result(self, config: Any, package: str | None) -> ConfigResult:
        read = OmegaConf.create(config) if isinstance(config, dict) else config
        return ConfigResult(provider=self.provider, path=self.full_path(), config=read, header={"package": package})

    def _find(self, config_path: str):  # type: ignore[no-untyped-def]  # naming Entry would import the registries
        """The entry of a path, and whether the path is its schema's."""
        from ..components.registry import registry

        path = config_path.strip("/").removesuffix(".yaml")
        group, _, option = path.rpartition("/")
        kind = _kind_of_schema(group)
        if kind is not None and option == IMPORTED:
            return registry(kind).unread_entry("???"), True
        if kind is not None:
            entry = registry(kind).option(option)
            return (entry, True) if entry is not None and entry.config is not None else None
        if group in _KINDS:
            users = registry(group).registered_entries().values()
            if not any(entry.option == option for entry in users) and not _has_file(group, option):
                users = registry(group).user_entries().values()
            return next(((entry, False) for entry in users if entry.option == option), None)
        return None


def _has_file(group: str, option: str) -> bool:
    """Whether an option is a file of this package's, so that other packages need not be asked for it."""
    return (files("scepter_opt.conf") / group / f"{option}.yaml").is_file()


def option_content(kind: str, option: str, name: str) -> dict[str, Any]:
    """What an option says before its keys: the schema and the preset of rules that it pulls in, and the class."""
    rules = [{"/param_groups@PARAM_GROUPS": "none"}] if kind == "optimizer" else []
    # what is typed there is how any class begins, while an option of one class has all its keys
    typed = [] if option == IMPORTED else [{f"optional /{_SCHEMA}/{kind}@_here_": option}]
    return {"defaults": [*typed, *rules, "_self_"], "NAME": name}


def expose() -> None:
    """Make the config groups options of the Hydra apps of this process. Calling it again changes nothing.

    A test suite that uses Hydra's fixture `hydra_restore_singletons` calls it again, since the fixture takes it back.
    """
    plugins = Plugins.instance()
    plugins.register(ScepterSource)
    plugins.register(ScepterSearchPath)


def expose_on_import() -> None:
    """Expose the groups, unless Hydra itself is just now importing its plugins, of which these are two."""
    # on 1.4 Hydra finds the plugins by entry points, and registering one would start the search for plugins again
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]  # None ends it
        if frame.f_code is Plugins._initialize.__code__:
            return
    expose()


def _space(config_path: str) -> dict[str, Any] | None:
    """What a search space sets: `search_space/sgd`, or `search_space/optim/sgd` for a node that stands at `optim`."""
    path = config_path.strip("/").removesuffix(".yaml")
    if not path.startswith(f"{_SPACES}/"):
        return None
    from ..search.spaces import content

    place, _, option = path.removeprefix(f"{_SPACES}/").rpartition("/")
    return content(option, place.replace("/", ".") or "optimizer")


def _kind_of_schema(group: str) -> str | None:
    prefix, _, kind = group.rpartition("/")
    return kind if prefix == _SCHEMA and kind in _KINDS else None
