"""Run the tests in an environment of each combination of versions: `make test-versions`.

    make test-versions                             all; what passed with the sources as they are is not run again
    make test-versions ARGS="hydra-1.3.2"          this one, whatever was run before

Environments, results and what pip said are in .venv-versions/, which may be deleted at any time. The exit status is 1
where tests failed; what could not be run is listed with its reason, and is no failure.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.versions.combinations import Combination, combinations, constraints, found_pythons

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venv-versions"
# What has to be free on the disk: torch with CUDA's libraries takes six.
GIGABYTES = 10
VERSIONS = """
import platform
from importlib.metadata import version
print(f"Python {platform.python_version()}, torch {version('torch')}, Hydra {version('hydra-core')}")
"""


@dataclass(frozen=True)
class Result:
    """What came of a combination."""

    sources: str = ""
    """The digest of the sources that were tested."""
    versions: str = ""
    """The versions that were."""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    missing: str = ""
    """Why nothing was run."""

    def __str__(self) -> str:
        if self.missing:
            return f"not run: {self.missing}"
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped: {self.versions}"


def main(chosen: Sequence[str]) -> int:
    """Run what is chosen, or all; the exit status."""
    known = {each.name: each for each in combinations(ROOT / "setup.cfg", found_pythons(Path.home()))}
    if unknown := [name for name in chosen if name not in known]:
        print(f"There is no combination {', '.join(unknown)}. There are: {', '.join(known)}.", file=sys.stderr)
        return 2
    FOLDER.mkdir(exist_ok=True)
    results, names = dict[str, Result](), list(chosen or known)
    for number, name in enumerate(names, 1):
        print(f"[{number} of {len(names)}] {name}", flush=True)
        results[name] = (None if chosen else passed_before(name)) or run(known[name])
    print("\n" + summary(results))
    return int(any(result.failed for result in results.values()))


def summary(results: dict[str, Result]) -> str:
    """A line of each combination, those last that were not run."""
    ran = sorted(results.items(), key=lambda item: bool(item[1].missing))
    return "\n".join(f"{name:<14} {result}" for name, result in ran)


def run(combination: Combination) -> Result:
    """Install a combination, where that was not done, and run its tests; the result is kept."""
    missing = combination.missing or no_room() or install(combination)
    result = Result(missing=missing) if missing else test(combination)
    if not missing:
        (FOLDER / f"{combination.name}.json").write_text(json.dumps(asdict(result)), encoding="utf-8")
    return result


def passed_before(name: str) -> Result | None:
    """What came of it with these sources, if no test failed."""
    path = FOLDER / f"{name}.json"
    result = Result(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else Result(failed=1)
    return result if result.sources == sources() and not result.failed else None


def sources() -> str:
    """A digest of all files that are the project's."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    digest = hashlib.sha256()
    for name in sorted(filter(None, listed.stdout.decode().split("\0"))):
        if (ROOT / name).is_file():
            digest.update(name.encode() + (ROOT / name).read_bytes())
    return digest.hexdigest()


def no_room() -> str:
    """What is said where the disk is nearly full."""
    free = shutil.disk_usage(FOLDER).free // 10**9
    return f"{free} GB of disk are free, and it may take {GIGABYTES}" if free < GIGABYTES else ""


def install(combination: Combination) -> str:
    """Make the environment; what pip says where it cannot."""
    home = FOLDER / combination.name
    wanted = constraints((ROOT / "constraints.txt").read_text(encoding="utf-8"), combination)
    wanted += (ROOT / "setup.cfg").read_text(encoding="utf-8")
    stamp = home / "installed"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return ""
    pins, log = home.with_suffix(home.suffix + ".txt"), home.with_suffix(home.suffix + ".log")
    pins.write_text(constraints((ROOT / "constraints.txt").read_text(encoding="utf-8"), combination), encoding="utf-8")
    pip: list[str | Path] = [interpreter(combination), "-m", "pip", "install", "-c", pins]
    commands: list[list[str | Path]] = [
        [combination.python, "-m", "venv", home],
        [*pip, "setuptools"],
        [*pip, "--no-build-isolation", "-e", ".[all]", *combination.requirements],
    ]
    with log.open("w", encoding="utf-8") as file:
        for command in commands:
            if subprocess.run(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, check=False).returncode:
                errors = [line for line in log.read_text(encoding="utf-8").splitlines() if "error" in line.lower()]
                return f"{(errors or ['no installation'])[-1]} (see {log.relative_to(ROOT)})"
    stamp.write_text(wanted, encoding="utf-8")
    return ""


def test(combination: Combination) -> Result:
    """Run the tests, as `make test` does."""
    python, report = interpreter(combination), FOLDER / f"{combination.name}.xml"
    report.unlink(missing_ok=True)
    command: list[str | Path] = [
        python, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder",
        "-p", "no:cacheprovider", f"--junitxml={report}", *combination.tests,
    ]  # fmt: skip
    # what tests start as processes of their own has to be found here, and warns as the tests do
    ignored = [text for text in combination.tests if text.startswith("ignore:")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": ",".join(ignored)}
    status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    versions = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=True).stdout.strip()
    if not report.is_file():
        return Result(sources(), versions, failed=1)
    counts = [suite.attrib for suite in ET.parse(report).iter("testsuite")]
    total, skipped, failures, errors = (
        sum(int(each[key]) for each in counts) for key in ("tests", "skipped", "failures", "errors")
    )
    failed = failures + errors or int(status != 0)
    return Result(sources(), versions, total - skipped - failures - errors, failed, skipped)


def interpreter(combination: Combination) -> Path:
    """The Python of a combination's environment."""
    return FOLDER / combination.name / "bin" / "python"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
