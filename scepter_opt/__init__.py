"""Optimizers and learning-rate schedules for PyTorch, chosen and tuned in Hydra configuration.

Importing this package makes the config groups `optimizer` and `lr_scheduler` options of any Hydra app. It imports no
torch.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import checkpoint as checkpoint
    from .checking import check as check
    from .checkpoint.report import LoadReport as LoadReport
    from .components.registry import get_config_template as get_config_template
    from .errors import ConfigError as ConfigError
    from .errors import ConfigWarning as ConfigWarning
    from .errors import Problem as Problem
    from .insight.audit import Audit as Audit
    from .insight.audit import audit as audit
    from .insight.page import write_page as write_page
    from .insight.preview import preview as preview
    from .insight.range_result import RateRange as RateRange
    from .insight.rate_range import find_lr as find_lr
    from .integrations.hydra_check import Check as Check
    from .integrations.hydra_plugins import expose as expose
    from .integrations.loop import Driver as Driver
    from .lr_schedulers import LR_SCHEDULERS as LR_SCHEDULERS
    from .lr_schedulers import BaseScheduler as BaseScheduler
    from .lr_schedulers import SchedulerConfig as SchedulerConfig
    from .lr_schedulers.api import build_lr_scheduler as build_lr_scheduler
    from .lr_schedulers.api import build_lr_schedulers as build_lr_schedulers
    from .lr_schedulers.api import schedule as schedule
    from .optimizers import OPTIMIZERS as OPTIMIZERS
    from .optimizers import BaseOptimize as BaseOptimize
    from .optimizers import OptimizerConfig as OptimizerConfig
    from .optimizers.api import build_optimizer as build_optimizer
    from .optimizers.api import build_optimizers as build_optimizers
    from .optimizers.api import freeze as freeze
    from .optimizers.api import plan as plan
    from .parameters.plan import Plan as Plan
    from .schedules.horizon import Horizon as Horizon

__version__ = "0.1.0"

_PUBLIC = {
    "Audit": "insight.audit",
    "BaseOptimize": "optimizers",
    "BaseScheduler": "lr_schedulers",
    "Check": "integrations.hydra_check",
    "ConfigError": "errors",
    "ConfigWarning": "errors",
    "Driver": "integrations.loop",
    "Horizon": "schedules.horizon",
    "LR_SCHEDULERS": "lr_schedulers",
    "LoadReport": "checkpoint.report",
    "OPTIMIZERS": "optimizers",
    "OptimizerConfig": "optimizers",
    "Plan": "parameters.plan",
    "Problem": "errors",
    "RateRange": "insight.range_result",
    "SchedulerConfig": "lr_schedulers",
    "audit": "insight.audit",
    "build_lr_scheduler": "lr_schedulers.api",
    "build_lr_schedulers": "lr_schedulers.api",
    "build_optimizer": "optimizers.api",
    "build_optimizers": "optimizers.api",
    "check": "checking",
    "checkpoint": "",
    "expose": "integrations.hydra_plugins",
    "find_lr": "insight.rate_range",
    "freeze": "optimizers.api",
    "get_config_template": "components.registry",
    "plan": "optimizers.api",
    "preview": "insight.preview",
    "schedule": "lr_schedulers.api",
    "write_page": "insight.page",
}

__all__ = list(_PUBLIC)

# In the repository the config files stand beside the package, and pkg://scepter_opt.conf is to find them there too.
_beside = Path(__file__).parent.parent
if not (Path(__file__).parent / "conf").is_dir() and (_beside / "conf" / "__init__.py").is_file():
    __path__.append(str(_beside))


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    # a name without a place is a module's own
    module = importlib.import_module(f".{_PUBLIC[name] or name}", __name__)
    value = getattr(module, name) if _PUBLIC[name] else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_PUBLIC))


from .integrations.hydra_plugins import expose_on_import  # noqa: E402  # the groups are to be found below __path__ as set above

expose_on_import()
