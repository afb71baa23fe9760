"""What an app's command line would make of its configs, without the app: Hydra's compose for the commands. No torch."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..errors import ConfigError, Problem, did_you_mean, reason_of
from ..integrations.hydra_plugins import expose

# What is composed where there is no app: each group with an option, so that `optimizer=sgd` needs no `+`.
_OWN = "defaults:\n  - optimizer: adamw\n  - lr_scheduler: none\n  - _self_\n"
_VERSION_BASE = "1.3"


def compose(
    overrides: Sequence[str] = (), app: Path | None = None, config_name: str | None = None, keep_hydra: bool = False
) -> DictConfig:
    """The config that overrides make, of the package's own groups or of an app.

    Hydra's state in this process is as it was afterwards.

    Args:
        overrides: As on the command line of a Hydra app: `optimizer=sgd`, `optimizer.LEARNING_RATE=0.1`.
        app: The app's folder of configs; without it `optimizer` (adamw unless chosen) and `lr_scheduler` (none).
        config_name: The app's primary config in that folder; by default `config`, or the only file there is.
        keep_hydra: Whether Hydra's own node stays in it.

    Raises:
        ConfigError: There is no such app or config, or Hydra refuses it, with Hydra's words and the nearest name.
    """
    if app is not None:
        folder = app.expanduser().absolute()
        return _compose(folder, config_name or _only_config(folder, app), overrides, keep_hydra)
    if config_name is not None:
        raise ConfigError([Problem("config_name", "names a config of an app: say its folder by --app.", config_name)])
    with tempfile.TemporaryDirectory() as own:
        Path(own, "config.yaml").write_text(_OWN, encoding="utf-8")
        return _compose(Path(own), "config", overrides, keep_hydra)


def sweep_of(overrides: Sequence[str], app: Path | None, config_name: str | None) -> list[str]:
    """The overrides of a sweep: those that an app's config has for its sweeper, and what the command line says.

    Args:
        overrides: Those of the command line, which win over the config's.
        app: The app's folder of configs; without it there are no others.
        config_name: The app's primary config.

    Raises:
        ConfigError: As `compose`.
    """
    if app is None:
        return list(overrides)
    # what is swept plays no part in which sweeper there is
    plain = [each for each in overrides if each.startswith("hydra")]
    params = compose(plain, app, config_name, keep_hydra=True).hydra.get("sweeper", {}).get("params") or {}
    said = {override.lstrip("+~").partition("=")[0] for override in overrides}
    own = [f"{key}={value}" for key, value in params.items() if str(key).lstrip("+~") not in said]
    return [*own, *overrides]


def _only_config(folder: Path, app: Path) -> str:
    """The primary config that is meant where none is named."""
    if not folder.is_dir():
        raise ConfigError([Problem("app", "there is no such folder.", str(app))])
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    if "config" in names or len(names) == 1:
        return "config" if "config" in names else names[0]
    which = f"say by --config-name which config is meant: {', '.join(names)}."
    message = which if names else "has no configs (*.yaml)."
    raise ConfigError([Problem("app", message, str(app))])


def _compose(folder: Path, name: str, overrides: Sequence[str], keep_hydra: bool) -> DictConfig:
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException
    from yaml import YAMLError

    if not folder.is_dir():
        raise ConfigError([Problem("app", "there is no such folder.", str(folder))])
    with _own_state(), warnings.catch_warnings():
        expose()
        try:
            # which Hydra 1.4 calls deprecated, and 1.3 asks for
            warnings.filterwarnings("ignore", "The version_base parameter")
            with hydra.initialize_config_dir(str(folder), version_base=_VERSION_BASE):
                cfg = hydra.compose(name, list(overrides), return_hydra_config=True)
        except (HydraException, OmegaConfBaseException, YAMLError, UnicodeDecodeError) as error:
            raise ConfigError([_refusal(error, folder)]) from error
        HydraConfig.instance().set_config(cfg)
        OmegaConf.set_struct(cfg, False)
        _fill_in(cfg)
        if not keep_hydra:
            del cfg["hydra"]
    OmegaConf.set_struct(cfg, True)
    return cfg


@contextmanager
def _own_state() -> Iterator[None]:
    """Let Hydra begin anew, and give it back its own: the commands may be called in an app, or in its tests."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.singleton import Singleton
    from hydra.version import VersionBase

    # not all of Singleton's: the plugins and the classes that users registered stay
    kinds: tuple[type, ...] = (GlobalHydra, HydraConfig, VersionBase)
    before = {kind: Singleton._instances.pop(kind) for kind in kinds if kind in Singleton._instances}
    try:
        yield
    finally:
        for kind in kinds:
            Singleton._instances.pop(kind, None)
        Singleton._instances.update(before)


def _fill_in(node: Any) -> None:
    """Put the values of `${hydra:...}` in their places: nobody can ask Hydra for them later."""
    for key in list(node) if isinstance(node, DictConfig) else range(len(node)):
        child = node._get_node(key)  # as it is written
        if isinstance(child, (DictConfig, ListConfig)) and not child._is_none() and not child._is_missing():
            if not child._is_interpolation() and key != "hydra":
                _fill_in(child)
        elif "${hydra:" in str(getattr(child, "_value", lambda: "")()):
            with suppress(OmegaConfBaseException):  # what Hydra knows only in a job, such as its folder
                node[key] = node[key]


def _refusal(error: Exception, folder: Path) -> Problem:
    """What Hydra says, with the override or the key that it speaks of and the nearest name."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    words = f"{' '.join(lines[:1]) or type(error).__name__}".rstrip(".") + "."
    missing = getattr(error, "missing_cfg_file", None)
    if missing is not None:
        # an option of a group, or the primary config
        key, _, option = str(missing).rpartition("/")
        primary = [] if key else sorted(path.stem for path in folder.glob("*.yaml"))
        options = getattr(error, "options", None) or primary
        near = did_you_mean(option, options) or (f" There are {', '.join(options)}." if options else "")
        return Problem(key or "config_name", words + near, option)
    override = getattr(error, "override", None)
    if override is not None:
        return Problem("", f"the override {override} cannot be read: {words}{_choice_of(str(override))}")
    if error.__cause__ is not None and words.startswith("Error merging override"):
        return Problem("", f"{words} {reason_of(error.__cause__)}.")
    named = re.search(r"'([^']*)'", words)
    near = did_you_mean(*_names_near(error, named[1])) if named else ""
    # where the key stands and what object it is are lines of OmegaConf's own
    more = [] if near else takewhile(lambda line: not line.startswith(("full_key:", "object_type=")), lines[1:])
    return Problem(named[1] if named and near else "", " ".join([words, *more]) + near)


def _choice_of(word: str) -> str:
    """What a bare word would choose, in words."""
    from ..insight.catalogue import options

    choices = [option.choice for option in options() if option.name == word or option.of == word]
    return f" Did you mean {choices[0]}?" if choices else " An override is KEY=VALUE."


def _names_near(error: BaseException, full: str) -> tuple[str, Any]:
    """The part of a key that was not found, with the keys that stand beside its place."""
    inner: BaseException | None = error
    while inner is not None and getattr(inner, "parent_node", None) is None:
        inner = inner.__cause__
    if inner is None or not isinstance(inner.parent_node, DictConfig):  # type: ignore[attr-defined]  # OmegaConf's
        return full, []
    keys = list(inner.parent_node)  # type: ignore[attr-defined]  # OmegaConf's
    return full.rpartition(".")[2], {str(key): str(key) for key in keys}
