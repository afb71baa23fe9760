"""The groups in Hydra: every way of composing, with nothing but Hydra's own flags."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf

import scepter_opt
from scepter_opt import LR_SCHEDULERS, OPTIMIZERS
from scepter_opt.components.registry import registries
from tests.examples.runs import fork
from tests.support import KEYS, make_model
from tests.support import OPTIMIZERS as BUILDABLE

# The release candidate of Hydra 1.4 warns where version_base is given; 1.3 warns where it is not.
RELEASE_CANDIDATE = version("hydra-core").startswith("1.4")
ROOT = Path(__file__).parents[2]
APP = ROOT / "tests" / "apps" / "app.py"
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(ROOT)])}
OPTIONS = [(registry.kind, entry.option) for registry in registries() for entry in registry.own_entries().values()]
INSTALLED = [("optimizer", OPTIMIZERS.entry(name).option) for name in BUILDABLE]
INSTALLED += [("lr_scheduler", entry.option) for entry in LR_SCHEDULERS.own_entries().values()]


@pytest.fixture
def hydra_app() -> Iterator[None]:
    """Hydra initialized without config files of its own."""
    with initialize(version_base="1.3", config_path=None):
        yield


def run(*arguments: str, cwd: Path) -> str:
    """Run the app in a process; its output."""
    done = subprocess.run(
        [sys.executable, *([] if RELEASE_CANDIDATE else ["-W", "error"]), str(APP), *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def forked(*arguments: str, cwd: Path) -> str:
    """The same in a fraction of the time."""
    done = fork(cwd, *arguments, script=APP, strict=not RELEASE_CANDIDATE)
    return done.stdout + done.stderr


def printed(output: str) -> list[dict[str, Any]]:
    """The app's own lines."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


@pytest.mark.usefixtures("hydra_app")
@pytest.mark.filterwarnings("ignore:.*is not installed here")
@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_composes_typed_alone_and_relocated(group: str, option: str) -> None:
    for place, override in ((group, f"+{group}={option}"), ("elsewhere", f"+{group}@elsewhere={option}")):
        node = compose(overrides=[override])[place]
        entry = {registry.kind: registry for registry in registries()}[group].option(option)
        assert entry is not None
        assert OmegaConf.get_type(node) is entry.config
        required = KEYS.get(entry.name, {})
        OmegaConf.set_struct(node, False)
        for key, value in required.items():
            node[key] = value
        config = scepter_opt.check(node)
        assert type(config) is entry.config


@pytest.mark.usefixtures("hydra_app")
@pytest.mark.parametrize(("group", "option"), INSTALLED)
def test_every_option_builds(group: str, option: str) -> None:
    entry = {registry.kind: registry for registry in registries()}[group].option(option)
    assert entry is not None
    node = compose(overrides=[f"+{group}={option}"])[group]
    OmegaConf.set_struct(node, False)
    for key, value in KEYS.get(entry.name, {}).items():
        node[key] = value
    if group == "optimizer":
        scepter_opt.build_optimizer(make_model(entry.name), node)
        return
    optimizer = scepter_opt.build_optimizer(make_model("SGD"), {"NAME": "SGD"})
    scepter_opt.build_lr_scheduler(optimizer, node)


def test_composing_and_checking_import_no_torch() -> None:
    script = f"""
import sys
sys.modules["torch"] = None
from hydra import compose, initialize
from omegaconf import OmegaConf
import scepter_opt
needs = {KEYS!r}
with initialize(version_base="1.3", config_path=None):
    for group, option in {OPTIONS!r}:
        cfg = compose(overrides=["+" + group + "=" + option])
        OmegaConf.set_struct(cfg, False)
        cfg[group].update(needs.get(cfg[group].NAME, {{}}))
        (config,) = scepter_opt.check(cfg).values()
        scepter_opt.get_config_template(config.NAME)
assert sys.modules["torch"] is None
print("done")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "done\n", done.stderr


@pytest.mark.usefixtures("hydra_app")
def test_a_wrong_type_is_refused_while_composing() -> None:
    with pytest.raises(ConfigCompositionException):
        compose(overrides=["+optimizer=sgd", "optimizer.LEARNING_RATE=fast"])


@pytest.mark.usefixtures("hydra_app")
def test_an_unknown_key_is_refused_while_composing_and_with_a_plus_by_check() -> None:
    with pytest.raises(ConfigCompositionException):
        compose(overrides=["+optimizer=sgd", "optimizer.LEARNING_RAET=0.1"])
    cfg = compose(overrides=["+optimizer=sgd", "+optimizer.LEARNING_RAET=0.1"])
    with pytest.raises(scepter_opt.ConfigError, match="Did you mean LEARNING_RATE"):
        scepter_opt.check(cfg)


@pytest.mark.usefixtures("hydra_app")
def test_whole_floats_pass_for_whole_numbers() -> None:
    cfg = compose(overrides=["+lr_scheduler=cosine_annealing", "lr_scheduler.T_MAX=200.0"])
    assert scepter_opt.check(cfg)["lr_scheduler"].T_MAX == 200
    cfg = compose(overrides=["+lr_scheduler=cosine_annealing", "lr_scheduler.T_MAX=200.5"])
    with pytest.raises(scepter_opt.ConfigError, match="must be a whole number"):
        scepter_opt.check(cfg)


@pytest.mark.usefixtures("hydra_app")
def test_parts_of_a_scheduler_can_be_added_from_the_command_line() -> None:
    cfg = compose(
        overrides=[
            "+lr_scheduler=sequential",
            "+lr_scheduler.SCHEDULERS.warmup={NAME: LinearLR, TOTAL_ITERS: 5}",
            "+lr_scheduler.SCHEDULERS.decay.NAME=CosineAnnealingLR",
            "lr_scheduler.MILESTONES=[5]",
        ]
    )
    optimizer = scepter_opt.build_optimizer(make_model("SGD"), {"NAME": "SGD"})
    scheduler: Any = scepter_opt.build_lr_scheduler(optimizer, cfg.lr_scheduler, total_steps=50)
    assert scheduler._schedulers[1].T_max == 45


def test_nothing_is_stored_in_the_groups_of_the_config_store() -> None:
    repo = ConfigStore.instance().repo
    assert "optimizer" not in repo
    assert "lr_scheduler" not in repo


def test_expose_may_be_called_again() -> None:
    scepter_opt.expose()
    scepter_opt.expose()
    with initialize(version_base="1.3", config_path=None):
        assert compose(overrides=["+optimizer=sgd"]).optimizer.NAME == "SGD"


def test_the_search_path_alone_exposes_the_files(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "hydra: {searchpath: [pkg://scepter_opt.conf]}\ndefaults: [{optimizer: adam}, _self_]\n"
    )
    script = f"""
import sys
from hydra import compose, initialize_config_dir
with initialize_config_dir(version_base="1.3", config_dir={str(tmp_path)!r}):
    assert compose(config_name="config").optimizer.NAME == "Adam"
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def test_other_peoples_files_in_the_groups_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "sgd.yaml").write_text("_target_: torch.optim.SGD\nlr: 0.1\n")
    with initialize_config_dir(version_base="1.3", config_dir=str(tmp_path)):
        assert compose(overrides=["+optimizer=sgd"]).optimizer == {"_target_": "torch.optim.SGD", "lr": 0.1}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("optimizer=sgd", {"name": "SGD", "typed": True, "class": "SGD", "lr": 0.001}),
        ("optimizer=typed_one", {"name": "Typed", "typed": True, "class": "SGD", "lr": 0.25}),
        ("optimizer=untyped", {"name": "Untyped", "typed": False, "class": "SGD", "lr": 0.5}),
        ("optimizer=rprop", {"name": "SGD", "typed": True, "class": "SGD", "lr": 0.75}),
    ],
)
def test_an_app_runs_with(override: str, expected: dict[str, Any], tmp_path: Path) -> None:
    assert printed(forked(override, cwd=tmp_path)) == [expected | {"nodes": ["optimizer", "lr_scheduler"]}]


def test_any_key_passes_to_a_class_without_config(tmp_path: Path) -> None:
    assert printed(forked("optimizer=untyped", "+optimizer.ETA=3", cwd=tmp_path))[0]["lr"] == 3


def test_help_and_completion_show_every_option(tmp_path: Path) -> None:
    help_text = run("--help", cwd=tmp_path)
    assert "typed_one" in help_text
    assert "untyped" in help_text
    assert "cosine_annealing" in help_text
    assert "schema" not in help_text
    tree = run("--info", "defaults-tree", cwd=tmp_path)
    assert "scepter_opt/schema/optimizer@optimizer: sgd" in tree
    assert "LEARNING_RATE: 0.25" in run("--cfg", "job", "optimizer=typed_one", cwd=tmp_path)


def test_tab_completes_options_and_keys() -> None:
    script = f"""
import runpy
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.bash_completion import BashCompletion
from hydra._internal.utils import create_config_search_path
runpy.run_path({str(APP)!r}, run_name="app")
loader = ConfigLoaderImpl(config_search_path=create_config_search_path("file://{APP.parent / "conf"}"))
completion = BashCompletion(loader)
assert "optimizer=adamw" in completion._query(config_name="config", line="optimizer=ad")
assert "optimizer=typed_one" in completion._query(config_name="config", line="optimizer=ty")
assert "optimizer.LEARNING_RATE=" in completion._query(config_name="config", line="optimizer.LEARN")
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_sweep_reaches_classes_of_the_main_script(launcher: str, tmp_path: Path) -> None:
    if launcher == "joblib" and RELEASE_CANDIDATE:
        pytest.skip("there is no joblib launcher for it yet")
    sweep = ["-m", "optimizer=sgd,typed_one,untyped,rprop", f"hydra/launcher={launcher}"]
    if launcher == "joblib":
        output = run(*sweep, "hydra.launcher.n_jobs=2", cwd=tmp_path)
    else:
        output = forked(*sweep, cwd=tmp_path)
    # two workers finish in any order
    found = sorted((line["lr"], line["typed"]) for line in printed(output))
    assert found == [(0.001, True), (0.25, True), (0.5, False), (0.75, True)]


def test_a_sweep_over_all_options_with_glob(tmp_path: Path) -> None:
    output = forked("-m", "optimizer=glob(adam*,exclude=*8bit)", cwd=tmp_path)
    names = [line["name"] for line in printed(output)]
    assert names == ["Adam", "Adamax", "AdamW"]


@pytest.mark.parametrize("more", [(), ("-m",), ("-m", "hydra/launcher=joblib")])
def test_an_app_shows_problems_without_a_traceback(more: tuple[str, ...], tmp_path: Path) -> None:
    if RELEASE_CANDIDATE:
        pytest.skip("1.4 shows the app's own lines above")
    command = [sys.executable, str(APP), *more, "+optimizer.lr=0.5", "optimizer.MOMENTUM=-1"]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "  optimizer.MOMENTUM = -1.0: must be at least 0. (Fraction of the previous update" in done.stderr
    assert "  optimizer.lr = 0.5: SGD has no such key. Did you mean LEARNING_RATE?" in done.stderr


@pytest.mark.usefixtures("hydra_app")
def test_hydras_own_refusals_name_the_class() -> None:
    with pytest.raises(ConfigCompositionException) as caught:
        compose(overrides=["+optimizer=adamw", "optimizer.lr=0.1"])
    assert "Key 'lr' not in 'AdamW'" in str(caught.value.__cause__)
