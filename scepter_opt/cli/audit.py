"""`scepter-opt audit`: what is wrong with an optimizer over a model, whoever built both."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from omegaconf import DictConfig, OmegaConf

from ..checking import check
from ..errors import ConfigError, Problem, reason_of, show
from ..insight.audit import Audit
from ..insight.audit import audit as audit_of
from ..insight.page import is_page, write_page
from ..insight.preview import Preview
from ..insight.progress import working
from ..insight.writing import writing
from ..parameters.plan import Plan
from .composing import compose
from .models import factory_of, here, model_of
from .schedulers import optimizers_of, own_optimizer, previews_of


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
    out: Annotated[Path | None, "a file for the findings: JSON, or by .html a page, with curves and parameters"] = None,
    json: Annotated[bool, "print the findings as JSON, with all names"] = False,
) -> int:
    """What is wrong with an optimizer, whoever built it."""
    plans: dict[str, Plan] = {}
    previews: dict[str, Preview] = {}
    if factory is not None:
        given = {"overrides": overrides, "model": model, "app": app, "config_name": config_name}
        message = "the factory makes all: leave one of the two out."
        more = [Problem(key, message, value) for key, value in given.items() if value]
        if more:
            raise ConfigError(more)
        with working("making model and optimizer"), here():
            made = _made_by(factory)
    else:
        cfg = compose(overrides, app, config_name)
        module = model_of(cfg, model)
        configs = check(cfg)
        keys = optimizers_of(configs)
        made = _built(cfg, module, keys, configs.keys() - set(keys), total_steps, steps_per_epoch)
        if out is not None and is_page(out):
            plans = _plans(cfg, module, keys)
            previews = previews_of(cfg, plans, total_steps, steps_per_epoch)
    with working("looking"):
        found = audit_of(*made)
    if out is not None:
        if is_page(out):
            write_page(out, found, plans, previews, title=factory or shlex.join(overrides) or None)
        else:
            with writing(out):
                out.write_text(found.to_json() + "\n", encoding="utf-8")
        if not json:  # what is printed then is one document
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


def _plans(cfg: DictConfig, model: Any, keys: Iterable[str]) -> dict[str, Plan]:
    from ..optimizers import api  # its registry asks for torch

    return {key: api.plan(OmegaConf.select(cfg, key), model) for key in keys}


def _built(
    cfg: DictConfig,
    model: Any,
    keys: Iterable[str],
    scheduler_keys: Iterable[str],
    total_steps: int | None,
    steps_per_epoch: int | None,
) -> list[Any]:
    """A model with what a config makes for it: its optimizers and their schedulers."""
    from ..lr_schedulers import api as lr_schedulers
    from ..optimizers import api as optimizers  # these ask for torch

    built = {key: optimizers.build_optimizer(model, OmegaConf.select(cfg, key)) for key in keys}
    schedulers = []
    for key in scheduler_keys:
        own = own_optimizer(key, built)
        if own is None:
            raise ConfigError([Problem(key, f"of which optimizer? There are {', '.join(built)}.")])
        node = OmegaConf.select(cfg, key)
        schedulers.append(lr_schedulers.build_lr_scheduler(built[own], node, total_steps, steps_per_epoch))
    return [model, built if len(built) > 1 else next(iter(built.values())), schedulers]


def _show(found: Audit) -> None:
    if sys.stdout.isatty():
        from rich.console import Console

        Console(highlight=False).print(found)
    else:
        print(found)
