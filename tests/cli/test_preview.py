"""preview: the curves of a schedule as text, drawing, picture and data."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from scepter_opt.cli.preview import preview
from scepter_opt.errors import ConfigError

EXAMPLES = Path(__file__).parents[2] / "examples/conf"
HEAD = "+optimizer.PARAM_GROUPS.head={WHERE: {NAMES: head}, SET: {LR_MULT: 10}}"
DECAY = "+lr_scheduler.SETTINGS.WEIGHT_DECAY={rise: {CURVE: linear, TO: 2}}"
LINEAR = ["lr_scheduler=warmup_linear", "optimizer.LEARNING_RATE=0.1", "lr_scheduler.PHASES.warmup.LENGTH=2"]


def test_text_has_the_rates_of_all_groups_at_some_ticks(capsys: pytest.CaptureFixture[str]) -> None:
    assert preview(["lr_scheduler=warmup_cosine", HEAD, DECAY], total_steps=10_000) == 0
    assert capsys.readouterr().out == (
        "learning rate\n"
        "step      default         head\n"
        "   0            0            0\n"
        " 500        0.001         0.01\n"
        "1687  0.000961971   0.00961971\n"
        "2874   0.00085367    0.0085367\n"
        "4061  0.000691571   0.00691571\n"
        "4655  0.000597748   0.00597748\n"
        "5249  0.000500165   0.00500165\n"
        "6436  0.000308887   0.00308887\n"
        "7030  0.000222387   0.00222387\n"
        "7624  0.000146564   0.00146564\n"
        "8811  3.81552e-05  0.000381552\n"
        "9999  2.73396e-11  2.73396e-10\n"
        "\n"
        "weight decay\n"
        "step  default, head\n"
        "   0           0.01\n"
        "1249       0.011249\n"
        "1874       0.011874\n"
        "2499       0.012499\n"
        "3124       0.013124\n"
        "3749       0.013749\n"
        "4374       0.014374\n"
        "4999       0.014999\n"
        "6249       0.016249\n"
        "7499       0.017499\n"
        "8749       0.018749\n"
        "9999       0.019999\n"
    )


def test_several_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    longer = "lr_scheduler.PHASES.warmup.LENGTH=3 optimizer.LEARNING_RATE=0.3"
    preview(LINEAR, total_steps=4, compare=[longer])
    head, *rows = capsys.readouterr().out.splitlines()[1:]
    assert head == f"step  {' '.join(LINEAR)}  {longer}"
    assert [row.split() for row in rows] == [
        ["0", "0", "0"],
        ["1", "0.05", "0.1"],
        ["2", "0.1", "0.2"],
        ["3", "0.05", "0.3"],
    ]


def test_those_of_an_app_are_named_by_their_keys(capsys: pytest.CaptureFixture[str]) -> None:
    preview(["optimizers.critic.LEARNING_RATE=0.5"], total_steps=20, app=EXAMPLES, config_name="gan")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["step", "lr_schedulers.generator", "lr_schedulers.critic"]
    assert lines[3].split() == ["1", "0.001", "0.5"]
    preview(["optimizer=sgd"], total_steps=20, app=EXAMPLES, config_name="train")
    assert capsys.readouterr().out.splitlines()[1].split() == ["step", "default"]


def test_csv_and_json_have_every_tick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rates = [0.0, 0.05, 0.1, 0.05]
    preview([*LINEAR, HEAD], total_steps=4, out=tmp_path / "curve.csv")
    assert capsys.readouterr().out == f"wrote {tmp_path / 'curve.csv'}\n"
    rows = list(csv.DictReader((tmp_path / "curve.csv").read_text().splitlines()))
    assert [(row["setting"], row["group"], row["tick"], float(row["value"])) for row in rows] == [
        ("LEARNING_RATE", group, str(tick), rate * factor)
        for group, factor in (("default", 1), ("head", 10))
        for tick, rate in enumerate(rates)
    ]
    preview(LINEAR, total_steps=4, out=tmp_path / "curve.json")
    capsys.readouterr()
    preview(LINEAR, total_steps=4, json=True)
    printed = capsys.readouterr().out
    assert (tmp_path / "curve.json").read_text() == printed
    assert json.loads(printed) == {" ".join(LINEAR): {"LEARNING_RATE": {"default": rates}}}


def test_a_picture_is_written(tmp_path: Path) -> None:
    preview(LINEAR, total_steps=4, out=tmp_path / "curve.svg")
    assert " ".join(LINEAR) in (tmp_path / "curve.svg").read_text()


def test_a_terminal_gets_a_drawing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    preview(LINEAR, total_steps=4)
    assert "┤" in capsys.readouterr().out


def test_epochs_are_counted_where_the_schedule_counts_them(capsys: pytest.CaptureFixture[str]) -> None:
    preview(["lr_scheduler=step", "lr_scheduler.STEP_SIZE=1", "lr_scheduler.INTERVAL=epoch"], 20, 10)
    assert capsys.readouterr().out.splitlines()[1:] == ["epoch  default", "    0    0.001", "    1   0.0001"]


def test_a_total_in_the_config_will_do(capsys: pytest.CaptureFixture[str]) -> None:
    preview([*LINEAR, "lr_scheduler.TOTAL_STEPS=4"])
    assert capsys.readouterr().out.splitlines()[-1].split() == ["3", "0.05"]


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="total_steps: how long is the run"):
        preview(LINEAR)
    with pytest.raises(ConfigError, match="lr_scheduler: there is none"):
        preview(["~lr_scheduler"], 10)
    with pytest.raises(ConfigError, match="cannot be written"):
        preview(LINEAR, 10, out=tmp_path / "nowhere/curve.csv")
    with pytest.raises(ConfigError, match="a picture ends in"):
        preview(LINEAR, 10, out=tmp_path / "curve.gif")
    with pytest.raises(ConfigError, match=r"lr_scheduler.PHASES.warmup.LENGTH = 1.0"):
        preview([*LINEAR, "lr_scheduler.PHASES.warmup.LENGTH=1.0"], 10)


def test_phases_are_shown_without_torch_and_without_matplotlib_until_a_picture_is_asked_for() -> None:
    code = (
        "import sys; from scepter_opt.cli.preview import preview;"
        "preview(['lr_scheduler=warmup_cosine', 'optimizer=muon_adamw'], 100);"
        "assert not {'torch', 'matplotlib', 'plotext', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("total", "epoch", "key"), [(-5, None, "total_steps"), (0, None, "total_steps"), (100, 0, "steps_per_epoch")]
)
def test_a_length_that_is_none_is_a_problem_and_no_traceback(total: int, epoch: int | None, key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key} = .*: must be a whole number of at least 1"):
        preview(["lr_scheduler=warmup_cosine"], total, epoch)


def test_some_ticks_are_printed_beside_a_file_and_not_beside_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text("defaults: [optimizer: sgd, lr_scheduler: warmup_linear, _self_]\n")
    preview([], 100, at=[50], app=tmp_path, out=tmp_path / "curves.csv")
    assert capsys.readouterr().out.splitlines()[1:] == ["learning rate", "step      default", "  50  0.000555556"]
    with pytest.raises(ConfigError, match="--json has every tick"):
        preview(["lr_scheduler=warmup_linear"], 100, at=[50], json=True)


def test_a_page_names_what_is_compared(tmp_path: Path) -> None:
    import json

    page = tmp_path / "curves.html"
    preview(LINEAR, total_steps=4, out=page, compare=["lr_scheduler.PHASES.warmup.LENGTH=1"])
    text = page.read_text(encoding="utf-8")
    data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    (panel,) = data["curves"][0]["panels"]
    assert [line["label"] for line in panel["lines"]] == [" ".join(LINEAR), "lr_scheduler.PHASES.warmup.LENGTH=1"]
    preview(LINEAR, total_steps=4, out=page)
    assert f"<title>{LINEAR[0]}" in page.read_text(encoding="utf-8")
