"""results: a sweep's jobs as a table, as JSON and as pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scepter_opt.cli.results import results
from scepter_opt.errors import ConfigError
from tests.insight.sweeps import write_job, write_sweep


def test_the_jobs_are_a_table_and_the_best_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sweep(tmp_path)
    (tmp_path / "optimization_results.yaml").write_text("name: optuna\nbest_value: 0.5\n")
    assert results(tmp_path) == 0
    assert capsys.readouterr().out == (
        "rank           job  validation_accuracy  overrides\n"
        "1              2    0.625                optimizer=adamw optimizer.LEARNING_RATE=0.1\n"
        "2              0    0.375                optimizer=sgd optimizer.LEARNING_RATE=0.1\n"
        "3              1    0.125                optimizer=sgd optimizer.LEARNING_RATE=0.001\n"
        "half-finished  3    0.875                optimizer=adamw optimizer.LEARNING_RATE=0.001 name=a b\n"
        "failed         4                         optimizer=adamw optimizer.LEARNING_RATE=0.001\n"
        "not begun      5                         optimizer=adamw optimizer.LEARNING_RATE=0.001\n"
        "unreadable     10                         (while parsing a flow sequence)\n"
        "\n"
        "sweeper: name optuna, best_value 0.5\n"
        "\n"
        "best: job 2, to run again with\n"
        "  optimizer=adamw optimizer.LEARNING_RATE=0.1\n"
    )


def test_without_an_end_it_is_said_how_to_keep_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_job(tmp_path / "0", "a=1", accuracies=[0.5], ended=False)
    results(tmp_path)
    assert capsys.readouterr().out == (
        "rank  job  validation_accuracy  overrides\n"
        "1     0    0.5                  a=1\n"
        "\n"
        "best: job 0, to run again with\n"
        "  a=1\n"
        "\n"
        "Nothing tells whether the jobs came to their end: Hydra keeps what they return by a callback\n"
        "(LogJobReturnCallback where a launcher has workers),\n"
        "  +hydra.callbacks.end._target_=hydra.experimental.callbacks.PickleJobInfoCallback\n"
    )


def test_json_has_all_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sweep(tmp_path)
    assert results(tmp_path, json=True, out=tmp_path / "pictures") == 0
    document = json.loads(capsys.readouterr().out)
    assert {key: document[key] for key in ("metric", "greatest", "best", "sweeper")} == {
        "metric": "validation_accuracy",
        "greatest": True,
        "best": "optimizer=adamw optimizer.LEARNING_RATE=0.1",
        "sweeper": {},
    }
    assert document["ranked"][0] == {
        "job": "2",
        "state": "finished",
        "overrides": ["optimizer=adamw", "optimizer.LEARNING_RATE=0.1"],
        "returned": None,
        "last": {"step": 6.0, "epoch": 3.0, "loss": 0.375, "validation_accuracy": 0.625},
        "best": {"step": 1.0, "epoch": 1.0, "loss": 0.25, "validation_accuracy": 0.75},
        "remark": "",
    }
    assert [job["state"] for job in document["others"]] == ["half-finished", "failed", "not begun", "unreadable"]


def test_pictures_go_into_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sweep(tmp_path)
    results(tmp_path, out=tmp_path / "a/b")
    for name in ("result_by_key.png", "best_curves.png"):
        assert (tmp_path / "a/b" / name).read_bytes().startswith(b"\x89PNG")
        assert f"wrote {tmp_path / 'a/b' / name}\n" in capsys.readouterr().out or name == "best_curves.png"


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such folder"):
        results(tmp_path / "nowhere")
    write_sweep(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"out = .*: cannot be made: "):
        results(tmp_path, out=tmp_path / "file/pictures")


def test_a_page_is_written_where_the_name_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sweep(tmp_path / "sweep")
    page = tmp_path / "results.html"
    assert results(tmp_path / "sweep", out=page) == 0
    assert capsys.readouterr().out.endswith(f"wrote {page}\n")
    data = json.loads(page.read_text(encoding="utf-8").partition('id="data">')[2].partition("</script>")[0])
    assert [table["title"] for table in data["tables"]] == ["Jobs"]
    assert [curves["title"] for curves in data["curves"]] == ["Results by key", "The best jobs"]
    assert results(tmp_path / "sweep", out=page, json=True) == 0
    assert json.loads(capsys.readouterr().out)["metric"] == "validation_accuracy"
