"""The tables of a page, as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt.insight import page_tables
from scepter_opt.insight.page_tables import names, number, numbers, table, table_of_results, tables_of_plan, texts
from scepter_opt.insight.results import job_folders, read_job, sort_jobs
from tests.insight.sweeps import write_sweep

NODE = {
    "NAME": "AdamW",
    "LEARNING_RATE": 0.01,
    "PARAM_GROUPS": {
        "no_decay": {"WHERE": {"KINDS": "bias"}, "SET": {"WEIGHT_DECAY": 0.0}},
        "head": {"WHERE": {"NAMES": "1"}, "SET": {"LR_MULT": 10.0, "BETAS": [0.8, 0.9]}},
        "faster": {"WHERE": {"NAMES": "1.bias"}, "SET": {"LEARNING_RATE": 0.02, "LR_MULT": 2.0}},
        "stem": {"WHERE": {"NAMES": "0.weight"}, "SET": {"FREEZE": True}},
    },
}


def read(column: dict[str, Any]) -> list[Any]:
    """The values of a column, as the script of the page reads them."""
    if "numbers" in column:
        return list(column["numbers"])
    if "of" in column:
        return [column["of"][at] for at in column["at"]]
    values, before = [], b""
    for same, rest in zip(column["front"][::2], column["front"][1::2], strict=True):
        before = before[: 2 * same] + rest.encode("utf-16-le", "surrogatepass")
        values.append(before.decode("utf-16-le", "surrogatepass"))
    return values


def rows(shown: dict[str, Any]) -> list[dict[str, Any]]:
    labels = [column["label"] for column in shown["columns"]]
    return [dict(zip(labels, row, strict=True)) for row in zip(*map(read, shown["columns"]), strict=True)]


def plan() -> scepter_opt.Plan:
    return scepter_opt.plan(NODE, nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)))


def test_each_parameter_has_the_rule_that_decided() -> None:
    parameters, groups, rules = tables_of_plan(plan())
    assert [each["title"] for each in (parameters, groups, rules)] == ["Parameters", "Groups", "Rules"]
    first, _, third, last = rows(parameters)
    assert first["parameter"] == "0.weight"
    assert (first["shape"], first["values"], first["trained"], first["also decided"]) == (
        "4x3",
        12,
        "frozen",
        "FREEZE: stem",
    )
    assert (third["rate decided by"], third["decay decided by"], third["also decided"]) == ("head", "", "BETAS: head")
    assert last["learning rate"] == pytest.approx(0.02 * 10 * 2)
    assert (last["rate decided by"], last["decay decided by"]) == ("faster * head * faster", "no_decay")
    assert last["module"] == "Linear"
    assert "optimizer" not in last  # there are no parts


def test_groups_have_their_counts_and_rules_their_matches() -> None:
    _, groups, rules = tables_of_plan(plan())
    assert sum(row["parameters"] for row in rows(groups)) == 4
    assert sum(row["values"] for row in rows(groups)) == 12 + 4 + 8 + 2
    assert {row["other settings"] for row in rows(groups)} == {"", "BETAS (0.8, 0.9)"}
    assert [(row["rule"], row["matches"]) for row in rows(rules)] == [
        ("no_decay", 2),
        ("head", 2),
        ("faster", 1),
        ("stem", 1),
    ]
    assert rows(rules)[-1]["remark"] == "all frozen"


def test_a_plan_that_was_saved_has_the_same_tables() -> None:
    saved, own = tables_of_plan(scepter_opt.Plan.from_json(plan().to_json())), tables_of_plan(plan())
    assert saved[0] == own[0]
    assert saved[2] == own[2]
    # JSON has no tuples
    assert [row["other settings"].replace("[0.8, 0.9]", "(0.8, 0.9)") for row in rows(saved[1])] == [
        row["other settings"] for row in rows(own[1])
    ]


def test_parts_of_a_hybrid_are_a_column() -> None:
    node = {"NAME": "Hybrid", "OPTIMIZERS": {"a": {"NAME": "SGD"}, "b": {"NAME": "Adam"}}, "DEFAULT": "a"}
    rule = {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "b"}}
    parameters, groups, _ = tables_of_plan(scepter_opt.plan({**node, "PARAM_GROUPS": {"m": rule}}, nn.Linear(2, 2)))
    assert [row["optimizer"] for row in rows(parameters)] == ["b", "a"]
    assert sorted(row["optimizer"] for row in rows(groups)) == ["a", "b"]


def test_a_large_model_is_shown_by_its_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_tables, "MOST_ROWS", 3)
    groups, _ = tables_of_plan(plan())
    assert (groups["title"], groups["note"]) == (
        "Groups",
        "Groups alone: the model has 4 parameters, and a page holds 3.",
    )


def test_names_that_are_too_long_for_a_page_leave_the_groups() -> None:
    named = {f"{i}{'x' * 60_000}": nn.Parameter(torch.zeros(1)) for i in range(20)}
    (groups,) = tables_of_plan(scepter_opt.plan({"NAME": "SGD"}, named))
    assert groups["note"] == "Groups alone: the table would be too large for a page."


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["a.b.weight", "a.b.bias", "a.c"],
        ["", "a", ""],
        ["\U0001f600a", "\U0001f600b", "\U0001f601"],
        ["\ud800", "x"],
    ],
)
def test_names_come_back_as_they_were(values: list[str]) -> None:
    assert read(names("name", values)) == values


def test_twenty_thousand_names_take_little_place() -> None:
    values = [f"transformer.layers.{i // 20}.attention.{'qkvo'[i % 4]}.{i % 20}.weight" for i in range(20_000)]
    column = names("name", values)
    assert read(column) == values
    assert sum(len(str(part)) + 3 for part in column["front"]) < len("".join(values)) / 1.5


def test_texts_that_nearly_all_differ_are_written_as_names() -> None:
    values = [f"overrides of job {i}" for i in range(200)]
    assert "front" in texts("overrides", values)
    assert "of" in texts("state", values[:3] * 100)


def test_columns_without_a_value_are_left_out() -> None:
    shown = table(
        "t", [texts("a", ["", ""]), numbers("b", [None, None]), numbers("c", [0, None]), texts("d", ["", "x"])]
    )
    assert [column["label"] for column in shown["columns"]] == ["c", "d"]


def test_what_is_no_number_is_none() -> None:
    assert [number(value) for value in (1, 0.5, None, "auto", torch.tensor(2.0))] == [1.0, 0.5, None, None, 2.0]


def test_jobs_have_a_column_for_each_key_in_which_they_differ(tmp_path: Path) -> None:
    write_sweep(tmp_path)
    results = sort_jobs([read_job(path, tmp_path) for path in job_folders(tmp_path)], tmp_path)
    first, *_, last = rows(table_of_results(results))
    assert first["rank"] == 1
    assert (first["job"], first["validation_accuracy"], first["optimizer"]) == ("2", 0.625, "adamw")
    assert (first["optimizer.LEARNING_RATE"], first["state"]) == (0.1, "finished")
    assert (last["rank"], last["job"], last["state"]) == (None, "10", "unreadable")
    assert "flow sequence" in last["remark"]
