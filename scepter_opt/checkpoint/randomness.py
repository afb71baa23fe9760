"""The states of random numbers: torch's, CUDA's, numpy's and Python's, as torch.load(weights_only=True) reads them."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping
from typing import Any


def random_states() -> dict[str, Any]:
    """All states as they are now; numpy's only where numpy is in use."""
    import torch

    states: dict[str, Any] = {"torch": torch.get_rng_state(), "python": random.getstate()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # torch has no type for it
        states["cuda"] = torch.cuda.get_rng_state_all()
    if "numpy" in sys.modules:
        name, keys, *rest = sys.modules["numpy"].random.get_state(legacy=True)
        states["numpy"] = (
            str(name),
            [int(key) for key in keys],
            *(float(v) if isinstance(v, float) else int(v) for v in rest),
        )
    return states


def restore_random_states(states: Mapping[str, Any]) -> Iterator[str]:
    """Bring all states back; yields in words what could not be."""
    import torch

    torch.set_rng_state(states["torch"].cpu())
    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers), gauss))
    if "numpy" in states:
        try:
            import numpy as np
        except ImportError:
            yield "numpy's random state was saved, and numpy is not installed"
        else:
            name, keys, *rest = states["numpy"]
            np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
    cuda = states.get("cuda")
    if cuda is None:
        return
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    for device, state in enumerate(cuda[:count]):
        torch.cuda.set_rng_state(state.cpu(), device)
    if count != len(cuda):
        yield f"random numbers of {len(cuda)} CUDA devices were saved, and there are {count}"
