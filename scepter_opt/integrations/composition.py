"""What comes of a composition: a config that needs Hydra no more, or a problem in Hydra's words. No torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..errors import Problem, did_you_mean, reason_of


def refusals() -> tuple[type[Exception], ...]:
    """What a composition raises where configs or overrides are wrong."""
    from hydra.errors import HydraException
    from yaml import YAMLError

    return HydraException, OmegaConfBaseException, YAMLError, UnicodeDecodeError


def without_hydra(cfg: DictConfig, keep_hydra: bool = False) -> DictConfig:
    """A composed config as a job would see it, with the values of `${hydra:...}` in their places; it is changed itself.

    Args:
        cfg: With Hydra's node.
        keep_hydra: Whether that stays in it.
    """
    OmegaConf.set_readonly(cfg, False)
    OmegaConf.set_struct(cfg, False)
    with hydra_of(cfg):
        _fill_in(cfg)
    if not keep_hydra:
        del cfg["hydra"]
    OmegaConf.set_struct(cfg, True)
    return cfg


@contextmanager
def hydra_of(cfg: DictConfig) -> Iterator[None]:
    """While the block runs, `${hydra:...}` is of this config."""
    from hydra.core.hydra_config import HydraConfig

    known = HydraConfig.instance()
    before = known.cfg
    known.set_config(cfg)
    try:
        yield
    finally:
        known.cfg = before


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


def refusal(error: Exception, primary_configs: Sequence[str] = (), hint: Callable[[str], str] | None = None) -> Problem:
    """What Hydra says, with the override or the key that it speaks of and the nearest name.

    Args:
        error: One of `refusals`.
        primary_configs: Names of those that there are.
        hint: Words on an override that cannot be read, such as what it might be.
    """
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    words = f"{' '.join(lines[:1]) or type(error).__name__}".rstrip(".") + "."
    missing = getattr(error, "missing_cfg_file", None)
    if missing is not None:
        # an option of a group, or the primary config
        key, _, option = str(missing).rpartition("/")
        options = getattr(error, "options", None) or ([] if key else primary_configs)
        near = did_you_mean(option, options) or (f" There are {', '.join(options)}." if options else "")
        return Problem(key or "config_name", words + near, option)
    override = getattr(error, "override", None)
    if override is not None:
        return Problem("", f"the override {override} cannot be read: {words}{hint(str(override)) if hint else ''}")
    if error.__cause__ is not None and words.startswith("Error merging override"):
        return Problem("", f"{words} {reason_of(error.__cause__)}.")
    named = re.search(r"'([^']*)'", words)
    near = did_you_mean(*_names_near(error, named[1])) if named else ""
    # where the key stands and what object it is are lines of OmegaConf's own
    more = [] if near else takewhile(lambda line: not line.startswith(("full_key:", "object_type=")), lines[1:])
    return Problem(named[1] if named and near else "", " ".join([words, *more]) + near)


def _names_near(error: BaseException, full: str) -> tuple[str, Any]:
    """The part of a key that was not found, with the keys that stand beside its place."""
    inner: BaseException | None = error
    while inner is not None and getattr(inner, "parent_node", None) is None:
        inner = inner.__cause__
    if inner is None or not isinstance(inner.parent_node, DictConfig):  # type: ignore[attr-defined]  # OmegaConf's
        return full, []
    keys = list(inner.parent_node)  # type: ignore[attr-defined]  # OmegaConf's
    return full.rpartition(".")[2], {str(key): str(key) for key in keys}
