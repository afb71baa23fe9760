"""SCEPTER's nodes: every key of its tables through `convert`, and built as it built them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt.config.validation import fields
from scepter_opt.conversion import convert
from scepter_opt.conversion.scepter import OPTIMIZERS, SCHEDULERS
from tests.support import annealing, decay, keyword, make_model, ratio, tick

# What a file must say, and another value of every key than SCEPTER's default.
REQUIRED: dict[str, dict[str, Any]] = {
    "SGD": {"LEARNING_RATE": 0.05},
    "StepLR": {"STEP_SIZE": 30},
    "CyclicLR": {"BASE_LR": 0.01, "MAX_LR": 0.1},
    "LambdaLR": {"LR_LAMBDA": "tests.support.decay"},
    "MultiStepLR": {"MILESTONES": [30, 400]},
    "CosineAnnealingLR": {"T_MAX": 200.0},
    "CosineAnnealingWarmRestarts": {"T_0": 40},
    "LinoPolyLR": {"END_EPOCH": 700},
    "StepAnnealingLR": {"WARMUP_STEPS": 50, "TOTAL_STEPS": 900},
}
OTHERS: dict[str, Any] = {
    "LEARNING_RATE": "2e-3",
    "MOMENTUM": 0.8,
    "DAMPENING": 0.1,
    "WEIGHT_DECAY": "1e-4",
    "NESTEROV": False,
    "RHO": 0.95,
    "EPS": 1e-7,
    "LEARNING_RATE_DECAY": 0.01,
    "INITIAL_ACCUMULATOR_VALUE": 0.1,
    "BETAS": [0.8, 0.99],
    "AMSGRAD": True,
    "LAMBD": 1e-3,
    "ALPHA": 0.9,
    "T0": 1e5,
    "MAX_ITER": 10,
    "MAX_EVAL": 12,
    "TOLERANCE_GRAD": 1e-6,
    "TOLERANCE_CHANGE": 1e-8,
    "HISTORY_SIZE": 50,
    "LINE_SEARCH_FN": "strong_wolfe",
    "CENTERED": True,
    "ETAS": [0.4, 1.3],
    "STEP_SIZES": [1e-5, 40],
    "STEP_SIZE_UP": 60,
    "STEP_SIZE_DOWN": 30,
    "SCALE_FN": "tests.support.ratio",
    "SCALE_MODE": "iterations",
    "CYCLE_MOMENTUM": True,
    "BASE_MOMENTUM": 0.7,
    "MAX_MOMENTUM": 0.95,
    "GAMMA": 0.999,
    "ETA_MIN": 0.001,
    "T_MULT": 2,
    "FACTOR": 0.5,
    "PATIENCE": 3,
    "THRESHOLD": 1e-3,
    "COOLDOWN": 2,
    "MIN_LR": 0.002,
    "POWER": 2,
    "WARMUP_STEPS": 30,
    "DECAY_MODE": "linear",
    "THRESHOLD_MODE": "abs",
}
MODES = {"CyclicLR": "exp_range", "ReduceLROnPlateau": "max"}
# Where a tick is said that the run goes on after: an unbroken run's rates, held by the scheduler's own tests.
GOES_ON = ("LAST_EPOCH", "LAST_STEP")
FUNCTIONS = {"tests.support.decay": decay, "tests.support.ratio": ratio}


def converted(place: str, node: dict[str, Any]) -> Any:
    conversion = convert({"SOLVER": {place: node}})
    assert not conversion.unconverted
    (made,) = conversion.nodes.values()
    return made


def filled(name: str, node: dict[str, Any]) -> dict[str, Any]:
    """What SCEPTER called the class with: the file's keys, and its own defaults."""
    table = {**OPTIMIZERS, **SCHEDULERS}[name]
    keys = {**table, **{key: value for key, value in node.items() if key != "NAME"}}
    return {keyword(key): float(v) if isinstance(v, str) and "e-" in v else v for key, v in keys.items()}


def cases(table: dict[str, dict[str, Any]]) -> list[Any]:
    """Each class at its defaults, then with every key alone at another value."""
    nodes = []
    for name, keys in table.items():
        required = {"NAME": name, **REQUIRED.get(name, {})}
        nodes.append(pytest.param(required, id=name))
        others = {**OTHERS, "MODE": MODES.get(name), "NESTEROV": True}
        needed = {"MOMENTUM": 0.9} if name == "SGD" else {}  # which Nesterov's and dampening ask for
        alone = keys.keys() - REQUIRED.get(name, {}).keys() - {*GOES_ON, *(["GAMMA"] if name == "StepLR" else [])}
        nodes += [pytest.param({**required, **needed, key: others[key]}, id=f"{name}-{key}") for key in sorted(alone)]
    return nodes


@pytest.mark.filterwarnings("ignore::scepter_opt.ConfigWarning")
@pytest.mark.parametrize("node", cases(OPTIMIZERS))
def test_an_optimizer_has_the_groups_that_scepter_gave_it(node: dict[str, Any]) -> None:
    made = converted("OPTIMIZER", node)
    assert made["IMPLEMENTATION"] == "torch"
    model = make_model(node["NAME"])
    ours = scepter_opt.build_optimizer(model, made)
    theirs = getattr(torch.optim, node["NAME"])(list(model.parameters()), **filled(node["NAME"], node))
    (group,), (other,) = ours.param_groups, theirs.param_groups
    # torch takes a list for betas as it is, and ours is a tuple
    assert {key: comparable(group[key]) for key in other} == {key: comparable(value) for key, value in other.items()}


def comparable(value: Any) -> Any:
    return (
        list(map(id, value))
        if isinstance(value, list) and value and torch.is_tensor(value[0])
        else (tuple(value) if isinstance(value, list) else value)
    )


def scheduled(node: dict[str, Any], optimizer: torch.optim.Optimizer) -> Any:
    """SCEPTER's scheduler by hand."""
    name, keywords = node["NAME"], filled(node["NAME"], node)
    functions = {key: FUNCTIONS[path] for key in ("lr_lambda", "scale_fn") if (path := keywords.get(key))}
    keywords |= functions
    keywords.pop("last_epoch", None)
    by_lambda = torch.optim.lr_scheduler.LambdaLR
    if name == "LinoPolyLR":
        end, power = keywords["end_epoch"], keywords["power"]
        return by_lambda(optimizer, lambda t: (1 - min(t, end) / end) ** power)
    if name == "WarmupToConstantLR":
        return by_lambda(optimizer, lambda t: min(1.0, t / keywords["warmup_steps"]))
    if name == "StepAnnealingLR":
        warmup, total, rate = keywords["warmup_steps"], keywords["total_steps"], optimizer.param_groups[0]["lr"]

        def factor(t: int) -> float:
            share = annealing(t, warmup, total)
            if keywords["decay_mode"] == "linear" and t > warmup:
                share = 1 - min(1.0, (t - warmup) / (total - warmup))
            return float(max(share, keywords["min_lr"] / rate))

        return by_lambda(optimizer, factor)
    if name == "StepLR":
        keywords = {"step_size": keywords["step_size"]}
    return getattr(torch.optim.lr_scheduler, name)(optimizer, **keywords)


@pytest.mark.filterwarnings("ignore::scepter_opt.ConfigWarning")
@pytest.mark.parametrize("node", cases(SCHEDULERS))
def test_a_scheduler_runs_at_the_rates_of_scepter_for_a_thousand_ticks(node: dict[str, Any]) -> None:
    made = converted("LR_SCHEDULER", node)
    seen: list[list[float]] = []
    for make in (lambda o: scepter_opt.build_lr_scheduler(o, made), lambda o: scheduled(node, o)):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)
        scheduler, rates = make(optimizer), []
        for step in range(1000):
            group = optimizer.param_groups[0]
            rates += [group["lr"], group["momentum"]]
            optimizer.step()
            tick(scheduler, metric=max(0.5, 1.0 - 0.01 * step))
        seen.append(rates)
    assert seen[0] == pytest.approx(seen[1], rel=1e-12, abs=1e-15)


def test_what_is_written_out_is_what_the_tables_have_in_bold() -> None:
    written: dict[str, Any] = {}
    for place, table in (("OPTIMIZER", OPTIMIZERS), ("LR_SCHEDULER", SCHEDULERS)):
        for name in table:
            said = {"NAME": name, **REQUIRED.get(name, {})}
            extra = {k: v for k, v in converted(place, said).items() if k not in said and k != "IMPLEMENTATION"}
            written |= {name: extra} if extra else {}
    assert written == {
        "Adadelta": {"RHO": 0.0},
        "Adam": {"LEARNING_RATE": 0.01, "EPS": 1e-10},
        "AdamW": {"WEIGHT_DECAY": 0.0},
        "ExponentialLR": {"GAMMA": 0.1},
        "CosineAnnealingWarmRestarts": {"ETA_MIN": 1.0},
    }


@pytest.mark.parametrize("name", [*OPTIMIZERS, *SCHEDULERS])
def test_every_key_of_scepter_is_one_of_ours(name: str) -> None:
    registry = scepter_opt.OPTIMIZERS if name in OPTIMIZERS else scepter_opt.LR_SCHEDULERS
    assert {**OPTIMIZERS, **SCHEDULERS}[name].keys() <= fields(registry.entry(name).config).keys()


@pytest.mark.parametrize(
    "name", [name for name, keys in SCHEDULERS.items() if {*GOES_ON} & {*keys} and name != "StepLR"]
)
def test_a_tick_to_go_on_after_is_kept(name: str) -> None:
    (key,) = {*GOES_ON} & {*SCHEDULERS[name]}
    node = {"NAME": name, **REQUIRED.get(name, {}), key: -1}
    assert converted("LR_SCHEDULER", node)[key] == -1
    told = convert({"LR_SCHEDULER": {**node, key: 4}})
    assert told.nodes["lr_scheduler"][key] == 4
    assert not told.unconverted


def problems(place: str, node: dict[str, Any]) -> list[str]:
    return [str(problem) for problem in convert({"SOLVER": {place: node}}).unconverted]


def test_what_scepter_ignored_is_left_out_and_told() -> None:
    node = {"NAME": "StepLR", "STEP_SIZE": 3, "GAMMA": 0.5, "LAST_EPOCH": 4}
    conversion = convert({"LR_SCHEDULER": node})
    assert conversion.nodes["lr_scheduler"] == {"NAME": "StepLR", "STEP_SIZE": 3}
    assert conversion.report() == (
        "LR_SCHEDULER.GAMMA = 0.5: SCEPTER ignored it and ran with 0.1: left out. Write it if you want it now.\n"
        "LR_SCHEDULER.LAST_EPOCH = 4: SCEPTER ignored it and ran with -1: left out. Write it if you want it now."
    )
    assert not problems("LR_SCHEDULER", {**node, "GAMMA": 0.1, "LAST_EPOCH": -1})


def test_a_function_that_is_no_import_path_is_told_and_left_to_write() -> None:
    node = {"NAME": "LambdaLR", "LR_LAMBDA": "lambda t: 0.9 ** t"}
    assert convert({"LR_SCHEDULER": node}).nodes["lr_scheduler"]["LR_LAMBDA"] == "???"
    (problem,) = problems("LR_SCHEDULER", node)
    assert problem == (
        "SOLVER.LR_SCHEDULER.LR_LAMBDA = 'lambda t: 0.9 ** t': is no import path: put the function into a module, and "
        "write package.module.function."
    )


def test_wrong_names_keys_and_values_are_told_by_their_full_keys() -> None:
    assert "Did you mean SGD?" in problems("OPTIMIZER", {"NAME": "SDG"})[0]
    assert problems("OPTIMIZER", {"NAME": "Adam", "LERNING_RATE": 1})[0] == (
        "SOLVER.OPTIMIZER.LERNING_RATE = 1: SCEPTER's Adam has no such key, and ran without it: left out. Did you mean "
        "LEARNING_RATE?"
    )
    assert problems("OPTIMIZER", {"NAME": "Adam", "EPS": -1})[0].startswith(
        "SOLVER.OPTIMIZER.EPS = -1: must be at least 0."
    )
    assert problems("OPTIMIZER", {"NAME": "SGD"}) == ["SOLVER.OPTIMIZER.LEARNING_RATE: SCEPTER's SGD requires it."]


def test_step_annealing_goes_on_after_its_last_step() -> None:
    node = {"NAME": "StepAnnealingLR", "WARMUP_STEPS": 10, "TOTAL_STEPS": 100, "LAST_STEP": 4}
    optimizer = torch.optim.SGD([{"params": [torch.zeros(1, requires_grad=True)], "initial_lr": 0.1}], lr=0.1)
    scepter_opt.build_lr_scheduler(optimizer, converted("LR_SCHEDULER", node))
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05)
