"""What an app's command line would make of its configs, without the app: Hydra's compose for the commands. No torch."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from omegaconf import DictConfig

from ..errors import ConfigError, Problem
from ..integrations.composition import refusal, refusals, without_hydra
from ..integrations.hydra_plugins import expose
from ..integrations.sweeps import with_params

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


def sweep_of(overrides: Sequence[str], app: Path | None, config_name: str | None) -> tuple[list[str], str]:
    """The overrides of a sweep: those that an app's config has for its sweeper, and what the command line says.

    Besides the import path of the function by which its sweeper draws further ones; empty where there is none.

    Args:
        overrides: Those of the command line, which win over the config's.
        app: The app's folder of configs; without it the package's own groups.
        config_name: The app's primary config.

    Raises:
        ConfigError: As `compose`.
    """
    # what is swept plays no part in which sweeper there is, while an option that is added may say what is swept
    plain = [each for each in overrides if each.startswith("hydra") or _is_added_option(each)]
    if app is None and not plain:
        return list(overrides), ""
    hydra = compose(plain, app, config_name, keep_hydra=True).hydra
    return with_params(hydra, overrides), str(hydra.get("sweeper", {}).get("custom_search_space") or "")


def _is_added_option(override: str) -> bool:
    """Whether an override adds an option to the defaults: `+search_space=sgd`, `+experiment=first`."""
    key, _, value = override.partition("=")
    return key.startswith("+") and "." not in key and not set(value) & set(",({[")


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

    if not folder.is_dir():
        raise ConfigError([Problem("app", "there is no such folder.", str(folder))])
    with _own_state(), warnings.catch_warnings():
        expose()
        try:
            # which Hydra 1.4 calls deprecated, and 1.3 asks for
            warnings.filterwarnings("ignore", "The version_base parameter")
            with hydra.initialize_config_dir(str(folder), version_base=_VERSION_BASE):
                cfg = hydra.compose(name, list(overrides), return_hydra_config=True)
        except refusals() as error:
            names = sorted(path.stem for path in folder.glob("*.yaml"))
            raise ConfigError([refusal(error, names, _choice_of)]) from error
        return without_hydra(cfg, keep_hydra)


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


def _choice_of(word: str) -> str:
    """What a bare word would choose, in words."""
    from ..insight.catalogue import options

    choices = [option.choice for option in options() if option.name == word or option.of == word]
    return f" Did you mean {choices[0]}?" if choices else " An override is KEY=VALUE."
