"""What is installed, and what of it is used."""

from __future__ import annotations

import json as json_text
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Annotated, Any

from .tables import table

# What the package uses where it is there, and for what.
OPTIONAL = {
    "typer": "this command",
    "rich": "tables and progress",
    "plotext": "curves in a terminal",
    "matplotlib": "pictures",
    "optuna": "sweeps that search",
    "lightning": "a trainer",
    "accelerate": "a trainer",
    "transformers": "a trainer",
    "timm": "optimizers and models",
    "pytorch_optimizer": "optimizers",
    "schedulefree": "optimizers",
    "torchao": "optimizers",
    "bitsandbytes": "optimizers",
}
_CORE = ("scepter_opt", "torch", "hydra-core", "omegaconf", "pydantic")


def doctor(json: Annotated[bool, "As JSON."] = False) -> int:
    """Versions, devices, steps, libraries, Hydra's groups."""
    found = _report()
    if json:
        print(json_text.dumps(found, indent=2))
        return 0
    parts = []
    for title, rows in found.items():
        parts.append("\n".join([title, table([(f"  {name}", str(text)) for name, text in rows.items()])]))
    print("\n\n".join(parts))
    return 0


def _report() -> dict[str, dict[str, Any]]:
    versions = {"python": platform.python_version()} | {name: _version(name) for name in _CORE}
    optional = {name: f"{_version(name)}, for {use}" for name, use in OPTIONAL.items()}
    return {
        "versions": versions,
        "devices": _devices(),
        "steps by IMPLEMENTATION: auto, on each device": _steps(),
        "optional libraries": optional,
        "config groups": {"exposed to Hydra": _exposed()},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "there, without a version" if find_spec(name.replace("-", "_")) is not None else "not installed"


def _devices() -> dict[str, str]:
    import torch

    found = {"cpu": f"{torch.get_num_threads()} threads"}
    if torch.cuda.is_available():
        found |= {f"cuda:{i}": torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())}
    if torch.backends.mps.is_available():
        found["mps"] = "Metal"
    return found


def _steps() -> dict[str, str]:
    """Which step a dense float parameter gets, by optimizer: what the plan of one says."""
    import torch

    from ..components.registry import registry
    from ..errors import ConfigError
    from ..optimizers.api import plan

    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    chosen = {}
    for name, entry in registry("optimizer").own_entries().items():
        steps = []
        for device in devices:
            layer = torch.nn.Linear(2, 2, bias=False, device=device)
            try:
                group = plan({"NAME": entry.name}, layer).groups()[0]
            except ConfigError:  # Hybrid has parts that only its user knows
                continue
            flag = next((flag for flag in ("fused", "foreach") if group.get(flag)), "for_loop")
            steps.append(f"{device}: {flag}")
        if steps:
            chosen[name] = ", ".join(steps)
    return chosen


def _exposed() -> str:
    from hydra.core.plugins import Plugins
    from hydra.plugins.search_path_plugin import SearchPathPlugin

    from ..integrations.hydra_plugins import ScepterSearchPath, expose

    expose()
    there = ScepterSearchPath in Plugins.instance().discover(SearchPathPlugin)
    return "yes, by `import scepter_opt`" if there else "no: call scepter_opt.expose()"
