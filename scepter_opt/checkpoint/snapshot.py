"""Objects exactly as they are, kept in memory and brought back in place: whoever holds them sees nothing of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, final

from .randomness import random_states, restore_random_states

Undo = Callable[[], Any]


@final
class Snapshot:
    """The content of models, optimizers and what else changes in training, and the states of random numbers.

    Nothing is replaced by a copy: tensors keep their memory, and dictionaries and lists are the same objects again,
    so that parts of a Hybrid go on sharing one state, and what a compiled or captured step reads is still read. It
    holds one copy of every tensor, where that tensor is.

    >>> import torch
    >>> layer = torch.nn.Linear(2, 1)
    >>> before = layer.weight.clone()
    >>> taken = Snapshot([layer])
    >>> _ = torch.nn.init.zeros_(layer.weight)
    >>> taken.restore()
    >>> torch.equal(layer.weight, before)
    True
    """

    def __init__(self, objects: Iterable[Any]) -> None:
        self._undo: list[Undo] = []
        # also keeps what was seen in memory: an id is an object's own only as long as the object is there
        self._seen: dict[int, Any] = {}
        for each in objects:
            self._take_object(each)
        self._random = random_states()

    def restore(self) -> None:
        """Bring everything back; it may be called again."""
        import torch

        with torch.no_grad():
            for undo in self._undo:
                undo()
        for _ in restore_random_states(self._random):
            pass  # what was there when it was taken is there now

    def _take_object(self, item: Any) -> None:
        """A model by its tensors and flags, a loader by its generators, anything else by its attributes."""
        import torch

        if isinstance(item, torch.nn.Module):
            self._take_module(item)
        elif isinstance(item, torch.utils.data.DataLoader):
            self._take_loader(item)
        elif not self._take_generator(item) and hasattr(item, "__dict__"):
            self._take(vars(item))

    def _take_module(self, root: Any) -> None:
        for module in root.modules():
            self._undo.append(_flag_of(module))
            # who registers a buffer anew at each step gives the module another tensor
            self._take(module._parameters)
            self._take(module._buffers)

    def _take_loader(self, loader: Any) -> None:
        for holder in (loader, loader.sampler, loader.batch_sampler, getattr(loader.batch_sampler, "sampler", None)):
            self._take_generator(getattr(holder, "generator", None))
        # workers that stay are kept by their loader, and the next epoch begins with those that are there
        workers = getattr(loader, "_iterator", None)
        self._undo.append(lambda: setattr(loader, "_iterator", workers))

    def _take_generator(self, item: Any) -> bool:
        """A source of random numbers: torch's, numpy's or Python's. Whether it is one."""
        if hasattr(item, "get_state") and hasattr(item, "set_state"):
            state = item.get_state()
            self._undo.append(lambda: item.set_state(state))
        elif hasattr(item, "bit_generator"):
            bits, state = item.bit_generator, item.bit_generator.state
            self._undo.append(lambda: setattr(bits, "state", state))
        elif hasattr(item, "getstate") and hasattr(item, "setstate"):
            state = item.getstate()
            self._undo.append(lambda: item.setstate(state))
        else:
            return False
        return True

    def _take(self, value: Any, *, in_state: bool = False) -> None:
        """Keep a value with all that it holds; what is no data, such as a function, stays what it is.

        Args:
            value: Anything.
            in_state: Whether it is of an optimizer's `state`, where an object with attributes is data too.
        """
        import torch

        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if isinstance(value, torch.Tensor):
            self._take_tensor(value)
        elif isinstance(value, (MutableMapping, list, deque, set, tuple)):
            self._take_container(value, in_state)
        elif isinstance(value, (torch.optim.Optimizer, torch.nn.Module)):
            self._take_object(value)
        elif not self._take_generator(value) and in_state and hasattr(value, "__dict__") and not callable(value):
            self._take(vars(value), in_state=True)

    def _take_container(self, container: Any, in_state: bool) -> None:
        kept: Any = dict(container) if isinstance(container, MutableMapping) else list(container)
        if not isinstance(container, tuple):
            self._undo.append(lambda: _refill(container, kept))
        for key, item in kept.items() if isinstance(kept, dict) else enumerate(kept):
            # a parameter is a key too, and is compared as a tensor
            self._take(item, in_state=in_state or (isinstance(key, str) and key == "state"))

    def _take_tensor(self, tensor: Any) -> None:
        from torch.utils._python_dispatch import is_traceable_wrapper_subclass

        if is_traceable_wrapper_subclass(tensor):  # distributed or quantised: what it is made of
            for name in tensor.__tensor_flatten__()[0]:
                self._take(getattr(tensor, name))
        else:
            self._undo.append(_content_of(tensor))
        if tensor.is_leaf:
            wanted, gradient = tensor.requires_grad, tensor.grad
            self._undo.append(lambda: _reset(tensor, wanted, gradient))
            if gradient is not None:
                self._take(gradient)


def _content_of(tensor: Any) -> Undo:
    import torch

    kept = tensor.detach().clone()

    def undo() -> None:
        if tensor.layout is not torch.strided or (tensor.shape, tensor.dtype, tensor.device) != facts:
            tensor.data = kept.clone()  # a sparse gradient has as many values as it came with
        else:
            tensor.copy_(kept)

    facts = (tensor.shape, tensor.dtype, tensor.device)
    return undo


def _reset(tensor: Any, wanted: bool, gradient: Any) -> None:
    if tensor.requires_grad is not wanted:
        tensor.requires_grad_(wanted)
    if tensor.grad is not gradient:
        tensor.grad = gradient


def _flag_of(module: Any) -> Undo:
    training = module.training
    return lambda: setattr(module, "training", training)


def _refill(container: Any, kept: Any) -> None:
    """Give a container what it had; one that has it still is left alone, for compiled code looks at its changes."""
    own = list(container.values()) if isinstance(container, MutableMapping) else list(container)
    was = list(kept.values()) if isinstance(kept, dict) else kept
    same_keys = not isinstance(kept, dict) or list(container) == list(kept)
    if same_keys and len(own) == len(was) and all(one is other for one, other in zip(own, was, strict=True)):
        return
    container.clear()
    (container.extend if isinstance(container, (list, deque)) else container.update)(kept)
