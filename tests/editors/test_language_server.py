"""What yaml-language-server, as editors run it, makes of the schemas that the command writes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scepter_opt.cli.schema import schema
from tests.editors.language_server import LanguageServer

pytestmark = [pytest.mark.editor, pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")]
APP = """\
# yaml-language-server: $schema=../.scepter_opt/app.json
defaults:
  - optimizer: adamw
  - lr_scheduler: warmup_cosine
  - _self_

optimizer:
  {optimizer}
lr_scheduler:
  PHASES:
    warmup: {warmup}
"""
OPTION = """\
# yaml-language-server: $schema=../../.scepter_opt/optimizer.json
defaults:
  - adamw
  - _self_

{key}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    """The server in the folder of an app, whose schemas the command has written."""
    program = os.environ.get("YAML_LANGUAGE_SERVER") or shutil.which("yaml-language-server")
    assert program, "no yaml-language-server: run `make test-editor`"
    folder = tmp_path_factory.mktemp("app")
    (folder / "conf" / "optimizer").mkdir(parents=True)
    (folder / "conf" / "config.yaml").write_text("defaults: [optimizer: adamw, _self_]\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert schema(write=True) == 0
    with LanguageServer(Path(program), folder) as server:
        yield server


def app(optimizer: str = "LEARNING_RATE: 1e-3", warmup: str = "{LENGTH: 5%}") -> str:
    return APP.format(optimizer=optimizer, warmup=warmup)


def test_a_right_file_has_no_red_line(server: LanguageServer) -> None:
    assert server.problems("conf/right.yaml", app()) == []
    assert server.problems("conf/optimizer/right.yaml", OPTION.format(key="BETAS: [0.9, '${beta}']")) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("LERNING_RATE: 1e-3", "AdamW has no such key."),
        ("MOMENTUM: 0.9", "AdamW has no such key."),
        ("EPS: small", "Must be: number of at least 0."),
        ("WEIGHT_DECAY: -0.1", "Value is below the minimum of 0."),
        ("IMPLEMENTATION: fast", "Value is not accepted. Valid values: \"auto\""),
    ],
)  # fmt: skip
def test_a_mistake_is_a_red_line_in_an_apps_file_and_in_an_options(
    line: str, message: str, server: LanguageServer
) -> None:
    file = line.partition(":")[0]
    (problem,) = server.problems(f"conf/{file}.yaml", app(line))
    assert problem[0] == 7
    assert problem[1].startswith(message)
    (problem,) = server.problems(f"conf/optimizer/{file}.yaml", OPTION.format(key=line))
    assert problem[0] == 5
    assert problem[1].startswith(message)


def test_a_misspelt_curve_is_told_with_all_there_are(server: LanguageServer) -> None:
    (problem,) = server.problems("conf/curve.yaml", app(warmup="{CURVE: lineer, TO: 1}"))
    assert problem[0] == 10
    assert '"linear", "cosine"' in problem[1]


def test_keys_are_completed_with_their_documentation(server: LanguageServer) -> None:
    offered = server.completions("conf/keys.yaml", app("EPS: 1e-8\n  WEI"), line=8, character=5)
    assert offered["WEIGHT_DECAY"].startswith("Share of a weight that decays per step")
    assert "MOMENTUM" not in offered
    offered = server.completions("conf/optimizer/keys.yaml", OPTION.format(key="AMS"), line=5, character=3)
    assert "AMSGRAD" in offered
    assert "MOMENTUM" not in offered


def test_values_are_completed(server: LanguageServer) -> None:
    offered = server.completions("conf/values.yaml", app("IMPLEMENTATION: "), line=7, character=18)
    assert {"auto", "fused", "foreach", "for_loop", "compiled", "torch"} <= offered.keys()
    offered = server.completions("conf/curves.yaml", app(warmup="\n      CURVE: "), line=11, character=13)
    assert {"linear", "cosine", "one_minus_sqrt"} <= offered.keys()
    text = "# yaml-language-server: $schema=../.scepter_opt/app.json\ndefaults:\n  - optimizer: \n"
    assert {"adamw", "muon_adamw"} <= server.completions("conf/options.yaml", text, line=2, character=15).keys()


def test_the_keys_of_a_phase_are_those_of_its_curve(server: LanguageServer) -> None:
    text = app(warmup="\n      CURVE: polynomial\n      ")
    offered = server.completions("conf/polynomial.yaml", text, line=12, character=6)
    assert {"POWER", "TO", "LENGTH"} <= offered.keys()
    assert not {"GAMMA", "CYCLES"} & offered.keys()


def test_a_key_is_documented_under_the_pointer(server: LanguageServer) -> None:
    shown = server.hover("conf/hover.yaml", app(), line=7, character=4)
    assert "Step size." in shown
    assert "number of at least 0; default 0.001" in shown
    text = OPTION.format(key="BETAS: [0.9, 0.95]")
    assert "Decay rates of the averages" in server.hover("conf/optimizer/hover.yaml", text, line=5, character=2)
