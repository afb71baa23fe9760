"""The house: what may import what, and how large a file and a function may be."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = ["scepter_opt", "tests", "examples", "benchmarks"]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
# By contract: where a violation is planted, and what. Imports inside functions count.
PLANTED = {
    "an arrow up": ("a layer imports", "config/base.py", "def _planted():\n    from ..components import registry\n"),
    "a neighbour on the row": ("a layer imports", "lr_schedulers/api.py", "from ..optimizers import api\n"),
    "a module without a layer": ("a layer imports", "planted.py", ""),
    "a circle": ("no circles", "optimizers/base_optimizer.py", "def _planted():\n    from . import hybrid\n"),
    "a circle of folders": ("no circles", "parameters/where.py", "def _planted():\n    from ..optimizers import api\n"),
    "torch in the check": ("no torch", "checking.py", "def _planted():\n    import torch\n"),
    "runtime imported": ("nobody imports runtime", "insight/preview.py", "from ..runtime import hybrid\n"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LINT, "pyproject.toml", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("case", PLANTED)
def test_a_planted_violation_breaks_its_contract(case: str, tmp_path: Path) -> None:
    contract, place, text = PLANTED[case]
    shutil.copytree(ROOT / "scepter_opt", tmp_path / "scepter_opt", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "scepter_opt" / place).open("a", encoding="utf-8") as file:
        file.write(text)
    done = lint(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(line.startswith(contract) and " BROKEN" in line for line in done.stdout.splitlines()), done.stdout


def test_the_contracts_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 kept, 0 broken" in done.stdout


def files() -> list[Path]:
    return [path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py"))]


def test_a_file_has_at_most_300_lines() -> None:
    long = {str(path): count for path in files() if (count := len(path.read_text(encoding="utf-8").splitlines())) > 300}
    assert not long


def test_a_function_of_the_package_has_at_most_50_lines_below_its_docstring() -> None:
    long = []
    for path in sorted((ROOT / "scepter_opt").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None:
                start = node.body[0].lineno if ast.get_docstring(node) is None else (node.body[0].end_lineno or 0) + 1
                long += [f"{path.name}: {node.name}"] if node.end_lineno - start >= 50 else []
    assert not long


# Modules whose tests go by another name, and where they are.
ELSEWHERE = {
    "checkpoint/contents.py": "tests/checkpoint/test_files.py",
    "checkpoint/loading.py": "tests/checkpoint/test_edits.py",
    "checkpoint/schedules.py": "tests/checkpoint/test_schedulers.py",
    "integrations/counting.py": "tests/integrations/test_loop_counting.py",
    "integrations/lightning_schedulers.py": "tests/hosts/test_lightning_checkpoints.py",
    "components/component.py": "tests/config/test_base.py",
    "components/entry.py": "tests/components/test_registry.py",
    "config/fields.py": "tests/config/test_coercion.py",
    "integrations/accelerate.py": "tests/hosts/test_accelerate.py",
    "integrations/transformers.py": "tests/hosts/test_transformers.py",
    "integrations/optuna.py": "tests/integrations/test_optuna_study.py",
    "integrations/study_sweeper.py": "tests/integrations/test_optuna_study.py",
    "lr_schedulers/pairing.py": "tests/lr_schedulers/test_phases_messages.py",
    "lr_schedulers/registry.py": "tests/components/test_registry.py",
    "lr_schedulers/scepter_schedulers.py": "tests/runtime/test_scepter_schedulers.py",
    "lr_schedulers/plateau.py": "tests/runtime/test_plateau_lr.py",
    "optimizers/adaptive_optimizers.py": "tests/optimizers/test_torch_optimizers.py",
    "optimizers/common_keys.py": "tests/optimizers/test_torch_optimizers.py",
    "parameters/layers_of_model.py": "tests/parameters/test_layer_decay.py",
    "parameters/plan.py": "tests/parameters/test_planning.py",
    "parameters/rows.py": "tests/parameters/test_planning.py",
    "runtime/equipment.py": "tests/runtime/test_loading.py",
    "runtime/proportional_plateau.py": "tests/lr_schedulers/test_proportions.py",
    "optimizers/official_optimizers.py": "tests/optimizers/test_torch_optimizers.py",
}


def test_the_tests_of_a_module_are_found_by_its_path() -> None:
    modules = [path.relative_to(ROOT / "scepter_opt") for path in sorted((ROOT / "scepter_opt").glob("*/*.py"))]
    missing = [
        str(module)
        for module in modules
        if module.name != "__init__.py"
        and not (ROOT / ELSEWHERE.get(module.as_posix(), f"tests/{module.parent}/test_{module.name}")).is_file()
    ]
    assert not missing
