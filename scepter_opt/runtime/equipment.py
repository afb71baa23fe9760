"""What this package adds to an optimizer of torch's: hooks, which its copies get again."""

from __future__ import annotations

import copyreg
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

from torch.optim import Optimizer

from ..errors import say
from ..parameters.modes import follow, modal_parts, wrong_mode
from ..parameters.state import remember_roots, take_nameless_groups
from .compiled import compile_steps
from .guard import Guard
from .loading import Loading

Addition = Callable[[Optimizer], None]
"""Adds something to an optimizer. Of what the optimizer holds it may use nothing: a copy is equipped while it is empty.
It is pickled with the optimizer, so it is a function of a module, or a partial of one."""


def equip(optimizer: Optimizer, additions: tuple[Addition, ...]) -> None:
    """Add to an optimizer, and to whatever deepcopy, pickle or torch.save make of it.

    torch drops hooks and instance attributes from a copy. A class that says itself how it is copied is left to that.

    Args:
        optimizer: Any of torch's kind. Its class stays what it is.
        additions: What is added, in order.
    """
    for add in additions:
        add(optimizer)
    cls = type(optimizer)
    if additions and (cls.__reduce_ex__, cls.__reduce__) == (object.__reduce_ex__, object.__reduce__):
        optimizer.__reduce_ex__ = _Reduction(optimizer, additions)  # type: ignore[method-assign]  # read by copy and pickle


def equip_built(
    optimizer: Any,
    *,
    fused: bool,
    compiled: tuple[str, ...],
    own_flags: bool,
    cold: bool,
    key: str,
    roots: list[tuple[str, Any]],
    logger: Any,
) -> None:
    """Add what an optimizer needs that was built from a Config.

    Args:
        optimizer: What was built. A class that wraps another may do without torch's constructor, and so without hooks:
            it is left alone.
        fused: Whether the steps of some groups are.
        compiled: The parts of a Hybrid whose steps are compiled; the nameless one of any other optimizer.
        own_flags: Whether the flags of a step are the configuration's; a class without a Config has its own.
        cold: Whether a loaded state may lack parameters, or have others.
        key: Full key of its node.
        roots: The modules that it was built over, with the prefix of their names.
        logger: Told what compiling took.
    """
    if not hasattr(optimizer, "_optimizer_load_state_dict_pre_hooks"):
        return
    guards: tuple[Addition, ...] = (guard,) if fused else ()
    compiles: tuple[Addition, ...] = (partial(compile_steps, parts=compiled),) if compiled else ()
    loads = partial(load_by_name, own_flags=own_flags, cold=cold, key=key)
    tells: tuple[Addition, ...] = (tell_of_mode,) if modal_parts(optimizer) else ()
    equip(optimizer, (*guards, loads, take_nameless_groups, *tells, *compiles))
    # a copy has modules of its own, or none
    remember_roots(optimizer, roots)
    follow(optimizer, [module for _, module in roots])
    if compiled and logger is not None:
        compile_steps(optimizer, compiled, logger)  # a copy has no logger: few can be pickled


def guard(optimizer: Optimizer) -> None:
    """Have a Guard look at every step."""
    watching = Guard()
    optimizer.register_step_pre_hook(watching.before_step)
    optimizer.register_step_post_hook(watching.restore)
    # a step that raised left its groups without the flag, which a checkpoint is not to keep
    optimizer.register_state_dict_pre_hook(watching.restore)
    optimizer.register_load_state_dict_pre_hook(watching.restore)


def tell_of_mode(optimizer: Optimizer) -> None:
    """Have it said when state is taken in a mode whose weights are not those to evaluate."""
    optimizer.register_state_dict_pre_hook(_tell_of_mode)


def _tell_of_mode(optimizer: Optimizer) -> None:
    for problem in wrong_mode(optimizer):
        say(problem)


def load_by_name(optimizer: Optimizer, own_flags: bool, cold: bool, key: str) -> None:
    """Have a Loading follow every load."""
    loading = Loading(own_flags, cold, key)
    optimizer.register_load_state_dict_pre_hook(loading.before_load)
    optimizer.register_load_state_dict_post_hook(loading.after_load)


class _Reduction:
    """An optimizer's `__reduce_ex__`, which holds it weakly: it would keep itself and its state in memory."""

    def __init__(self, optimizer: Optimizer, additions: tuple[Addition, ...]) -> None:
        self._optimizer = weakref.ref(optimizer)
        self._additions = additions

    def __call__(self, protocol: Any) -> Any:
        optimizer = self._optimizer()
        assert optimizer is not None  # it is what calls this
        return _empty, (type(optimizer), self._additions), optimizer.__getstate__()


def _empty(cls: type[Optimizer], additions: tuple[Addition, ...]) -> Optimizer:
    """A new optimizer with its additions, to be given its state by `__setstate__`."""
    optimizer: Optimizer = copyreg.__newobj__(cls)  # type: ignore[attr-defined]  # what pickle calls
    Optimizer.__setstate__(optimizer, {"defaults": {}})  # makes the places for hooks
    equip(optimizer, additions)
    return optimizer
