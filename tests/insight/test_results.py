"""A sweep's folder: its jobs, sorted, and what is plotted of them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from scepter_opt.errors import ConfigError
from scepter_opt.insight.results import (
    RETURNED,
    Job,
    Results,
    best_panels,
    job_folders,
    key_panels,
    rate_panels,
    read_job,
    sort_jobs,
)
from tests.examples.runs import fork, metrics
from tests.insight.sweeps import write_job, write_sweep


def results(folder: Path, metric: str | None = None, *, greatest: bool = False) -> Results:
    return sort_jobs([read_job(path, folder) for path in job_folders(folder)], folder, metric, greatest=greatest)


def test_jobs_are_sorted_by_the_last_column_and_the_best_is_named(tmp_path: Path) -> None:
    write_sweep(tmp_path)
    found = results(tmp_path)
    assert (found.metric, found.greatest) == ("validation_accuracy", True)
    assert [(job.number, job.last(found.metric)) for job in found.ranked] == [("2", 0.625), ("0", 0.375), ("1", 0.125)]
    assert [job.best(found.metric, greatest=True) for job in found.ranked] == [0.75, 0.5, 0.25]
    assert list(found.ranked[0].columns) == ["step", "epoch", "loss", "validation_accuracy"]
    assert found.command() == "optimizer=adamw optimizer.LEARNING_RATE=0.1"
    assert found.swept() == ["optimizer", "optimizer.LEARNING_RATE", "name"]


def test_what_did_not_come_to_its_end_is_listed_as_such(tmp_path: Path) -> None:
    write_sweep(tmp_path)
    others = {job.number: job for job in results(tmp_path).others}
    assert {number: job.state for number, job in others.items()} == {
        "3": "half-finished",
        "4": "failed",
        "5": "not begun",
        "10": "unreadable",
    }
    assert others["3"].columns["step"] == [1, 2]
    assert others["10"].remark.startswith("while parsing a flow sequence")


def test_a_metric_is_chosen_and_the_smallest_is_best_unless_it_is_said(tmp_path: Path) -> None:
    write_sweep(tmp_path)
    assert [job.number for job in results(tmp_path, "loss").ranked] == ["2", "0", "1"]
    assert [job.number for job in results(tmp_path, "loss", greatest=True).ranked] == ["1", "0", "2"]
    with pytest.raises(ConfigError, match=r"metric = 'los': no job has it. Did you mean loss\?"):
        results(tmp_path, "los")


def test_what_jobs_returned_comes_first_and_is_known_by_the_column_that_it_is(tmp_path: Path) -> None:
    for number, accuracy in enumerate([0.5, 0.75]):
        write_job(tmp_path / str(number), f"+seed={number}", accuracies=[accuracy], returned=accuracy)
    found = results(tmp_path)
    assert (found.metric, found.greatest, found.curve()) == (RETURNED, True, "validation_accuracy")
    assert [(job.number, job.returned, job.settings()) for job in found.ranked] == [
        ("1", 0.75, {"seed": "1"}),
        ("0", 0.5, {"seed": "0"}),
    ]
    write_job(tmp_path / "2", "+seed=2", accuracies=[0.25], returned=3.0)
    found = results(tmp_path)
    assert (found.greatest, [job.number for job in found.ranked]) == (False, ["0", "1", "2"])
    assert found.curve() == "validation_accuracy"


def test_where_nothing_tells_the_end_all_that_have_rows_count(tmp_path: Path) -> None:
    write_job(tmp_path / "a", "name=a b", accuracies=[0.5], ended=False)
    write_job(tmp_path / "b", accuracies=[math.nan], ended=False)
    found = results(tmp_path)
    assert [(job.number, job.state) for job in found.ranked] == [("a", ""), ("b", "")]
    assert found.command() == "'name=a b'"
    assert found.ranked[1].best(found.metric, greatest=True) is None


def test_what_the_sweeper_wrote_is_read(tmp_path: Path) -> None:
    write_sweep(tmp_path)
    (tmp_path / "optimization_results.yaml").write_text("name: optuna\nbest_value: 0.5\n")
    assert results(tmp_path).sweeper == {"name": "optuna", "best_value": 0.5}
    (tmp_path / "optimization_results.yaml").write_text("a: [1\n")
    assert results(tmp_path).sweeper == {}


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        (".hydra/overrides.yaml", b"a: 1\n", "overrides.yaml is no list of overrides"),
        ("metrics.csv", b"\xff\xfe\xfa", "'utf-8' codec can't decode"),
        (".hydra/job_return.pickle", b"nothing", "cannot be read: "),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_the_other_jobs_are_there(
    file: str, content: bytes, said: str, tmp_path: Path
) -> None:
    write_sweep(tmp_path)
    (tmp_path / "0" / file).write_bytes(content)
    found = results(tmp_path)
    assert [job.number for job in found.ranked] == ["2", "1"]
    assert (found.others[0].state, found.others[0].remark[: len(said)]) == ("unreadable", said)


def test_empty_files_and_folders_without_runs_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such folder"):
        job_folders(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"holds no runs: no .hydra and no metrics.csv"):
        job_folders(tmp_path)
    write_job(tmp_path / "0")
    (tmp_path / "0/metrics.csv").write_text("")
    with pytest.raises(ConfigError, match=r"no job has a result.*PickleJobInfoCallback"):
        results(tmp_path)


def test_what_is_plotted_is_the_result_by_key_and_the_curves_of_the_best(tmp_path: Path) -> None:
    write_sweep(tmp_path)
    found = results(tmp_path)
    optimizer, rate, name = key_panels(found)
    assert [(panel.x_label, panel.y_label, panel.log_x) for panel in (optimizer, rate, name)] == [
        ("optimizer", "validation_accuracy", False),
        ("optimizer.LEARNING_RATE", "validation_accuracy", True),
        ("name", "validation_accuracy", False),
    ]
    assert [(panel.lines[0].x, panel.lines[0].y) for panel in (optimizer, rate, name)] == [
        (["adamw", "sgd", "sgd"], [0.625, 0.375, 0.125]),
        ([0.1, 0.1, 0.001], [0.625, 0.375, 0.125]),
        (["not set"] * 3, [0.625, 0.375, 0.125]),
    ]
    (panel,) = best_panels(found, 2)
    assert panel.y_label == "validation accuracy"
    assert [(line.label, list(line.x), list(line.y)) for line in panel.lines] == [
        ("2: optimizer=adamw, optimizer.LEARNING_RATE=0.1", [2, 4, 6], [0.375, 0.75, 0.625]),
        ("0: optimizer=sgd, optimizer.LEARNING_RATE=0.1", [2, 4, 6], [0.25, 0.5, 0.375]),
    ]


def test_the_rate_of_the_best_job_is_drawn_where_its_metrics_have_it() -> None:
    best = Job("3", Path(), [], {"step": [2.0, 4.0, 6.0], "lr": [0.1, None, 0.3], "loss": [1.0, 0.5, 0.2]})
    other = Job("4", Path(), [], {"lr": [7.0], "loss": [9.0]})
    (panel,) = rate_panels(Results("loss", False, [best, other], [], {}))
    assert [(line.label, line.x, line.y) for line in panel.lines] == [("job 3", (2.0, 6.0), (0.1, 0.3))]
    del best.columns["lr"]
    assert rate_panels(Results("loss", False, [best, other], [], {})) == []
    assert rate_panels(Results("loss", False, [], [best], {})) == []


def test_a_sweep_of_the_example_is_read(tmp_path: Path) -> None:
    callback = "+hydra.callbacks.end._target_=hydra.experimental.callbacks.PickleJobInfoCallback"
    fork(tmp_path, "-m", "optimizer=sgd,adamw", "epochs=1", "batch_size=384", "hydra.sweep.dir=runs", callback)
    found = results(tmp_path / "runs")
    accuracies = {job: float(metrics(tmp_path / "runs" / job)[-1]["validation_accuracy"]) for job in ("0", "1")}
    assert {job.number: job.returned for job in found.ranked} == accuracies
    assert (found.metric, found.greatest, found.curve()) == (RETURNED, True, "validation_accuracy")
    assert found.ranked[0].returned == max(accuracies.values())
    assert found.swept() == ["optimizer"]
