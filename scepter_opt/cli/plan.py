"""`scepter-opt plan`: which parameter of a real model gets which settings, without its memory."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from omegaconf import DictConfig, OmegaConf

from ..checking import check
from ..errors import ConfigError, Problem, reason_of
from ..insight.page import is_page, write_page
from ..insight.preview import Preview
from ..insight.progress import working
from ..insight.writing import writing
from ..parameters.plan import Plan
from .composing import compose
from .models import model_of
from .schedulers import optimizers_of, previews_of


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
    made = model_of(cfg, model)
    with working("planning"):
        planned = api.plan(node, made)
    if out is not None:
        shown = previews_of(cfg, {key: planned}, total_steps, steps_per_epoch) if is_page(out) else {}
        _write(out, planned, shown, overrides)
        if not json:  # what is printed then is one document
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
    with writing(out):
        out.write_text(planned.to_json() + "\n", encoding="utf-8")


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
    keys = optimizers_of(check(cfg))
    if len(keys) == 1:
        return keys[0], OmegaConf.select(cfg, keys[0])
    raise ConfigError([Problem("optimizer", f"there are {', '.join(keys)}, and a plan is of one.")])
