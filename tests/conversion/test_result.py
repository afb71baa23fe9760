"""What a conversion comes to, as YAML, as a report and as JSON."""

from __future__ import annotations

import json

import yaml

from scepter_opt import Problem
from scepter_opt.conversion import Conversion
from scepter_opt.conversion.result import checked, idle

NODES = {
    "optimizer": {"NAME": "AdamW", "BETAS": [0.9, 0.99], "PARAM_GROUPS": {"a": {"WHERE": {"NAMES": "x"}}}},
    "lr_schedulers": {"one": {"NAME": "NoneLR"}},
}
CONVERSION = Conversion(
    NODES, {"optimizer": "here", "lr_schedulers": "there"}, [Problem("a.b", "is wrong.", 1)], ["so."]
)


def test_the_yaml_is_that_of_the_nodes_with_where_each_is_from() -> None:
    assert CONVERSION.yaml() == (
        "# from here\n"
        "optimizer:\n"
        "  NAME: AdamW\n"
        "  BETAS: [0.9, 0.99]\n"
        "  PARAM_GROUPS:\n"
        "    a:\n"
        "      WHERE: {NAMES: x}\n"
        "# from there\n"
        "lr_schedulers:\n"
        "  one:\n"
        "    NAME: NoneLR"
    )
    assert yaml.safe_load(CONVERSION.yaml()) == NODES


def test_names_and_origins_of_any_text_leave_the_yaml_whole() -> None:
    nodes = {"optimizers": {"a: [\n": {"NAME": "SGD"}, "é # x": {"NAME": "SGD"}, "null": {"NAME": "SGD"}}}
    assert yaml.safe_load(Conversion(nodes, {"optimizers": "x\ny: ["}).yaml()) == nodes


def test_the_report_has_problems_first_and_then_the_notes() -> None:
    assert CONVERSION.report() == "a.b = 1: is wrong.\nnote: so."
    assert not Conversion().report()


def test_json_has_all_of_it() -> None:
    unconverted = [{"key": "a.b", "message": "is wrong.", "value": 1}]
    assert json.loads(json.dumps(CONVERSION.plain())) == {"nodes": NODES, "unconverted": unconverted, "notes": ["so."]}


def test_values_are_written_as_the_package_reads_them() -> None:
    assert checked("lr_scheduler", {"NAME": "CosineAnnealingLR", "T_MAX": 200.0, "ETA_MIN": "1e-5"}, "") == (
        {"NAME": "CosineAnnealingLR", "T_MAX": 200, "ETA_MIN": 1e-5},
        [],
    )


def test_what_is_to_come_is_no_problem() -> None:
    node = {"NAME": "SGD", "LEARNING_RATE": "${lr}", "MOMENTUM": "???", "DAMPENING": "x"}
    assert [problem.key for problem in checked("optimizer", node, "at")[1]] == ["at.DAMPENING"]


def test_what_torch_does_not_read_is_known_in_either_spelling() -> None:
    assert idle("CyclicLR", {"scale_mode": "iterations"}) == ["scale_mode"]
    assert idle("CyclicLR", {"SCALE_FN": "a.b", "MODE": "exp_range", "SCALE_MODE": "cycle"}) == ["MODE"]
    assert not idle("StepLR", {"MODE": 1})
