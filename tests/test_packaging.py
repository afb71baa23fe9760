"""What is built holds every file, and Hydra finds the groups however the package was installed."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from configparser import ConfigParser
from importlib.metadata import EntryPoint
from pathlib import Path
from zipfile import ZipFile

import pytest
from hydra.plugins.plugin import Plugin

import scepter_opt.__main__

ROOT = Path(__file__).parent.parent
NEXT = ROOT / ".venv" / "hydra-next"
SOURCES = ("scepter_opt", "conf", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")

# Each folder given is one with .pth files, as site-packages is. The search path comes first: `import` adds to it.
FIND = """
import json, site, sys
from hydra import compose, initialize
from hydra.core.global_hydra import GlobalHydra

for folder in sys.argv[1:]:
    site.addsitedir(folder)
with initialize(version_base="1.3"):
    cfg = compose(overrides=["hydra.searchpath=[pkg://scepter_opt.conf]", "+optimizer=sgd", "+lr_scheduler=step"])
    found = {"by search path": [cfg.optimizer.NAME, cfg.lr_scheduler.NAME]}
import scepter_opt
with initialize(version_base="1.3"):
    cfg = compose(overrides=["+optimizer=sgd", "+lr_scheduler=step"])
    found["by import"] = [cfg.optimizer.NAME, cfg.lr_scheduler.NAME]
    loader = GlobalHydra.instance().config_loader()
    found |= {group: loader.get_group_options(group) for group in ("optimizer", "lr_scheduler")}
assert "torch" not in sys.modules
print(json.dumps({"file": scepter_opt.__file__, **found}))
"""

FIND_BY_ENTRY_POINT = """
from hydra import compose, initialize

with initialize(version_base=None):
    print(compose(overrides=["+optimizer=sgd"]).optimizer.NAME)
"""


def run(*command: object, cwd: Path, **environment: str) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources: building leaves folders behind, and old ones would get into the wheel."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture(scope="module")
def built(checkout: Path) -> Path:
    """The folder with the sdist and with the wheel that was built from it."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", checkout / "dist", cwd=checkout)
    return checkout / "dist"


def files_of_the_package() -> set[str]:
    """Every module, config file and file of pages in the tree, by its place in the installed package."""
    package = {path.relative_to(ROOT) for path in (ROOT / "scepter_opt").rglob("*.py")}
    package |= {path.relative_to(ROOT) for path in (ROOT / "scepter_opt/insight/page_files").iterdir()}
    conf = {
        "scepter_opt" / path.relative_to(ROOT) for path in (ROOT / "conf").rglob("*") if path.suffix in (".py", ".yaml")
    }
    return {str(path) for path in package | conf} | {"scepter_opt/py.typed"}


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == files_of_the_package()


def test_the_sdist_holds_every_file_of_the_package(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {name.removeprefix("scepter_opt/") if "/conf/" in name else name for name in files_of_the_package()}
    assert needed <= names
    assert {"setup.cfg", "pyproject.toml", "README.md", "LICENSE"} <= names


def test_every_package_is_listed() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = setup["options"]["packages"].split()
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "scepter_opt").rglob("*.py")}
    assert sorted(listed) == sorted({".".join(folder.parts) for folder in folders} | {"scepter_opt.conf"})


def install(kind: str, checkout: Path, built: Path, target: Path) -> tuple[list[Path], list[Path]]:
    """Install one kind below `target`: what comes first on the path, and which folders have .pth files."""
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    if kind == "checkout":
        return [checkout], []
    if kind == "zip":
        return [wheel], []
    if kind == "sdist":
        shutil.unpack_archive(sdist, target, filter="data")
        return [*target.iterdir()], []
    if kind != "wheel":
        target.mkdir()
        build = f"import setuptools.build_meta as b; b.build_editable({str(target)!r}, {{'editable_mode': {kind!r}}})"
        run(sys.executable, "-c", build, cwd=checkout)
        (wheel,) = target.glob("*.whl")
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--target", target / "site", wheel, cwd=checkout)
    return [target / "site"], [] if kind == "wheel" else [target / "site"]


@pytest.mark.parametrize("kind", ["wheel", "sdist", "checkout", "zip", "lenient", "strict", "compat"])
def test_hydra_finds_the_groups(kind: str, checkout: Path, built: Path, tmp_path: Path) -> None:
    first, sites = install(kind, checkout, built, tmp_path / "target")
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    path = os.pathsep.join([*map(str, first), *libraries])
    # -S: without the .pth files of this environment, which may lead to an editable install of its own
    found = json.loads(run(sys.executable, "-S", "-c", FIND, *sites, cwd=tmp_path, PYTHONPATH=path))
    place = found.pop("file")
    assert place.startswith(str(tmp_path if kind in ("wheel", "sdist") else checkout))
    assert found == {
        "by search path": ["SGD", "StepLR"],
        "by import": ["SGD", "StepLR"],
        **{
            group: sorted(file.stem for file in (ROOT / "conf" / group).iterdir())
            for group in ("optimizer", "lr_scheduler")
        },
    }


def test_the_entry_points_lead_to_the_command_and_to_plugins(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    archive = ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    points = ConfigParser()
    points.read_string(archive.read(name).decode())
    loaded = {
        group: [EntryPoint(name, value, group).load() for name, value in points[group].items()]
        for group in ("console_scripts", "hydra.plugins")
    }
    assert loaded["console_scripts"] == [scepter_opt.__main__.main]
    assert loaded["hydra.plugins"]
    for plugin in loaded["hydra.plugins"]:
        assert issubclass(plugin, Plugin)
        assert not inspect.isabstract(plugin)


@pytest.mark.skipif(not NEXT.is_dir(), reason="`make test` installs the release candidate into .venv/hydra-next")
def test_the_next_hydra_finds_the_groups_without_an_import(checkout: Path, built: Path, tmp_path: Path) -> None:
    first, _ = install("wheel", checkout, built, tmp_path / "target")
    path = os.pathsep.join([str(NEXT), *map(str, first), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    assert run(sys.executable, "-S", "-c", FIND_BY_ENTRY_POINT, cwd=tmp_path, PYTHONPATH=path) == "SGD\n"


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_says_which_python_it_needs(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("setup.cfg", "constraints.txt"):
        (tmp_path / name).touch()
    old = tmp_path / "old-python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.18\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(["make", "train", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"Python 3.10 or newer is needed, and '{old}' is: Python 3.9.18." in done.stderr
    assert not (tmp_path / ".venv").exists()
