"""docs/lightning.md in apps of the lightning-hydra-template, of which no Python is changed: its files, its commands.

One app is rebuilt here, and always runs. The template itself is cloned, or taken from a checkout of it that
LIGHTNING_HYDRA_TEMPLATE names; where neither can be had, it is skipped.
"""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from scepter_opt import Horizon, preview

pytest.importorskip("lightning")
pytestmark = pytest.mark.hosts
HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PUBLISHED = "https://github.com/ashleve/lightning-hydra-template"
TEXT = (ROOT / "docs" / "lightning.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: title=(\S+))?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = [line for language, _, body in BLOCKS if language == "sh" for line in body.splitlines()]
OVERRIDES = ["data=tiny", "seed=1", "trainer.max_epochs=2", "logger=csv", "+trainer.log_every_n_steps=1",
             "+callbacks.rates._target_=lightning.pytorch.callbacks.LearningRateMonitor"]  # fmt: skip
EPOCHS, BATCHES = 2, 4
WARMUP = {"warmup": {"CURVE": "linear", "FROM": 0.0, "TO": 1.0, "LENGTH": 3}}
# By part of a command: what is logged, and the schedule at which the rates are seen, or the one rate.
EXPECTED: dict[str, tuple[str, Any]] = {
    "optimizer@model.optimizer=sgd": ("SGD: 1 group from no rules, ", 0.1),
    "optimizer@model.optimizer=muon_adamw": (r"Hybrid: 2 groups from 4 rules(.|\n)* hidden_matrices: ", 0.001),
    "param_groups@model.optimizer": ("no_decay: [0-9]+ parameters, LEARNING_RATE 0.001, WEIGHT_DECAY 0\n", 0.001),
    "callbacks=scepter optimizer=muon_adamw": (r"Hybrid: (.|\n)* no_decay: (.|\n)*PhasesLR: warmup linear", None),
    "callbacks=scepter lr_scheduler.PHASES": (
        "PhasesLR: warmup linear from 0 to 1 over 3 ticks",
        {"NAME": "PhasesLR", "PHASES": {**WARMUP, "decay": {"CURVE": "cosine", "TO": 0.0}}},
    ),
    "lr_scheduler=plateau": (
        "PlateauLR: warmup linear",
        {"NAME": "PlateauLR", "INTERVAL": "step", "MONITOR": "val/loss", "PHASES": WARMUP},
    ),
    "hparams_search=rate": ("AdamW: 1 group", None),
    "callbacks.configure.optimizer": ("Adam: 2 groups from 1 rule", None),
}

COMPARE = """
import sys, torch
last, resumed, first = (torch.load(path, weights_only=False)["state_dict"] for path in sys.argv[1:])
names = [name for name in last if name.startswith("net") and last[name].ndim]
assert all(torch.equal(last[name], resumed[name]) for name in names)
assert not all(torch.equal(last[name], first[name]) for name in names)
"""


def block(title: str) -> str:
    (body,) = (body for _, named, body in BLOCKS if named == title)
    return str(body)


@pytest.fixture(scope="module", params=["rebuilt", "published"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app with the files that docs/lightning.md shows, and with data of its own."""
    folder = tmp_path_factory.mktemp("apps") / "app"
    if request.param == "rebuilt":
        shutil.copytree(HERE / "rebuilt", folder, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        source = os.environ.get("LIGHTNING_HYDRA_TEMPLATE", PUBLISHED)
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
        command = ["git", "clone", "--quiet", "--depth", "1", source, str(folder)]
        try:
            subprocess.run(command, env=environment, capture_output=True, check=True, timeout=120)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"the template cannot be cloned: {error}")
    adopt(folder / "configs")
    shutil.copy(HERE / "tiny_data.py", folder)
    (folder / "configs" / "data").mkdir(exist_ok=True)
    (folder / "configs" / "data" / "tiny.yaml").write_text("_target_: tiny_data.Tiny\n")
    return folder


def adopt(configs: Path) -> None:
    """The two steps, and the other files, as the document shows them."""
    (line,) = (body for language, title, body in BLOCKS if language == "yaml" and not title)
    primary = configs / "train.yaml"
    primary.write_text(f"{primary.read_text(encoding='utf-8')}\n{line}", encoding="utf-8")
    own: Any = OmegaConf.load(configs / "model" / "mnist.yaml")
    rest = {key: None if key == "scheduler" else value for key, value in own.items() if key != "optimizer"}
    model = block("configs/model/scepter.yaml") + OmegaConf.to_yaml(OmegaConf.create(rest))
    (configs / "model" / "scepter.yaml").write_text(model, encoding="utf-8")
    for title in ("configs/callbacks/scepter.yaml", "configs/hparams_search/rate.yaml"):
        (configs.parent / title).parent.mkdir(exist_ok=True)
        (configs.parent / title).write_text(block(title), encoding="utf-8")


def run(command: str, app: Path, *more: str) -> str:
    """What an app prints, with its colours taken away."""
    own = ["extras.print_config=false", "test=false"] if (app / "configs" / "extras").is_dir() else []
    python, *words = shlex.split(command)
    assert python == "python"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(app)])}
    # the template's checkpoints hold objects, which torch loads when it is told to
    environment["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    full = [sys.executable, *words, *OVERRIDES, *own, *more]
    done = subprocess.run(full, cwd=app, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


def rates(app: Path) -> list[list[float]]:
    """The rates of each step of the last run, as Lightning wrote them down."""
    newest = max(app.rglob("metrics.csv"), key=lambda path: path.stat().st_mtime_ns)
    with newest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        [float(value) for key, value in row.items() if key.startswith("lr-") and "weight" not in key and value]
        for row in rows
        if any(key.startswith("lr-") and value for key, value in row.items())
    ]


def test_every_command_of_the_document_is_expected_to_do_something() -> None:
    found = [[key for key in EXPECTED if key in command] for command in COMMANDS]
    assert sorted(key for keys in found for key in keys) == sorted(EXPECTED)


@pytest.mark.parametrize("part", EXPECTED)
def test_a_command_of_the_document_does_what_it_says(part: str, app: Path) -> None:
    (command,) = (command for command in COMMANDS if part in command)
    logged, expected = EXPECTED[part]
    printed = run(command, app)
    assert re.search(logged, printed), printed[-4000:]
    if "hparams_search" in command:
        (results,) = app.rglob("optimization_results.yaml")
        found: Any = OmegaConf.load(results)
        assert 0.0001 <= found.best_params["optimizer.LEARNING_RATE"] <= 0.1
        assert printed.count("AdamW: 1 group") == 3
        return
    seen = rates(app)
    if isinstance(expected, float):
        # the template writes the model's rate down only where there is a schedule
        assert all(rate == expected for row in seen for rate in row)
    elif expected is not None:
        values = preview(expected, Horizon(EPOCHS * BATCHES, BATCHES), 0.001)["default"]
        assert [row[0] for row in seen] == pytest.approx(list(values), rel=1e-6)


def test_stopped_and_resumed_by_the_app_it_equals_the_unbroken_run(app: Path) -> None:
    command = "python src/train.py callbacks=scepter optimizer=muon_adamw lr_scheduler.PHASES.warmup.LENGTH=3"
    more = ["++callbacks.model_checkpoint.save_top_k=-1", "++callbacks.model_checkpoint.every_n_epochs=1"]
    run(command, app, *more)
    first, last = sorted(app.rglob("epoch*.ckpt"), key=lambda path: path.stat().st_mtime_ns)[-2:]
    run(command, app, *more, f"++ckpt_path={str(first).replace('=', chr(92) + '=')}")
    resumed = max(app.rglob("epoch*.ckpt"), key=lambda path: path.stat().st_mtime_ns)
    assert len({first, last, resumed}) == 3
    compare = [sys.executable, "-c", COMPARE, *map(str, (last, resumed, first))]
    # a process of its own, since the checkpoints hold objects of the app's modules
    subprocess.run(compare, cwd=app, env={**os.environ, "PYTHONPATH": str(app)}, check=True)
