"""Every block of the README and of docs/ runs, and prints what stands there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from scepter_opt.__main__ import main
from tests.examples.runs import fork

ROOT = Path(__file__).parent.parent
BLOCKS = [
    (match["language"], match["title"], match["body"])
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for match in re.finditer(
        r"^```(?P<language>\w+)(?: title=(?P<title>\S+))?\n(?P<body>.*?)^```$",
        file.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
]
# What other packages are needed for is run by tests/hosts.
PYTHON = [(body, follow[2] if follow[0] == "text" else None)
          for (language, title, body), follow in zip(BLOCKS, [*BLOCKS[1:], ("", None, "")], strict=True)
          if language == "python" and title != "train.py" and not (title or "").startswith("hosts/")]  # fmt: skip
COMMANDS = [
    (command.strip().partition("\n")[0], command.strip().partition("\n")[2])
    for language, _, body in BLOCKS
    if language == "console"
    for command in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]
]


def run(command: list[str], folder: Path) -> str:
    """Run a command beside the README's files; its output."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the README shows."""
    for _, title, body in BLOCKS:
        if title:
            (tmp_path / title).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / title).write_text(body, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("body", "expected"), PYTHON)
def test_python_blocks_run(body: str, expected: str | None, folder: Path) -> None:
    (folder / "block.py").write_text(body, encoding="utf-8")
    printed = fork(folder, script=folder / "block.py", strict=True, columns=100).stdout
    assert expected is None or printed == expected


@pytest.mark.long
@pytest.mark.parametrize(("body", "expected"), PYTHON)
def test_python_blocks_import_what_they_need(body: str, expected: str | None, folder: Path) -> None:
    printed = run([sys.executable, "-W", "error", "-c", body], folder)
    assert expected is None or printed == expected


@pytest.mark.parametrize(("command", "expected"), [c for c in COMMANDS if c[0].startswith("python ")])
def test_commands_print_what_is_shown(command: str, expected: str, folder: Path) -> None:
    first, *arguments = shlex.split(command)[1:]
    if first.endswith(".py"):
        compare(fork(folder, *arguments, script=folder / first, columns=100).stdout, expected)
    else:
        compare(run([sys.executable, first, *arguments], folder), expected)


@pytest.mark.long
@pytest.mark.parametrize(("command", "expected"), [c for c in COMMANDS if c[0].startswith("python ")])
def test_commands_typed_as_they_stand_print_what_is_shown(command: str, expected: str, folder: Path) -> None:
    compare(run([sys.executable, *shlex.split(command)[1:]], folder), expected)


def compare(printed: str, expected: str) -> None:
    """Hold what a command prints to what is shown of it."""
    # Hydra shows the log, with times; a plan takes several lines
    printed = re.sub(r"^\[[^\n]*\[scepter_opt\]\[INFO\][^\n]*\n(  [^\n]*\n)*", "", printed, flags=re.MULTILINE).strip()
    if expected.endswith("..."):
        assert printed.startswith(expected.removesuffix("..."))
    elif expected:
        assert printed == expected


def test_what_hydra_refuses_is_quoted_and_an_option_of_ones_own_mends_it(folder: Path) -> None:
    train = partial(fork, folder, script=folder / "train.py", strict=True)
    refused = train("optimizer=muon_adamw", code=1)
    (quoted,) = (body for language, _, body in BLOCKS if language == "text" and "ConfigKeyError" in body)
    assert refused.stderr.startswith(quoted)
    config = folder / "conf/config.yaml"
    text = config.read_text().partition("optimizer:\n")[0].replace("optimizer: adamw", "optimizer: my_adamw")
    config.write_text(text)
    assert "HybridOptimizer and " in train("optimizer=muon_adamw").stdout
    assert "LEARNING_RATE: 0.003" in train("--cfg", "job").stdout


def test_the_other_commands_are_makes_own() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    others = [command for command, _ in COMMANDS if not command.startswith("python ")]
    assert all(command.split()[0] == "make" and command.split()[1] in targets for command in others)


def test_every_recipe_of_a_schedule_is_shown() -> None:
    files = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "conf" / "lr_scheduler").glob("*.yaml")}
    recipes = {name for name, text in files.items() if not text.startswith("defaults")} - {"imported"}
    text = (ROOT / "docs/schedules.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `lr_scheduler=(\w+)` \| [^`]", text, re.MULTILINE)) == recipes


def test_the_table_shows_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    main(["list", "--markdown"])
    assert capsys.readouterr().out.strip() in (ROOT / "docs/options.md").read_text(encoding="utf-8")
