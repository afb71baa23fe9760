"""Entries are there whole or not at all; damage is recognised, and the entry before it taken or offered."""

from __future__ import annotations

import json
import os
import random
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError, checkpoint
from scepter_opt.checkpoint import files
from tests.support import same

FILES = ("manifest.json", "model.pt", "optimizer.pt", "rest.pt")


class Run:
    """A small run that has made some steps."""

    def __init__(self, steps: int = 0, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
        self.optimizer = scepter_opt.build_optimizer(self.model, {"NAME": "AdamW"})
        self.scheduler = scepter_opt.build_lr_scheduler(self.optimizer, {"NAME": "CosineAnnealingLR"}, 100)
        for _ in range(steps):
            self.step()

    def step(self) -> None:
        self.optimizer.zero_grad()
        self.model(torch.ones(1, 3)).sum().backward()
        self.optimizer.step()
        self.scheduler.step()

    @property
    def parts(self) -> dict[str, Any]:
        return {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler}

    def state(self) -> Any:
        return checkpoint.state(**self.parts, step=0, random=False)


def saved(folder: Path, steps: int = 3) -> list[Path]:
    """A folder with an entry after each step."""
    run, entries = Run(), []
    for step in range(1, steps + 1):
        run.step()
        entries.append(checkpoint.save(folder, **run.parts, step=step))
    return entries


def test_an_entry_is_named_by_its_step_and_lists_its_files_with_digests(tmp_path: Path) -> None:
    (entry,) = saved(tmp_path, 1)
    assert entry == tmp_path / "step-00000001"
    assert sorted(path.name for path in entry.iterdir()) == sorted(FILES)
    content = json.loads((entry / "manifest.json").read_text())["content"]
    assert (content["format"], content["step"], sorted(content["files"])) == (1, 1, sorted(FILES[1:]))
    for name, file in content["files"].items():
        assert file == {"sha256": files.digest_of(entry / name), "bytes": (entry / name).stat().st_size}
        assert set(torch.load(entry / name, weights_only=True)) <= {
            "step", "model", "optimizer", "groups", "scheduler", "driver", "scaler", "extra", "random",
        }  # fmt: skip


def test_the_newest_entry_is_loaded_or_the_one_that_is_named(tmp_path: Path) -> None:
    entries = saved(tmp_path)
    run = Run()
    report = checkpoint.load(tmp_path, **run.parts)
    assert (report.step, report.entry, report.passed_over) == (3, str(entries[2]), ())
    report = checkpoint.load(entries[0], **Run().parts)
    assert (report.step, report.entry) == (1, str(entries[0]))


def test_only_the_newest_entries_stay(tmp_path: Path) -> None:
    run = Run()
    for step in range(5):
        checkpoint.save(tmp_path, **run.parts, step=step, keep=2)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["step-00000003", "step-00000004"]
    # an earlier step, of a run that was resumed from further back, is not removed at once
    checkpoint.save(tmp_path, **run.parts, step=1, keep=2)
    assert (tmp_path / "step-00000001").is_dir()


def test_a_step_that_is_saved_again_is_the_later_one(tmp_path: Path) -> None:
    run = Run(1)
    checkpoint.save(tmp_path, **run.parts, step=1)
    run.step()
    checkpoint.save(tmp_path, **run.parts, step=1)
    again = Run()
    checkpoint.load(tmp_path, **again.parts)
    assert same(again.state(), run.state())
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def damages(path: Path) -> list[bytes | None]:
    """What can become of a file: gone, emptied, cut, random, longer, and with single bits flipped."""
    content = path.read_bytes()
    drawn = random.Random(path.name)
    made: list[bytes | None] = [None, b"", content[: len(content) // 2], content[:-1], content + b"x"]
    made += [drawn.randbytes(len(content)), drawn.randbytes(10)]
    for _ in range(8):
        place, bit = drawn.randrange(len(content)), 1 << drawn.randrange(8)
        made.append(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
    return made


@pytest.mark.parametrize("name", FILES)
def test_damage_is_recognised_and_the_entry_before_is_loaded(name: str, tmp_path: Path) -> None:
    entries = saved(tmp_path)
    whole = (entries[2] / name).read_bytes()
    expected = Run()
    checkpoint.load(entries[1], **expected.parts)
    for number, damage in enumerate(damages(entries[2] / name)):
        (entries[2] / name).unlink(missing_ok=True)
        if damage is not None:
            (entries[2] / name).write_bytes(damage)
        run, before = Run(seed=1), Run(seed=1).state()
        if name == "manifest.json" and damage is not None and same_content(damage, whole):
            continue  # a flipped bit in the white space of JSON
        # never half of a state, and never another exception
        with pytest.raises(ConfigError, match=f"is not whole: .*\n.*{entries[1].name}.* is whole: load that"):
            checkpoint.load(entries[2], **run.parts)
        assert same(run.state(), before), number
        report = checkpoint.load(tmp_path, **run.parts)
        assert report.entry == str(entries[1])
        assert [place for place, _ in report.passed_over] == [str(entries[2])]
        assert "passed over" in str(report)
        assert same(run.state(), expected.state())


def same_content(damage: bytes, whole: bytes) -> bool:
    try:
        return bool(json.loads(damage) == json.loads(whole))
    except ValueError:
        return False


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"\x80\x02}q\x00.", os.urandom(1000)], ids=["empty", "zip", "pickle", "random"]
)
def test_a_folder_of_other_things_is_refused(content: bytes, tmp_path: Path) -> None:
    run, before = Run(), Run().state()
    (tmp_path / "step-00000007").mkdir()
    for name in FILES:
        (tmp_path / "step-00000007" / name).write_bytes(content)
    with pytest.raises(ConfigError, match="is not whole"):
        checkpoint.load(tmp_path, **run.parts)
    assert same(run.state(), before)


def test_what_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    run = Run()
    with pytest.raises(ConfigError, match="holds no checkpoint"):
        checkpoint.load(tmp_path, **run.parts)
    file = tmp_path / "checkpoint.pt"
    torch.save({}, file)
    with pytest.raises(ConfigError, match="is a file: give the folder"):
        checkpoint.load(file, **run.parts)
    with pytest.raises(ConfigError, match="is no folder"):
        checkpoint.save(file, **run.parts, step=1)
    entries = saved(tmp_path / "run", 1)
    with pytest.raises(ConfigError, match=f"holds no checkpoint. There is .*{entries[0].name}"):
        checkpoint.load(tmp_path / "run" / "step-00000099", **run.parts)


def test_a_later_format_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FORMAT", 2)
    saved(tmp_path, 1)
    monkeypatch.setattr(files, "FORMAT", 1)
    with pytest.raises(ConfigError, match="format 2 by a later scepter_opt, and this one reads up to 1"):
        checkpoint.load(tmp_path, **Run().parts)


class Killed(BaseException):
    """A process that ends here."""


@pytest.mark.parametrize("at", range(12))
def test_a_save_that_ends_at_any_rename_or_removal_leaves_a_whole_entry(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(1)
    checkpoint.save(tmp_path, **run.parts, step=1, keep=1)
    count = 0

    def counted(real: Any) -> Any:
        def call(*arguments: Any, **keywords: Any) -> Any:
            nonlocal count
            count += 1
            if count > at:
                raise Killed
            return real(*arguments, **keywords)

        return call

    run.step()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", counted(Path.rename))
        patched.setattr(shutil, "rmtree", counted(shutil.rmtree))
        patched.setattr(os, "fsync", counted(os.fsync))
        with suppress(Killed):
            checkpoint.save(tmp_path, **run.parts, step=1 + at % 2, keep=1)
    again = Run()
    report = checkpoint.load(tmp_path, **again.parts)
    assert report.passed_over == ()
    # and the next save clears away what was left
    checkpoint.save(tmp_path, **run.parts, step=9, keep=1)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000009"]
