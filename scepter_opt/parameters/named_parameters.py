"""Anything that `parameters` may be, as columns: names, tensors, the modules that own them, settings they came with."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import ConfigError, Problem, show
from .iterators import modules_of
from .modules import cleaned, common_modules, walk, walk_with_hosts

_FORMS = (
    "pass a module, a mapping of names to modules or tensors, named_parameters(), tensors, or torch's list of group "
    "dicts."
)


class Parameters:
    """Columns over parameters, each tensor once; a column is a list, so that a hundred thousand cost little."""

    def __init__(self) -> None:
        self.names: list[str] = []
        """The name of each, without the parts that wrappers add; empty where a tensor came without one."""
        self.tensors: list[Any] = []
        self.owners: list[Any] = []
        """The module that holds each, None where it is unknown."""
        self.tied: dict[int, list[tuple[str, Any]]] = {}
        """By position the further names of a tensor, each with its owner."""
        self.roots: list[tuple[str, Any]] = []
        """The modules that were given, with the prefix of their names."""
        self.given: list[dict[str, Any]] = []
        """What torch's group dicts brought along, without their parameters."""
        self.given_of: list[int] = []
        """By position the group dict that brought it; empty where none did."""
        self.sorted_names: list[tuple[str, int]] | None = None
        """All names with their positions in the order of the alphabet, where `sort_names` was asked for."""
        self._position: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.tensors)

    @property
    def has_names(self) -> bool:
        """Whether every parameter has a name."""
        return all(self.names)

    def identities(self, position: int) -> list[tuple[str, Any]]:
        """Every name of a parameter with the owner that it has there."""
        return [(self.names[position], self.owners[position]), *self.tied.get(position, ())]

    def all_names(self, position: int) -> list[str]:
        """Every name of a parameter."""
        return [name for name, _ in self.identities(position)]

    def sort_names(self) -> None:
        """Prepare for finding names by how they begin, which pays where many are looked for."""
        self.sorted_names = sorted((name, i) for i in range(len(self)) for name in self.all_names(i))

    def modules(self) -> Iterator[tuple[str, Any]]:
        """Every module below the roots with its name."""
        for prefix, root in self.roots:
            yield from walk(root, prefix)

    def subset(self, positions: Iterable[int]) -> Parameters:
        """The same columns for some of the parameters, in their order."""
        chosen = Parameters()
        chosen.roots, chosen.given = self.roots, self.given
        for new, old in enumerate(sorted(positions)):
            chosen.names.append(self.names[old])
            chosen.tensors.append(self.tensors[old])
            chosen.owners.append(self.owners[old])
            if old in self.tied:
                chosen.tied[new] = self.tied[old]
            if self.given_of:
                chosen.given_of.append(self.given_of[old])
        return chosen

    def has(self, name: str, tensor: Any) -> bool:
        """Whether a tensor is among these, and by this name if there is one."""
        position = self._position.get(id(tensor))
        return position is not None and (not name or name in self.all_names(position))

    def add_known(self, known: Parameters, tensors: Iterable[Any]) -> None:
        """Add some of other columns' parameters, in an order of their own, under all their names."""
        self.roots = known.roots
        for tensor in tensors:
            for name, owner in known.identities(known._position[id(tensor)]):
                self.add(name, tensor, owner)

    def add_module(self, prefix: str, root: Any) -> None:
        """Add all parameters of a module."""
        self.roots.append((prefix, root))
        position, names, tensors, owners = self._position, self.names, self.tensors, self.owners
        # as own_parameters and `add` do, without their calls: there can be a hundred thousand
        for place, module, host in walk_with_hosts(root, prefix):
            for part, tensor in module._parameters.items():
                if tensor is None:
                    continue
                name = f"{place}.{part}" if place else part
                owner = host if host is not None and part.startswith("original") else module
                if id(tensor) in position:
                    self.add(name, tensor, owner)
                else:
                    position[id(tensor)] = len(tensors)
                    names.append(name)
                    tensors.append(tensor)
                    owners.append(owner)

    def add(self, name: str, tensor: Any, owner: Any = None) -> None:
        """Add one parameter, or one more name of a parameter.

        Raises:
            ConfigError: It came twice without a name, or in two group dicts.
        """
        position = self._position.setdefault(id(tensor), len(self.tensors))
        if position == len(self.tensors):
            self.names.append(name)
            self.tensors.append(tensor)
            self.owners.append(owner)
            return
        what = self.names[position] or f"a tensor of shape {tuple(tensor.shape)}"
        # within one module a second name is a tie; in a second group dict it would be trained twice
        if position < len(self.given_of):
            raise _refusal(f"{what} is in two group dicts.")
        if not name or not self.names[position]:
            raise _refusal(f"{what} is there twice.")
        if name not in self.all_names(position):
            self.tied.setdefault(position, []).append((name, owner))


def collect(parameters: Any, graph_tensors: bool = False) -> Parameters:
    """The columns of whatever `parameters` is.

    Args:
        parameters: A module, a mapping of names to modules or tensors, `named_parameters()`, tensors, or torch's list
            of group dicts; or columns, which stay as they are. What an iterator yields has names where it still leads
            to modules that hold all of it.
        graph_tensors: Whether results of operations are taken as well as leaves of the graph.

    Raises:
        ConfigError: It is something else, or holds something else.
    """
    import torch

    if isinstance(parameters, Parameters):
        return parameters
    columns = Parameters()
    if isinstance(parameters, torch.nn.Module):
        columns.add_module("", parameters)
    elif isinstance(parameters, Mapping):
        # tensors keep the names they are given; a wrapper's prefix goes where all of them have it
        pairs = [(str(name), item) for name, item in parameters.items() if not isinstance(item, torch.nn.Module)]
        tensors = dict(cleaned(pairs))
        for name, item in parameters.items():
            if isinstance(item, torch.nn.Module):
                columns.add_module(str(name), item)
        for name, item in tensors.items():
            _check_tensor(name, item, graph_tensors)
            columns.add(name, item)
    # both can be iterated over: a text would be its letters, a tensor its rows
    elif isinstance(parameters, (str, torch.Tensor)) or not isinstance(parameters, Iterable):
        raise _refusal(f"{_described(parameters)} cannot be trained: {_FORMS}")
    else:
        # an iterator gives what it has only once, and forgets its modules then
        roots = modules_of([parameters])
        _collect_items(columns, list(parameters), roots, graph_tensors)
    _check_names(columns)
    _check_initialized(columns)
    return columns


def _collect_items(columns: Parameters, items: list[Any], roots: list[tuple[str, Any]], graph_tensors: bool) -> None:
    groups = [item for item in items if isinstance(item, Mapping)]
    if groups and len(groups) < len(items):
        raise _refusal("holds group dicts and something else: give either.")
    roots = roots or modules_of(group.get("params") for group in groups)
    named = [(group, _named(_members(group))) for group in groups] or [({}, _named(items))]
    every = [pair for _, pairs in named for pair in pairs]
    # whether `module.` is a wrapper's shows only over the names of all groups together
    strip = common_modules([name for name, _ in every])
    known = _looked_up(every, roots, strip) if roots else None
    for group, pairs in named:
        before = len(columns)
        if known is None:
            _add_pairs(columns, pairs, graph_tensors, strip)
        else:
            columns.add_known(known, [tensor for _, tensor in pairs])
        if groups:
            settings = {key: value for key, value in group.items() if key not in ("params", "param_names")}
            columns.given.append(settings)
            columns.given_of += [len(columns.given) - 1] * (len(columns) - before)


def _looked_up(pairs: list[tuple[str, Any]], roots: list[tuple[str, Any]], strip: int) -> Parameters | None:
    """All parameters of modules, where they hold all of these tensors, under their names if they have any."""
    known = Parameters()
    for prefix, root in roots:
        known.add_module(prefix, root)
    return known if all(known.has(name, tensor) for name, tensor in cleaned(pairs, strip)) else None


def _add_pairs(columns: Parameters, pairs: list[tuple[str, Any]], graph_tensors: bool, strip: int) -> None:
    for name, tensor in cleaned(pairs, strip):
        _check_tensor(name, tensor, graph_tensors)
        columns.add(name, tensor)


def _members(group: Mapping[str, Any]) -> list[Any]:
    import torch

    if "params" not in group:
        raise _refusal("a group dict has no `params`.")
    members = group["params"]
    if isinstance(members, torch.Tensor):
        members = [members]
    if isinstance(members, torch.nn.Module) or not isinstance(members, Iterable):
        raise _refusal(f"`params` of a group dict is {_described(members)}: give its named_parameters().")
    listed = list(members)
    names = group.get("param_names")
    if names is None:
        return listed
    if not isinstance(names, (list, tuple)) or len(names) != len(listed):
        message = f"`param_names` of a group dict is {show(names)}: give a name for each of the {len(listed)} `params`."
        raise _refusal(message)
    return list(zip(names, listed, strict=True))


def _named(items: list[Any]) -> list[tuple[str, Any]]:
    """Items as pairs, with an empty name for a tensor alone."""
    pairs = []
    for item in items:
        if isinstance(item, tuple):
            if len(item) != 2 or not isinstance(item[0], str):
                raise _refusal(f"{_described(item)} cannot be trained: a pair of a name and a tensor was expected.")
            pairs.append(item)
        else:
            pairs.append(("", item))
    return pairs


def _check_tensor(name: str, value: Any, graph_tensors: bool) -> None:
    import torch

    what = name or "one of the parameters"
    if not isinstance(value, torch.Tensor):
        raise _refusal(f"{what} is {_described(value)}, not a tensor: {_FORMS}")
    if not (value.is_leaf or value.retains_grad or graph_tensors):
        made_by = type(value.grad_fn).__name__
        raise _refusal(f"{what} is the result of an operation ({made_by}), not a parameter that can be trained.")


def _check_names(parameters: Parameters) -> None:
    if any(parameters.names) and not parameters.has_names:
        raise _refusal("some parameters have names and some have none: give names to all, or to none.")
    names = [*parameters.names, *(name for others in parameters.tied.values() for name, _ in others)]
    if len(set(names)) == len(names):
        return  # the search below is for the message
    owner_of: dict[str, int] = {}
    for position in range(len(parameters)) if parameters.has_names else ():
        for name in parameters.all_names(position):
            if owner_of.setdefault(name, position) != position:
                raise _refusal(f"two parameters have the name {name}.")


def _check_initialized(parameters: Parameters) -> None:
    from torch.nn.parameter import is_lazy

    # asked once for each class: there are many tensors
    examples = {type(tensor): tensor for tensor in parameters.tensors}
    kinds = {kind for kind, tensor in examples.items() if is_lazy(tensor)}
    if kinds:
        lazy = next(position for position, tensor in enumerate(parameters.tensors) if type(tensor) in kinds)
        name = parameters.names[lazy] or "one of the parameters"
        raise _refusal(f"{name} has no shape yet: run a batch through the model first.")


def _described(value: Any) -> str:
    torch = sys.modules["torch"]
    if isinstance(value, (torch.nn.Module, torch.Tensor)):
        return f"a single {type(value).__name__}"
    return f"{show(value)} ({type(value).__name__})"


def _refusal(message: str) -> ConfigError:
    return ConfigError([Problem("", message)])
