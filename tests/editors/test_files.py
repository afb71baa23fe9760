"""The schemas of whole files, against all that the package ships, shows and tests with."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from scepter_opt.components.registry import registries
from scepter_opt.editors.files import class_file
from tests.editors.schemas import ROOT, finite, is_red, made, parse, problems, read

GROUPS = ("optimizer", "lr_scheduler", "param_groups")
SHIPPED = {
    **{path: group for group in GROUPS for path in sorted((ROOT / "conf" / group).glob("*.yaml"))},
    **{path: "app" for folder in ("examples", "tests/apps") for path in sorted((ROOT / folder).glob("*/*.yaml"))},
    **{path: "optimizer" for folder in ("examples", "tests/apps") for path in (ROOT / folder).glob("conf/optimizer/*")},
}
# what is set in as code, and the fenced blocks
_BLOCKS = re.compile(r"^```yaml[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WRITTEN = [
    block
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for block in _BLOCKS.findall(path.read_text(encoding="utf-8"))
]


def file_of(values: Any) -> str:
    """The schema that a block of a document goes by: an app's, or that of an option or of rules."""
    if any(key.isupper() for key in values):
        return "lr_scheduler" if "PHASES" in values or values.get("defaults") == ["phases", "_self_"] else "optimizer"
    rules = [rule for key, rule in values.items() if key != "defaults"]
    return (
        "param_groups"
        if rules
        and all("WHERE" in rule for rule in rules if isinstance(rule, dict))
        and all(isinstance(rule, dict) for rule in rules)
        else "app"
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_of_the_package_and_its_examples_is_green(path: Path) -> None:
    assert not problems(SHIPPED[path], read(path))
    # an editor reads YAML 1.2, and numbers such as 1e-3 as texts where it reads 1.1
    assert not problems(SHIPPED[path], finite(yaml.safe_load(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("block", WRITTEN)
def test_every_block_of_the_documents_is_green(block: str) -> None:
    values = parse(block)
    assert not problems(file_of(values), values)


def test_there_is_something_to_read() -> None:
    assert len(SHIPPED) > 55
    assert len(WRITTEN) > 3


@pytest.mark.parametrize("registry", registries(), ids=lambda registry: str(registry.kind))
def test_the_schema_of_one_class_takes_its_file_and_no_others_keys(registry: Any) -> None:
    for name, entry in registry.own_entries().items():
        validator = made(class_file(entry))
        assert validator.is_valid(read(ROOT / "conf" / registry.kind / f"{entry.option}.yaml"))
        assert validator.is_valid({"NAME": name})
        assert not validator.is_valid({"NAME": f"{name}X"})
        assert not validator.is_valid({"NAME": name, "NO_SUCH_KEY": 1})


def test_nodes_are_found_at_every_usual_place_and_anywhere_by_their_name() -> None:
    wrong = {"NAME": "SGD", "LERNING_RATE": 0.1}
    for place in ("optimizer", "optim", "OPTIMIZER"):
        assert is_red("app", {place: wrong})
        assert is_red("app", {place: {"LERNING_RATE": 0.1}})
    for place in ("lr_scheduler", "scheduler", "LR_SCHEDULER"):
        assert is_red("app", {place: {"NAME": "StepLR", "STEP": 3}})
        assert is_red("app", {place: wrong})
    assert is_red("app", {"optimizers": {"a": {"LERNING_RATE": 0.1}}})
    assert is_red("app", {"lr_schedulers": {"a": {"NAME": "StepLR", "STEP": 3}}})
    assert is_red("app", {"train": {"all": [{"NAME": "StepLR", "STEP": 3}]}})


def test_what_is_the_apps_own_is_free() -> None:
    own = {"NAME": "my run", "model": {"NAME": "resnet", "LERNING_RATE": 1}, "optimizer_name": "x", "hydra": {"a": 1}}
    assert not problems("app", own)
    assert not problems("app", None)
    assert not problems("app", {"optimizer": None, "scheduler": "the app's own word", "optim": "${optimizer}"})


def test_an_option_that_stands_as_a_text_is_red() -> None:
    assert is_red("app", {"optimizer": "adamw"})
    assert is_red("app", {"lr_scheduler": "StepLR"})


def test_a_preset_extends_others() -> None:
    assert not problems("param_groups", {"defaults": ["no_decay", "_self_"], "a": {"WHERE": {"KINDS": "bias"}}})
    assert is_red("param_groups", {"defaults": ["no_decay", "_self_"], "a": {"WEHRE": {"KINDS": "bias"}}})


def test_no_schema_needs_torch() -> None:
    script = (
        "import sys; sys.modules['torch'] = None; from scepter_opt.cli.schema import shipped\n"
        "from scepter_opt.editors.files import app_file, option_file, rules_file\n"
        "[app_file(shipped()), option_file('optimizer', shipped()), rules_file(shipped())]"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
