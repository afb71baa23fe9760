"""Which versions the tests are run under, beside those that constraints.txt pins: of Hydra, of torch, of Python."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

# All but what needs other environments: the short tests and the long ones.
WHOLE = ("-m", "not hosts and not browser and not editor")
# 1.4 warns of the version_base that 1.3 asks for, and joblib's launcher knows the versions that are out.
NEXT = ("-W", "ignore:The version_base", "-k", "not joblib")


@dataclass(frozen=True)
class Combination:
    """One environment in which the tests are run."""

    name: str
    """What the command line calls it: `hydra-1.3.2`."""
    requirements: tuple[str, ...] = ()
    """What is installed in place of what constraints.txt pins."""
    free: tuple[str, ...] = ()
    """Packages whose pins do not hold, since one of the requirements has its own."""
    python: str = sys.executable
    """The interpreter."""
    tests: tuple[str, ...] = ()
    """What pytest is told beside the usual."""
    missing: str = ""
    """Why it cannot be run here."""


def combinations(setup: Path, pythons: dict[str, str]) -> list[Combination]:
    """All of them, in their order.

    Args:
        setup: setup.cfg, which names the oldest torch and the Pythons.
        pythons: By version, such as `3.12`, an interpreter of it.
    """
    config = ConfigParser()
    config.read(setup, encoding="utf-8")
    return [
        *_of_hydra(),
        *_of_torch(config["options"]["install_requires"]),
        *_of_python(re.findall(r"Python :: (3\.\d+)$", config["metadata"]["classifiers"], re.MULTILINE), pythons),
    ]


def _of_hydra() -> Iterator[Combination]:
    for version in ("1.3.2", "1.3.8"):
        yield Combination(f"hydra-{version}", (f"hydra-core=={version}",))
    # pip takes candidates where a requirement names one; the first was too early to be of use
    newest = ("hydra-core>=1.4.0rc1,<1.5", "omegaconf>=2.4.1rc1")
    yield Combination("hydra-1.4", newest, ("omegaconf", "antlr4-python3-runtime"), tests=NEXT)


def _of_torch(requirements: str) -> Iterator[Combination]:
    (oldest,) = re.findall(r"^torch>=(\S+)$", requirements, re.MULTILINE)
    oldest += ".0" * (oldest.count(".") < 2)
    own = ("sympy",)  # each torch asks for its own
    yield Combination(f"torch-{oldest}", (f"torch=={oldest}",), own, tests=WHOLE)
    yield Combination("torch-newest", (f"torch>{oldest}",), own)


def _of_python(named: Iterable[str], pythons: dict[str, str]) -> Iterator[Combination]:
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    for version in sorted({*named, *pythons}, key=lambda text: int(text.partition(".")[2])):
        name, interpreter = f"python-{version}", pythons.get(version, "")
        if version == own:
            yield Combination(name, missing="it is the Python of all that is above")
        elif not interpreter:
            yield Combination(name, missing="no such Python was found")
        else:
            yield Combination(name, python=interpreter)


def found_pythons(home: Path) -> dict[str, str]:
    """By version from 3.10 on an interpreter that starts: on the path, or of pyenv or uv."""
    found = dict[str, str]()
    for minor in range(10, 30):
        version = f"3.{minor}"
        places = [shutil.which(f"python{version}"), *home.glob(f".pyenv/versions/{version}.*/bin/python")]
        places += home.glob(f".local/share/uv/python/cpython-{version}.*/bin/python{version}")
        for place in filter(None, places):
            if says_its_version(str(place), version):
                found[version] = str(place)
                break
    return found


def says_its_version(interpreter: str, version: str) -> bool:
    """Whether it is one, since pyenv has names on the path of what is not chosen."""
    command = [interpreter, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() == version


def constraints(pins: str, combination: Combination) -> str:
    """The pins that hold beside what a combination requires."""
    names = [re.split(r"[<>=!~ ]", text)[0] for text in combination.requirements]
    freed = {name.lower() for name in (*names, *combination.free)}
    kept = (line for line in pins.splitlines() if line.partition("==")[0].lower() not in freed)
    return "\n".join([*kept, *combination.requirements]) + "\n"
