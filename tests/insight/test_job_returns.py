"""What a job returned is read where Hydra kept it, and nothing in the file is run."""

from __future__ import annotations

import logging
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callbacks import LogJobReturnCallback, PickleJobInfoCallback
from omegaconf import OmegaConf

from scepter_opt.insight.job_returns import JobEnd, end_of_job


def ended(status: JobStatus, value: Any) -> JobReturn:
    job = JobReturn(overrides=["a=1"], cfg=OmegaConf.create({"a": [1, {"b": None}]}), status=status)
    job.return_value = value
    return job


ENDS = [
    (ended(JobStatus.COMPLETED, 0.5), JobEnd(False, 0.5)),
    (ended(JobStatus.COMPLETED, 3), JobEnd(False, 3.0)),
    (ended(JobStatus.COMPLETED, None), JobEnd(False)),
    (ended(JobStatus.COMPLETED, {"a": Path()}), JobEnd(False)),
    (ended(JobStatus.FAILED, ValueError("too large")), JobEnd(True, error="ValueError: too large")),
]


@pytest.mark.parametrize(("job", "end"), ENDS)
def test_what_the_callback_pickled_is_read(job: JobReturn, end: JobEnd, tmp_path: Path) -> None:
    callback = PickleJobInfoCallback()
    callback._save_pickle(job, "job_return.pickle", tmp_path / ".hydra")
    assert end_of_job(tmp_path, tmp_path / ".hydra") == end


@pytest.mark.parametrize(("job", "end"), ENDS)
def test_what_the_callback_logged_is_read(job: JobReturn, end: JobEnd, tmp_path: Path) -> None:
    # Hydra's own form, to a file of the job's
    handler = logging.FileHandler(tmp_path / "train.log")
    handler.setFormatter(logging.Formatter("[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"))
    callback = LogJobReturnCallback()
    callback.log.setLevel(logging.INFO)
    callback.log.addHandler(handler)
    callback.on_job_end(OmegaConf.create(), job)
    callback.log.removeHandler(handler)
    handler.close()
    assert end_of_job(tmp_path, tmp_path / ".hydra") == JobEnd(end.failed, end.value)


def test_without_any_of_them_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text("[2026-01-01][__main__][INFO] - done\n")
    assert end_of_job(tmp_path, tmp_path / ".hydra") is None


class _Dangerous:
    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.__dict__["place"]),)


def test_a_file_cannot_run_anything(tmp_path: Path) -> None:
    dangerous = _Dangerous()
    dangerous.__dict__["place"] = tmp_path / "made"
    (tmp_path / "job_return.pickle").write_bytes(pickle.dumps(ended(JobStatus.COMPLETED, dangerous)))
    assert end_of_job(tmp_path, tmp_path) == JobEnd(False)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [b"", b"nothing", pickle.dumps([1, 2]), pickle.dumps(ENDS[0][0])[:-20]])
def test_a_file_that_is_no_job_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "job_return.pickle").write_bytes(content)
    with pytest.raises(ValueError, match=r"is no job|cannot be read"):
        end_of_job(tmp_path, tmp_path)
