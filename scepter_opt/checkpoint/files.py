"""A folder of entries, one a save, each complete or not there, with a digest of every file."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError, Problem, reason_of

MANIFEST = "manifest.json"
FORMAT = 1
"""Version of what is written; a later one is refused."""
_ENTRY = re.compile(r"step-(\d{8,})(\.before)?")
# A name that no reader takes for an entry; `.before` is what an entry of the same step was until the new one is there.
_UNFINISHED, _BEFORE = ".unfinished", ".before"
_CHUNK = 1 << 20
"""Bytes at a time."""


class Broken(Exception):
    """An entry is not whole; says why."""


@dataclass(frozen=True)
class Entry:
    """One save."""

    path: Path
    step: int

    def files(self) -> dict[str, dict[str, Any]]:
        """What the entry holds: for each file its digest and its size in bytes.

        Raises:
            Broken: The manifest is missing or damaged.
            ConfigError: It is of a later version.
        """
        try:
            written = json.loads((self.path / MANIFEST).read_bytes())
            content, digest = written["content"], written["sha256"]
            whole = digest == _digest_of(content) and content["step"] == self.step
            version, files = content["format"], dict(content["files"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Broken(f"{MANIFEST} cannot be read ({reason_of(error)})") from error
        if not whole:
            raise Broken(f"{MANIFEST} is damaged")
        if version > FORMAT:
            message = f"was written in format {version} by a later scepter_opt, and this one reads up to {FORMAT}."
            raise ConfigError([Problem("path", message, str(self.path))])
        return files

    def check(self, name: str, expected: Mapping[str, Any]) -> None:
        """Compare a file with its digest.

        Raises:
            Broken: It is missing or damaged.
        """
        path = self.path / name
        try:
            if path.stat().st_size != expected["bytes"]:
                raise Broken(f"{name} has {path.stat().st_size} bytes of {expected['bytes']}")
            if digest_of(path) != expected["sha256"]:
                raise Broken(f"{name} is damaged")
        except OSError as error:
            raise Broken(f"{name} cannot be read ({reason_of(error)})") from error


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    digest, buffer = hashlib.sha256(), memoryview(bytearray(_CHUNK))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
    return digest.hexdigest()


def _digest_of(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def entries(folder: Path) -> list[Entry]:
    """The entries of a folder, the newest first; whether they are whole is not looked at."""
    found: dict[int, Path] = {}
    with suppress(OSError):
        for path in sorted(folder.iterdir()):
            match = _ENTRY.fullmatch(path.name)
            # of two of one step the earlier counts only where the later one is not there
            if match and not (match[2] and int(match[1]) in found):
                found[int(match[1])] = path
    return [Entry(path, step) for step, path in sorted(found.items(), reverse=True)]


def entry_at(path: Path) -> Entry | None:
    """The entry that a path is, None where it is none."""
    match = _ENTRY.fullmatch(path.name)
    return Entry(path, int(match[1])) if match else None


class HashingFile:
    """A file that is written from beginning to end, and knows its digest.

    Args:
        path: Where it is written.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._digest = hashlib.sha256()
        self._worker = ThreadPoolExecutor(1)
        self.size = 0

    def write(self, data: Any) -> int:
        """Write bytes, as a file does."""
        if len(data) < _CHUNK:
            self._digest.update(data)
            written = self._file.write(data)
        else:
            # what is large is written and digested at once; the bytes are the caller's own again after this
            digested = self._worker.submit(self._digest.update, data)
            try:
                written = self._file.write(data)
            finally:
                digested.result()
        self.size += len(data)
        return written

    def flush(self) -> None:
        """As a file does."""
        self._file.flush()

    def close(self) -> dict[str, Any]:
        """Bring it to the disk; returns what the manifest has of it."""
        with self._worker, self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
        return {"sha256": self._digest.hexdigest(), "bytes": self.size}


def begin(folder: Path, step: int) -> Path:
    """A folder for the files of a new entry, which is none before `finish`.

    Args:
        folder: Made where it does not exist.
        step: Optimizer steps that were made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # what a run that was killed has left: an entry half written, or one that was about to go
    gone = [path for path in folder.glob(f"*{_BEFORE}") if path.with_name(path.name.removesuffix(_BEFORE)).exists()]
    for path in (*folder.glob(f"*{_UNFINISHED}"), *gone):
        shutil.rmtree(path, ignore_errors=True)
    unfinished = folder / f"step-{step:08d}{_UNFINISHED}"
    unfinished.mkdir()
    return unfinished


def finish(unfinished: Path, step: int, files: Mapping[str, Any], keep: int | None) -> Path:
    """Make an entry of a folder: after it was renamed it is there, before it is not.

    Args:
        unfinished: What `begin` made, with all files in it, on the disk.
        step: Optimizer steps that were made.
        files: By name what the manifest has of each file.
        keep: Entries that stay, the newest; None keeps all.
    """
    content = {"format": FORMAT, "step": step, "files": dict(files), **_versions()}
    file = HashingFile(unfinished / MANIFEST)
    file.write(json.dumps({"content": content, "sha256": _digest_of(content)}, indent=1).encode())
    file.close()
    _to_disk(unfinished)
    final = unfinished.with_name(unfinished.name.removesuffix(_UNFINISHED))
    before = final.with_name(final.name + _BEFORE)
    if final.exists():  # an entry of this step, which counts until the new one is there
        if before.exists():
            _remove(before)
        final.rename(before)
    unfinished.rename(final)
    _to_disk(final.parent)
    if before.exists():
        _remove(before)
    for old in entries(final.parent)[keep:] if keep else ():
        if old.path != final:
            _remove(old.path)
    return final


def _remove(entry: Path) -> None:
    """Remove an entry, so that what is left of it when it is interrupted is taken for none."""
    gone = entry.with_name(entry.name + _UNFINISHED)
    shutil.rmtree(gone, ignore_errors=True)
    entry.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _to_disk(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    with suppress(OSError):  # Windows cannot open a folder
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _versions() -> dict[str, str]:
    import torch

    own = sys.modules[__name__.partition(".")[0]]
    return {"scepter_opt": str(own.__version__), "torch": str(torch.__version__)}


def candidates(path: Path) -> tuple[list[Entry], bool]:
    """The entries that a load may take, the newest first, and whether the path is one entry.

    Raises:
        ConfigError: There is none.
    """
    one = entry_at(path)
    if one is not None and path.is_dir():
        return [one], True
    found = entries(path)
    if not found:
        what = "is a file: give the folder that checkpoint.save wrote." if path.is_file() else "holds no checkpoint."
        others = entries(path.parent) if one is not None else []
        hint = f" There is {others[0].path}." if others else ""
        raise ConfigError([Problem("path", what + hint, str(path))])
    return found, False


def older(entry: Entry) -> Iterator[Entry]:
    """The entries before one in its folder, the newest first."""
    return (other for other in entries(entry.path.parent) if other.step < entry.step)
