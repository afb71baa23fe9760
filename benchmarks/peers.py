"""Other packages that the numbers are compared with, each left out, and named as such, where it is not installed."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

NAMES = ("hydra_zen", "pytorch_optimizer", "timm", "transformers")
SKIPPED: dict[str, str] = {}
"""Why a package was left out, by name."""


def peer(name: str, *modules: str) -> Any:
    """A package, with modules of it imported; None where that fails.

    Args:
        name: The package.
        modules: Full names of modules of it that are used.
    """
    try:
        version(name)
        if name == "timm":
            _define_operators()
        package = import_module(name)
        for module in modules:
            import_module(module)
    except (ImportError, RuntimeError) as error:
        SKIPPED[name] = "not installed" if isinstance(error, PackageNotFoundError) else str(error)
        return None
    return package


_libraries: list[Any] = []


def _define_operators() -> None:
    """Let a CUDA build of torchvision, which timm imports, be imported with a CPU build of torch."""
    import torch

    if _libraries or not torch.__version__.endswith("+cpu") or version("torchvision").endswith("+cpu"):
        return
    _libraries.append(torch.library.Library("torchvision", "DEF"))  # type: ignore[no-untyped-call]  # torch's own gap
    for name in ("nms", "qnms"):
        _libraries[0].define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
