"""The command `convert`: what it prints, what it returns, and files that cannot be read."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from scepter_opt import ConfigError, check
from scepter_opt.cli.convert import convert

SCEPTER = """\
SOLVER:
  OPTIMIZER: {NAME: Adam, LEARNING_RATE: 1e-4, BETAS: [0.9, 0.99]}
  LR_SCHEDULER: {NAME: StepLR, STEP_SIZE: 30.0, GAMMA: 0.5}
"""
TARGETS = """\
optimizer: {_target_: torch.optim.SGD, _partial_: true, lr: "${lr}", momentum: 0.9}
scheduler:
  _target_: torch.optim.lr_scheduler.SequentialLR
  schedulers:
    - {_target_: torch.optim.lr_scheduler.LinearLR, _partial_: true, total_iters: 10}
    - {_target_: torch.optim.lr_scheduler.CosineAnnealingLR, _partial_: true, T_max: 90}
  milestones: [10]
"""
ARGUMENTS = json.dumps(
    {
        "learning_rate": 2e-5,
        "weight_decay": 0.01,
        "optim": "adamw_torch",
        "lr_scheduler_type": "cosine",
        "warmup_ratio": 0.03,
        "max_steps": 1000,
        "max_grad_norm": 1.0,
    }
)
# By case: the file, what is printed, what is reported, and the status.
SNAPSHOTS = {
    "SCEPTER": (
        SCEPTER,
        """\
# from SOLVER.OPTIMIZER (SCEPTER)
optimizer:
  NAME: Adam
  IMPLEMENTATION: torch
  LEARNING_RATE: 0.0001
  BETAS: [0.9, 0.99]
  EPS: 1.0e-10
# from SOLVER.LR_SCHEDULER (SCEPTER)
lr_scheduler:
  NAME: StepLR
  STEP_SIZE: 30
""",
        """\
SOLVER.LR_SCHEDULER.GAMMA = 0.5: SCEPTER ignored it and ran with 0.1: left out. Write it if you want it now.
""",
        1,
    ),
    "targets": (
        TARGETS,
        """\
# from optimizer (torch.optim.SGD)
optimizer:
  NAME: SGD
  IMPLEMENTATION: torch
  LEARNING_RATE: '${lr}'
  MOMENTUM: 0.9
# from scheduler (torch.optim.lr_scheduler.SequentialLR)
lr_scheduler:
  NAME: SequentialLR
  SCHEDULERS:
    linear:
      NAME: LinearLR
      TOTAL_ITERS: 10
    cosine_annealing:
      NAME: CosineAnnealingLR
      T_MAX: 90
  MILESTONES: [10]
""",
        """\
note: interpolations stay as they are: one that leads to a key which has another name now must follow it.
""",
        0,
    ),
    "transformers": (
        ARGUMENTS,
        """\
# from the file (transformers)
optimizer:
  NAME: AdamW
  IMPLEMENTATION: torch
  LEARNING_RATE: 2.0e-05
  WEIGHT_DECAY: 0.01
  BETAS: [0.9, 0.999]
  EPS: 1.0e-08
  PARAM_GROUPS:
    no_decay:
      WHERE:
        NAMES: ['re:(?i)bias|layernorm|rmsnorm|(?:^|\\.)norm(?:$|\\.)|_norm(?:$|\\.)']
      SET: {WEIGHT_DECAY: 0.0}
      OPTIONAL: true
    no_decay_layer_norms:
      WHERE: {MODULES: torch.nn.LayerNorm}
      SET: {WEIGHT_DECAY: 0.0}
      OPTIONAL: true
# from the file (transformers)
lr_scheduler:
  NAME: PhasesLR
  TOTAL_STEPS: 1000
  PHASES:
    warmup: {CURVE: linear, FROM: 0.0, TO: 1.0, LENGTH: 30}
    decay: {CURVE: cosine, TO: 0.0}
""",
        """\
note: 1 other argument of training, such as max_grad_norm, stay with the trainer.
""",
        0,
    ),
}


def written(tmp_path: Path, data: str | bytes) -> Path:
    file = tmp_path / "config.yaml"
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return file


@pytest.mark.parametrize("case", SNAPSHOTS)
def test_nodes_are_printed_and_the_report_goes_to_standard_error(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, printed, reported, status = SNAPSHOTS[case]
    assert convert(written(tmp_path, text)) == status
    assert capsys.readouterr() == (printed, reported)


@pytest.mark.parametrize("case", ["SCEPTER", "transformers"])
def test_what_is_printed_is_a_config_that_passes(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    convert(written(tmp_path, SNAPSHOTS[case][0]))
    assert list(check(OmegaConf.create(capsys.readouterr().out))) == ["optimizer", "lr_scheduler"]


def test_json_holds_nodes_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(written(tmp_path, SCEPTER), json=True) == 1
    out, err = capsys.readouterr()
    values = json.loads(out)
    assert not err
    assert values["nodes"]["lr_scheduler"] == {"NAME": "StepLR", "STEP_SIZE": 30}
    assert [one["key"] for one in values["unconverted"]] == ["SOLVER.LR_SCHEDULER.GAMMA"]


def test_a_dash_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TARGETS.encode())))
    assert convert(Path("-")) == 0
    assert "SequentialLR" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty."),
        (b" \n\t\n", "is empty."),
        (b"# nothing but a comment\n", "must be keys with values, as a config has them."),
        (b"a: \xff\xfe", "is not UTF-8: byte 3 is none of its."),
        ("a: b".encode("utf-16"), "is not UTF-8: byte 0 is none of its."),
        (b"a" * 10_000_001, "is larger than 10 MB: no configuration is."),
        (b"a: [1", "cannot be read as YAML or JSON: "),
        (b"a: !!python/object/apply:os.getcwd []", "cannot be read as YAML or JSON: could not determine a constructor"),
        (b"a: 1\n---\nb: 2", "cannot be read as YAML or JSON: expected a single document"),
        (b"[" * 200_000, "is nested more than 40 levels deep."),
        (b'{"a":' * 200_000, "is nested more than 40 levels deep."),
        (b"a: 2020-99-99", "cannot be read as YAML or JSON: month must be in 1..12"),
        (b"- 1\n" * 500_000, "holds more than 100000 values."),
        (b"a: &a [*a]", "is nested more than 40 levels deep."),
        (b"lr: 0.1", "holds nothing to convert. Looked for: "),
    ],
    ids=lambda value: str(value[:12]),
)
def test_a_file_that_cannot_be_converted_is_an_error(data: bytes, message: str, tmp_path: Path) -> None:
    file = written(tmp_path, data)
    with pytest.raises(ConfigError) as refused:
        convert(file)
    (problem,) = refused.value.problems
    assert problem.key == str(file)
    assert problem.message.startswith(message)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    for file in (tmp_path / "none.yaml", tmp_path, Path("a\0b")):
        with pytest.raises(ConfigError, match="cannot be read: "):
            convert(file)


def test_a_mark_of_byte_order_is_let_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(written(tmp_path, b"\xef\xbb\xbf" + TARGETS.encode())) == 0
    assert "SequentialLR" in capsys.readouterr().out
