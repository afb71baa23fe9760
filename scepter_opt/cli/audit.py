"""`scepter-opt audit`: what is wrong with an optimizer over a model, whoever built both."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from omegaconf import DictConfig, OmegaConf

from ..checking import check
from ..components.registry import registry
from ..errors import ConfigError, Problem, reason_of, show
from ..insight.audit import Audit
from ..insight.audit import audit as audit_of
from ..insight.page import is_page, write_page
from .composing import compose
from .models import factory_of, here, make, target_of
from .progress import working


def audit(
    overrides: Annotated[list[str], "as for a Hydra app: optimizer=sgd lr_scheduler=warmup_cosine"] = [],  # noqa: B006  # never changed
    model: Annotated[str | None, "what makes the model, called without arguments: package.module:factory"] = None,
    factory: Annotated[
        str | None,
        "what makes model, optimizer and, if there is one, scheduler, by code of your own: package.module:factory",
    ] = None,
    app: Annotated[Path | None, "folder of an app's configs; its model may be a node with _target_"] = None,
    config_name: Annotated[str | None, "the app's own config in that folder"] = None,
    total_steps: Annotated[int | None, "optimizer steps of the whole run, where a schedule needs them"] = None,
    steps_per_epoch: Annotated[int | None, "optimizer steps per epoch, where a schedule counts epochs"] = None,
    out: Annotated[Path | None, "a file for the findings: JSON, or by .html a page"] = None,
    json: Annotated[bool, "print the findings as JSON, with all names"] = False,
) -> int:
    """What is wrong with an optimizer, whoever built it."""
    if factory is not None:
        given = {"overrides": overrides, "model": model, "app": app, "config_name": config_name}
        more = [
            Problem(key, "the factory makes all: leave one of the two out.", value)
            for key, value in given.items()
            if value
        ]
        if more:
            raise ConfigError(more)
        with working("making model and optimizer"), here():
            made = _made_by(factory)
    else:
        made = _composed(compose(overrides, app, config_name), model, total_steps, steps_per_epoch)
    with working("looking"):
        found = audit_of(*made)
    if out is not None and is_page(out):
        write_page(out, found, title=f"Audit of {factory or model or 'the model'}")
        if not json:  # what is printed then is one document
            print(f"wrote {out}")
    elif out is not None:
        try:
            out.write_text(found.to_json() + "\n", encoding="utf-8")
        except OSError as error:
            raise ConfigError([Problem("out", f"cannot be written: {error}.", str(out))]) from error
        print(f"wrote {out}")
    if json:
        print(found.to_json())
    elif out is None:
        _show(found)
    return int(bool(found.faults))


def _made_by(factory: str) -> list[Any]:
    """Model, optimizer and perhaps scheduler, by code of the user's own."""
    try:
        made = factory_of("factory", factory)()
    except ConfigError:
        raise
    except Exception as error:  # the user's own code may fail in any way
        message = f"fails: {type(error).__name__}: {reason_of(error)}."
        raise ConfigError([Problem("factory", message, factory)]) from error
    if isinstance(made, Mapping) and {"model", "optimizer"} <= made.keys() <= {"model", "optimizer", "scheduler"}:
        return [made["model"], made["optimizer"], made.get("scheduler")]
    if isinstance(made, (tuple, list)) and len(made) in (2, 3):
        return list(made)
    message = f"must return (model, optimizer) or (model, optimizer, scheduler), not {show(made)}."
    raise ConfigError([Problem("factory", message, factory)])


def _composed(cfg: DictConfig, model: str | None, total_steps: int | None, steps_per_epoch: int | None) -> list[Any]:
    """A config's model, with its optimizers and schedulers."""
    from ..lr_schedulers import api as lr_schedulers
    from ..optimizers import api as optimizers  # these ask for torch

    configs = check(cfg)
    keys = [key for key, config in configs.items() if registry("optimizer").has(config.NAME)]
    if not keys:
        raise ConfigError([Problem("optimizer", "there is none: choose one by optimizer=OPTION.")])
    with working("making the model"), here():
        made = make(factory_of("model", model) if model is not None else target_of(cfg))
    built = {key: optimizers.build_optimizer(made, OmegaConf.select(cfg, key)) for key in keys}
    schedulers = []
    for key in configs.keys() - built.keys():
        # members of `optimizers` and `lr_schedulers` share a name
        last = key.rpartition(".")[2]
        own = next((other for other in keys if len(keys) == 1 or other.rpartition(".")[2] == last), None)
        if own is None:
            raise ConfigError([Problem(key, f"of which optimizer? There are {', '.join(keys)}.")])
        node = OmegaConf.select(cfg, key)
        schedulers.append(lr_schedulers.build_lr_scheduler(built[own], node, total_steps, steps_per_epoch))
    return [made, built[keys[0]] if len(keys) == 1 else built, schedulers]


def _show(found: Audit) -> None:
    if sys.stdout.isatty():
        from rich.console import Console

        Console(highlight=False).print(found)
    else:
        print(found)
