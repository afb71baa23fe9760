"""Models, and whatever else is made by code of the user's own, for commands that look at them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from ..errors import ConfigError, Problem, did_you_mean, reason_of
from ..insight.progress import working


@contextmanager
def here() -> Iterator[None]:
    """The current folder's modules can be imported, as by `python -m`."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with suppress(ValueError):  # the model's own code may have taken it away
            sys.path.remove(folder)


def factory_of(option: str, path: str) -> Callable[[], Any]:
    """What `package.module:factory` names, said by an option of the command.

    Raises:
        ConfigError: It names nothing that can be called.
    """
    module, _, name = path.partition(":")
    if not module or not name:
        above, _, last = path.removesuffix(".py").rpartition(".")
        near = f" Did you mean {above}:{last}?" if above and not name else ""
        raise ConfigError([Problem(option, f"must be package.module:factory.{near}", path)])
    found: Any = None
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:  # importing runs the user's own code
        near = did_you_mean(name, list(vars(found))) if isinstance(error, AttributeError) and found else ""
        message = f"cannot be imported: {type(error).__name__}: {reason_of(error)}.{near}"
        raise ConfigError([Problem(option, message, path)]) from error
    if not callable(found):
        raise ConfigError([Problem(option, f"cannot be called, so that it makes no {option}.", path)])
    factory: Callable[[], Any] = found
    return factory


def target_of(cfg: DictConfig) -> Callable[[], Any]:
    """What makes the model of an app: only the node `model` is instantiated."""
    node = cfg.get("model")
    if not isinstance(node, DictConfig) or "_target_" not in node:
        message = "which model? Say it by --model package.module:factory, or by an app's node model with a _target_."
        raise ConfigError([Problem("model", message)])
    from hydra.utils import instantiate

    return lambda: instantiate(node)


def model_of(cfg: DictConfig, path: str | None) -> Any:
    """The model that `--model` names, else the one of an app's node.

    Raises:
        ConfigError: There is neither, or it cannot be made.
    """
    with working("making the model"), here():
        return make(factory_of("model", path) if path is not None else target_of(cfg))


def make(factory: Callable[[], Any]) -> Any:
    """The model on the meta device; where that fails, as its maker makes it.

    Raises:
        ConfigError: It cannot be made.
    """
    import torch

    try:
        with torch.device("meta"):
            return factory()
    except Exception as error:  # the user's own code may fail in any way
        said = reason_of(error)
    try:
        made = factory()
    except Exception as error:
        raise ConfigError([Problem("model", f"cannot be made: {type(error).__name__}: {reason_of(error)}.")]) from error
    print(f"made with its memory, since on the meta device: {said}", file=sys.stderr)
    return made
