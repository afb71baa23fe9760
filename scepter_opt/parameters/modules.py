"""The modules below a root with their names, whatever wraps, shares or parametrizes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import ConfigError, Problem

WRAPPERS = frozenset(
    {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module", "_original_module"}
)
"""Parts of a name that wrappers put there; `module` is one too where it is all that a module holds."""
_MOST_PLACES = 100


def walk(root: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """A module and all below it with their names, in torch's order.

    A module in several places comes once for each of them, but no more than a hundred times: a module that is shared
    on each of many levels has more places than could be walked.

    Raises:
        ConfigError: A module holds itself.
    """
    places: dict[Any, int] = {}
    stack: list[tuple[str, Any, Any]] = [(prefix, root, None)]
    while stack:
        name, module, above = stack.pop()
        count = places.get(id(module), 0)
        if count:
            if count == 1:  # all below a module comes before what is beside it, so a circle shows the first time
                _check_circle(name, module, above)
            if count == _MOST_PLACES:
                continue
        places[id(module)] = count + 1
        yield name, module
        # not named_modules(): that comes to a shared module once, and its parameters have a name for each of its places
        children = module._modules
        if children:
            here = (module, above)
            for part in reversed(children):
                child = children[part]
                if child is not None:
                    wraps = part in WRAPPERS or (part == "module" and len(children) == 1 and not module._parameters)
                    stack.append((name if wraps else f"{name}.{part}" if name else part, child, here))


def _check_circle(name: str, module: Any, above: Any) -> None:
    while above is not None:
        if above[0] is module:
            raise ConfigError([Problem("", f"a module holds itself, at {name[:60]}.")])
        above = above[1]


def walk_with_hosts(root: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The same, each with the module whose tensor it keeps under a parametrization; None for all others.

    What torch.nn.utils.parametrize keeps of a tensor belongs to the module whose tensor it is, not to the list that
    holds it: the weight of a parametrized Linear is a Linear's.
    """
    from torch.nn.utils.parametrize import ParametrizationList

    hosts: dict[int, Any] = {}
    for place, module in walk(root, prefix):
        if module._modules and "parametrizations" in module._modules:
            lists = module._modules["parametrizations"]._modules.values()
            hosts |= {id(held): module for held in lists if isinstance(held, ParametrizationList)}
        yield place, module, hosts.get(id(module)) if hosts else None


def own_parameters(root: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Names, tensors and owners of all parameters below a root, in torch's order."""
    for place, module, host in walk_with_hosts(root, prefix):
        for part, tensor in module._parameters.items():
            if tensor is not None:
                owner = host if host is not None and part.startswith("original") else module
                yield f"{place}.{part}" if place else part, tensor, owner


def cleaned(pairs: list[tuple[str, Any]], strip: int | None = None) -> Iterator[tuple[str, Any]]:
    """The pairs with names as they would be without wrappers."""
    if strip is None:
        strip = common_modules([name for name, _ in pairs])
    for name, item in pairs:
        parts = [part for part in name.split(".") if part not in WRAPPERS]
        yield ".".join(parts[strip:]), item


def clean_names(names: list[str]) -> list[str]:
    """Names of one model's parameters as they would be without wrappers.

    >>> clean_names(["module._orig_mod.0.weight", "module._orig_mod.0.bias"])
    ['0.weight', '0.bias']
    """
    return [name for name, _ in cleaned([(name, None) for name in names])]


def common_modules(names: list[str]) -> int:
    """How often all names say `module` at their beginning: so often a wrapper was put around the whole."""
    count = 0
    inner = [[part for part in name.split(".") if part not in WRAPPERS] for name in names]
    while inner and all(len(parts) > count + 1 and parts[count] == "module" for parts in inner):
        count += 1
    return count
