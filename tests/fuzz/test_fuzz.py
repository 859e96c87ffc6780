"""Slides damaged at random: a sentence, a hole or a picture, and the program stays up.

The long form is ``make fuzz``; a case of it is done again by its seed and number.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz import documents
from fuzz.campaign import Damage, Worker, campaign
from fuzz.mutate import directory_fields, mutate
from fuzz.seeds import write_seeds

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded by RLIMIT_AS, on Linux")

# Says what the line tells it to, or dies of it.
STANDIN = """
import os, signal, sys, time
print('["ready", "", 0]', flush=True)
for line in sys.stdin:
    word = os.path.basename(line.strip())
    if word == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if word == "hang":
        signal.pause()
    answers = {
        "slow": '["read", "", 5.5]',
        "memory": '["refused", "a.tif: MemoryError: Unable to allocate 12 GiB", 0.1]',
        "fine": '["refused", "a.tif: is empty", 0.1]',
    }
    print(answers[word], flush=True)
"""


@contextmanager
def worker(script: Path) -> Iterator[Worker]:
    running = Worker([], script, wall_s=2.0)
    try:
        yield running
    finally:
        running.close()


@pytest.mark.parametrize(
    ("word", "what"),
    [("crash", "crash"), ("hang", "hang"), ("slow", "hang"), ("memory", "memory"), ("fine", "refused")],
)
def test_the_campaign_sees_each_kind_of_failure(tmp_path: Path, word: str, what: str) -> None:
    script = tmp_path / "standin.py"
    script.write_text(STANDIN)
    with worker(script) as running:
        assert running.read(tmp_path / word)[0] == what
        assert running.is_alive == (word not in ("crash", "hang"))


def test_a_worker_may_not_grow_by_more_than_a_gigabyte(tmp_path: Path) -> None:
    script = tmp_path / "grows.py"
    folder = Path(__file__).parent
    script.write_text(
        f"import sys; sys.path.insert(0, {str(folder)!r}); import worker, json\n"
        "worker.try_to_read = lambda path: ('read', str(len(bytearray(int(path.name)))))\n"
        "sys.argv = ['worker', '1']\nworker.main()\n"
    )
    with worker(script) as running:
        assert running.read(tmp_path / str(2**26))[0] == "read"
        what, why, _ = running.read(tmp_path / str(2**30 + 2**20))
        assert (what, "MemoryError" in why) == ("raised", True)


@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=5000), seed=st.integers(0, 2**32))
def test_the_same_number_does_the_same_damage(data: bytes, seed: int) -> None:
    assert Damage(seed, 3)(data) == Damage(seed, 3)(data)
    assert isinstance(mutate(data, random.Random(seed)), bytes)


def test_the_fields_of_directories_are_found(tmp_path: Path) -> None:
    import tifffile

    for path in write_seeds(tmp_path):
        if path.is_file() and path.read_bytes()[:2] == b"II":
            fields = {place for place, _ in directory_fields(path.read_bytes())}
            with tifffile.TiffFile(path) as tif:
                tags = [tag.offset for page in tif.pages for tag in page.tags]  # type: ignore[union-attr]
            assert tags
            assert set(tags) <= fields


def test_three_hundred_damaged_slides(tmp_path: Path) -> None:
    result = campaign(300, seed=20, scratch=tmp_path)
    assert result.failures == []
    assert sum(result.counts.values()) == 300
    # neither is everything refused nor does the damage do nothing
    assert result.counts["refused"] > 60
    assert result.counts["read"] > 20


def test_damaged_real_slides(tmp_path: Path, shared_data: Path) -> None:
    result = campaign(150, seed=21, scratch=tmp_path, data=shared_data)
    assert result.failures == []
    assert sum(result.counts.values()) == 150


def test_sixty_damaged_runs_models_stacks_tables_and_tiles(tmp_path: Path) -> None:
    result = documents.campaign(60, seed=5, scratch=tmp_path)
    assert result.failures == []
    assert sum(result.counts.values()) == 60
    assert result.counts["refused"] > 25
    assert result.counts["read"] > 2


def test_what_is_accepted_and_is_not_what_was_written_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oracle sees it: damage that leaves no trace in checksums is called wrong."""
    script = tmp_path / "believes.py"
    folder = Path(__file__).parent
    script.write_text(
        f"import sys; sys.path.insert(0, {str(folder)!r}); import document_worker, worker, itertools\n"
        "counter = itertools.count()\n"
        "worker.try_to_read = lambda path: ('read', str(next(counter)))\n"
        "worker.main()\n"
    )
    monkeypatch.setattr(documents, "WORKER", script)
    (tmp_path / "scratch").mkdir()
    result = documents.campaign(12, seed=5, scratch=tmp_path / "scratch")
    assert result.counts["wrong"] > 3
    assert result.counts["wrong"] + result.counts["read"] == 12
