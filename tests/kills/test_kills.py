"""A kill at any change to the disk: nothing half is seen, and the same job ends as if nothing had been.

A few kills of the jobs in which several changes belong together; `make kills` does this for all jobs.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from kills.campaign import JOBS, Field, steps_chosen

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Windows has no kill -9 and no fork"),
]

KILLS = {
    "fit": 6,
    "map": 8,
    "finish": 16,
    "embed again": 40,  # all
    "save again": 24,
    "choose-k": 4,
    "export again csv": 40,
    "export again ome-zarr": 40,
}


@pytest.mark.parametrize("name", KILLS)
def test_killed_and_run_again(name: str, tmp_path: Path) -> None:
    (job,) = [job for job in JOBS if job.name == name]
    field = Field(job, tmp_path)
    wrong = {
        step: said
        for step in steps_chosen(field.steps, KILLS[name], random.Random(0))
        if (said := field.kill(step))
    }
    assert not wrong
    assert field.steps > 3


def test_a_model_saved_onto_itself_is_not_touched(tmp_path: Path) -> None:
    (job,) = [job for job in JOBS if job.name == "save the model again"]
    assert Field(job, tmp_path).steps == 0
