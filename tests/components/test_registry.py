"""Names, options, and the three kinds of user classes."""

from __future__ import annotations

import pickle
import threading
from dataclasses import dataclass
from typing import Any

import cloudpickle
import pytest
import torch
from hydra import compose, initialize
from omegaconf import OmegaConf
from torch.optim.lr_scheduler import LRScheduler

import scepter_opt
from scepter_opt import LR_SCHEDULERS, OPTIMIZERS, BaseOptimize, BaseScheduler, ConfigError, OptimizerConfig
from tests.support import make_model


class Recorder:
    """A logger that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)


def test_the_quoted_snippets_of_the_original_run() -> None:
    from scepter_opt.lr_schedulers import LR_SCHEDULERS
    from scepter_opt.lr_schedulers.base_scheduler import BaseScheduler
    from scepter_opt.optimizers.base_optimizer import BaseOptimize
    from scepter_opt.optimizers.registry import OPTIMIZERS

    @OPTIMIZERS.register_class()
    class Xxx(BaseOptimize):
        def __init__(self, cfg: Any, logger: Any = None) -> None:
            super(Xxx, self).__init__(cfg, logger=logger)  # noqa: UP008  # as the original writes it

    @LR_SCHEDULERS.register_class()
    class XxxLR(BaseScheduler):
        def __init__(self, cfg: Any, logger: Any = None) -> None:
            super().__init__(cfg, logger=logger)

    class Solver:
        cfg = OmegaConf.create({"OPTIMIZER": {"NAME": "SGD", "LEARNING_RATE": 0.1}, "LR_SCHEDULER": {"NAME": "NoneLR"}})
        logger = Recorder()

        def train_parameters(self) -> Any:
            return make_model("SGD").parameters()

    self = Solver()
    optimizer = OPTIMIZERS.build(self.cfg.OPTIMIZER, logger=self.logger, parameters=self.train_parameters())
    LR_SCHEDULERS.build(self.cfg.LR_SCHEDULER, logger=self.logger, optimizer=optimizer)
    assert [line.split(":")[0] for line in self.logger.lines] == ["SGD", "NoneLR"]
    with pytest.raises(ConfigError, match="Xxx builds nothing"):
        OPTIMIZERS.build({"NAME": "Xxx"}, parameters=self.train_parameters())
    with pytest.raises(ConfigError, match="XxxLR builds nothing"):
        LR_SCHEDULERS.build({"NAME": "XxxLR"}, optimizer=optimizer)


class ScepterConfig:
    """SCEPTER's own Config, as far as it matters here."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.cfg_dict = values

    def __getattr__(self, key: str) -> Any:
        return self.__dict__["cfg_dict"][key]


@pytest.mark.parametrize("wrap", [dict, OmegaConf.create, ScepterConfig])
def test_a_class_without_config_reads_any_node_as_in_the_original(wrap: Any) -> None:
    seen: dict[str, Any] = {}

    @OPTIMIZERS.register_class("Mine")
    class Other(BaseOptimize):
        def __init__(self, cfg: Any, logger: Any = None) -> None:
            seen.update(
                attribute=cfg.ETA, item=cfg["ETA"], get=cfg.get("NO", 3), have=cfg.have("ETA"), no=cfg.have("NO")
            )
            seen.update(inner=cfg.INNER.A, listed=cfg.LISTED[0].B, repeated="ETA" in cfg, keys=list(cfg.keys()))

        def __call__(self, parameters: Any) -> Any:
            seen["parameters"] = parameters
            return torch.optim.SGD(parameters, lr=0.5)

    node = wrap({"NAME": "Mine", "ETA": 2, "INNER": {"A": 1}, "LISTED": [{"B": 4}]})
    optimizer = OPTIMIZERS.build(node, parameters=make_model("SGD"))
    assert isinstance(optimizer, torch.optim.SGD)
    assert isinstance(seen["parameters"], list)
    assert isinstance(seen["parameters"][0], dict)
    assert {key: seen[key] for key in ("attribute", "item", "get", "have", "no", "inner", "listed", "repeated")} == {
        "attribute": 2, "item": 2, "get": 3, "have": True, "no": False, "inner": 1, "listed": 4, "repeated": True,
    }  # fmt: skip


def test_a_class_without_config_may_name_a_target() -> None:
    @OPTIMIZERS.register_class()
    class Loose(BaseOptimize):
        target = "torch.optim.SGD"

    model = make_model("SGD")
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "Loose", "LEARNING_RATE": 0.3, "MOMENTUM": 0.5})
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]) == (0.3, 0.5)
    with pytest.raises(ConfigError, match=r"SGD refuses: .*unexpected keyword argument 'momentun'"):
        scepter_opt.build_optimizer(model, {"NAME": "Loose", "MOMENTUN": 0.5})


def test_a_class_with_config_is_typed_checked_and_an_option() -> None:
    @OPTIMIZERS.register_class()
    class FancySGD(BaseOptimize):
        """Plain descent with a shorter name."""

        target = "torch.optim.SGD"

        @dataclass(kw_only=True)
        class Config(OptimizerConfig):
            LEARNING_RATE: float = 0.25
            """How far each step goes."""

    with initialize(version_base="1.3", config_path=None):
        cfg = compose(overrides=["+optimizer=fancysgd", "optimizer.LEARNING_RATE=0.5"])
    assert OmegaConf.get_type(cfg.optimizer) is FancySGD.Config
    assert scepter_opt.build_optimizer(make_model("SGD"), cfg.optimizer).param_groups[0]["lr"] == 0.5
    assert "# How far each step goes.\nLEARNING_RATE: 0.25" in OPTIMIZERS.get_config_template("FancySGD")
    with pytest.raises(ConfigError, match=r"RATE = 'x': must be a number. \(How far each step goes.\)"):
        scepter_opt.check({"NAME": "FancySGD", "LEARNING_RATE": "x"})


class Momentumless(torch.optim.SGD):
    """A class of torch's kind."""

    def __init__(
        self,
        params: Any,
        lr: float = 0.125,
        *,
        ranks: tuple[int, int] = (1, 2),
        scale: float | torch.Tensor = 1.0,
        **kw: Any,
    ) -> None:
        self.ranks, self.scale = ranks, scale
        super().__init__(params, lr=lr, **kw)


class HalvingLR(LRScheduler):
    """A scheduler of torch's kind."""

    def __init__(self, optimizer: torch.optim.Optimizer, every: int, last_epoch: int = -1) -> None:
        self.every = every
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """Half the rate every few steps."""
        return [base * 0.5 ** (self.last_epoch // self.every) for base in self.base_lrs]


def test_a_torch_class_gets_its_config_from_its_signature() -> None:
    OPTIMIZERS.register_class()(Momentumless)
    LR_SCHEDULERS.register_class()(HalvingLR)
    config = scepter_opt.check({"NAME": "Momentumless", "RANKS": [3, 4], "MOMENTUM": 0.5, "SCALE": "1e-1"})
    assert (config.LEARNING_RATE, config.RANKS, config.MOMENTUM, config.SCALE) == (0.125, (3, 4), 0.5, 0.1)
    optimizer: Any = scepter_opt.build_optimizer(make_model("SGD"), config)
    assert type(optimizer) is Momentumless
    assert (optimizer.ranks, optimizer.param_groups[0]["momentum"]) == ((3, 4), 0.5)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, {"NAME": "HalvingLR", "EVERY": 2.0})
    assert type(scheduler) is HalvingLR
    assert pickle.loads(pickle.dumps(config)) == config
    with initialize(version_base="1.3", config_path=None):
        cfg = compose(overrides=["+optimizer=momentumless", "+lr_scheduler=halving", "lr_scheduler.EVERY=3"])
    assert cfg.optimizer.LEARNING_RATE == 0.125
    with pytest.raises(ConfigError) as caught:
        scepter_opt.check(
            {"a": {"NAME": "Momentumless", "RANKS": [1], "LEARNING_RATE": True}, "b": {"NAME": "HalvingLR"}}
        )
    assert [problem.key for problem in caught.value.problems] == ["a.RANKS", "a.LEARNING_RATE", "b.EVERY"]


def test_a_subclass_of_a_class_here_has_its_own_config() -> None:
    from scepter_opt.optimizers.official_optimizers import SGD

    @OPTIMIZERS.register_class()
    class Descent(SGD):
        pass

    assert Descent.Config is not SGD.Config
    assert type(scepter_opt.check({"NAME": "Descent", "MOMENTUM": 0.5})) is Descent.Config
    assert OPTIMIZERS.entry_of(SGD.Config) is OPTIMIZERS.entry("SGD")


def test_a_name_is_registered_once() -> None:
    def define() -> type:
        @OPTIMIZERS.register_class("Once")
        class Mine(BaseOptimize):
            pass

        return Mine

    define()
    again = define()
    assert OPTIMIZERS.entry("Once").cls is again
    with pytest.raises(ConfigError, match=r"Once: is registered already: .*define.<locals>.Mine and .*Momentumless"):
        OPTIMIZERS.register_class("Once")(Momentumless)
    with pytest.raises(ConfigError, match=r"is registered already: scepter_opt.optimizers.official_optimizers.SGD and"):
        OPTIMIZERS.register_class("SGD")(Momentumless)
    with pytest.raises(ConfigError, match=r"the option adamw is .*AdamW's already"):
        OPTIMIZERS.register_class(option="adamw")(Momentumless)
    assert "Momentumless" not in OPTIMIZERS.entries()
    assert OPTIMIZERS.entry("SGD").cls.__module__ == "scepter_opt.optimizers.official_optimizers"


def test_what_cannot_be_registered_is_named_and_leaves_nothing() -> None:
    class Plain:
        pass

    class Loose(BaseOptimize):
        class Config:
            LEARNING_RATE: float = 1.0

    class Undecorated(BaseScheduler):
        class Config(scepter_opt.SchedulerConfig):
            LENGTH: int = 1

    with pytest.raises(ConfigError, match="must extend BaseOptimize or BaseScheduler, or torch's"):
        OPTIMIZERS.register_class()(Plain)
    with pytest.raises(ConfigError, match=r"Loose.Config: must extend OptimizerConfig"):
        OPTIMIZERS.register_class()(Loose)
    with pytest.raises(ConfigError, match=r"@dataclass\(kw_only=True\); it lacks LENGTH"):
        LR_SCHEDULERS.register_class()(Undecorated)
    with pytest.raises(ConfigError, match="only a class"):
        OPTIMIZERS.register_class()(lambda: None)  # type: ignore[type-var]  # what the message is for
    assert not {"Plain", "Loose"} & OPTIMIZERS.entries().keys()


def test_registries_are_themselves_in_a_worker() -> None:
    assert cloudpickle.loads(cloudpickle.dumps(OPTIMIZERS)) is OPTIMIZERS
    assert pickle.loads(pickle.dumps(LR_SCHEDULERS)) is LR_SCHEDULERS


def test_one_thread_registers_while_another_checks() -> None:
    stop = threading.Event()
    faults: list[BaseException] = []

    def check() -> None:
        while not stop.is_set():
            try:
                scepter_opt.check({"optimizer": {"NAME": "SGD"}, "x": {"NAME": "nobody"}})
                OPTIMIZERS.entries()
            except BaseException as error:
                faults.append(error)
                return

    threads = [threading.Thread(target=check) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(200):
        OPTIMIZERS.register_class(f"Registered{number}")(type(f"Registered{number}", (BaseOptimize,), {}))
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults
