"""`scepter-opt plan`: which parameter of a real model gets which settings, without its memory."""

from __future__ import annotations

import importlib
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

from omegaconf import DictConfig, OmegaConf

from ..checking import check
from ..components.registry import registry
from ..errors import ConfigError, Problem, did_you_mean, reason_of
from ..insight.page import is_page, write_page
from ..insight.preview import Preview
from ..insight.preview import preview as preview_of
from ..parameters.plan import Plan
from .composing import compose
from .progress import working
from .schedulers import horizon_of


def plan(
    overrides: Annotated[
        list[str], "as for a Hydra app: optimizer=sgd param_groups@optimizer.PARAM_GROUPS=no_decay"
    ] = [],  # noqa: B006  # never changed
    model: Annotated[str | None, "what makes the model, called without arguments: package.module:factory"] = None,
    app: Annotated[Path | None, "folder of an app's configs; its model may be a node with _target_"] = None,
    config_name: Annotated[str | None, "the app's own config in that folder"] = None,
    diff: Annotated[Path | None, "an earlier plan (.json) to compare with; the status is 1 where it differs"] = None,
    out: Annotated[Path | None, "a file for the plan: JSON, or by .html a page, with the curves of a scheduler"] = None,
    total_steps: Annotated[int | None, "optimizer steps of the whole run, for the curves of a page"] = None,
    steps_per_epoch: Annotated[int | None, "optimizer steps per epoch, where a schedule counts epochs"] = None,
    json: Annotated[bool, "print the plan as JSON"] = False,
) -> int:
    """Which parameter gets which settings, without memory for a model."""
    from ..optimizers import api  # its registry asks for torch

    cfg = compose(overrides, app, config_name)
    before = _read(diff) if diff is not None else None
    key, node = _optimizer(cfg)
    with working("making the model"), _here():
        made = _make(_factory(model) if model is not None else _target(cfg))
    with working("planning"):
        planned = api.plan(node, made)
    if out is not None:
        _write(out, planned, _previews(cfg, planned, total_steps, steps_per_epoch) if is_page(out) else {}, overrides)
        print(f"wrote {out}")
    if before is not None:
        difference = planned.diff(before)
        print(difference)
        return int(bool(difference))
    if json:
        print(planned.to_json())
    elif out is None:
        print(planned)
        for remark in planned.remarks:
            print(remark.under(key))
    return 0


def _write(out: Path, planned: Plan, previews: Mapping[str, Preview], overrides: Sequence[str]) -> None:
    """The plan as the file's name says: a page or JSON."""
    if is_page(out):
        write_page(out, planned, previews, title=shlex.join(overrides) or None)
        return
    try:
        out.write_text(planned.to_json() + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError([Problem("out", f"cannot be written: {error}.", str(out))]) from error


def _previews(
    cfg: DictConfig, planned: Plan, total_steps: int | None, steps_per_epoch: int | None
) -> dict[str, Preview]:
    """The curves of the plan's groups, where the config has schedulers and the length of their run is known."""
    schedulers = {key: config for key, config in check(cfg).items() if registry("lr_scheduler").has(config.NAME)}
    shown = {}
    for key, scheduler in schedulers.items():
        if total_steps is None and scheduler.get("TOTAL_STEPS") is None:
            if scheduler.NAME == "NoneLR":
                continue  # nobody chose it: it is what stands there until another is chosen
            print(f"the page has no curves of {key}: say by --total-steps how long the run is", file=sys.stderr)
            continue
        run = horizon_of(scheduler, total_steps, steps_per_epoch)
        shown[key] = preview_of(OmegaConf.select(cfg, key), run, planned)
    return shown


def _read(path: Path) -> Plan:
    """A plan that was saved."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem("diff", f"cannot be read: {reason_of(error)}.", str(path))]) from error
    try:
        return Plan.from_json(text)
    except ConfigError as error:
        problems = (Problem("diff", problem.message, str(path)) for problem in error.problems)
        raise ConfigError(problems) from error


def _optimizer(cfg: DictConfig) -> tuple[str, Any]:
    """The key and the node of the one optimizer in a config."""
    keys = [key for key, config in check(cfg).items() if registry("optimizer").has(config.NAME)]
    if len(keys) == 1:
        return keys[0], OmegaConf.select(cfg, keys[0])
    none = "there is none: choose one by optimizer=OPTION."
    message = f"there are {', '.join(keys)}, and a plan is of one." if keys else none
    raise ConfigError([Problem("optimizer", message)])


@contextmanager
def _here() -> Iterator[None]:
    """The current folder's modules can be imported, as by `python -m`."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with suppress(ValueError):  # the model's own code may have taken it away
            sys.path.remove(folder)


def _factory(model: str) -> Callable[[], Any]:
    """What `package.module:factory` names."""
    module, _, name = model.partition(":")
    if not module or not name:
        path, _, last = model.removesuffix(".py").rpartition(".")
        near = f" Did you mean {path}:{last}?" if path and not name else ""
        raise ConfigError([Problem("model", f"must be package.module:factory.{near}", model)])
    found: Any = None
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:  # importing runs the user's own code
        near = did_you_mean(name, list(vars(found))) if isinstance(error, AttributeError) and found else ""
        raise ConfigError(
            [Problem("model", f"cannot be imported: {type(error).__name__}: {reason_of(error)}.{near}", model)]
        ) from error
    if not callable(found):
        raise ConfigError([Problem("model", "cannot be called, so that it makes no model.", model)])
    factory: Callable[[], Any] = found
    return factory


def _target(cfg: DictConfig) -> Callable[[], Any]:
    """What makes the model of an app: only the node `model` is instantiated."""
    node = cfg.get("model")
    if not isinstance(node, DictConfig) or "_target_" not in node:
        message = "which model? Say it by --model package.module:factory, or by an app's node model with a _target_."
        raise ConfigError([Problem("model", message)])
    from hydra.utils import instantiate

    return lambda: instantiate(node)


def _make(factory: Callable[[], Any]) -> Any:
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
