from __future__ import annotations

from collections.abc import Sequence

import pytest

from napari_histoclust.core.validation.k_choice import Figure
from napari_histoclust.core.validation.k_range import KRange, find_range


def found(**columns: Sequence[float | None]) -> KRange | None:
    """Return the range for K = 2, 3, ... from the figures that are not as they are in good tissue."""
    length = len(next(iter(columns.values())))
    ks = range(2, 2 + length)
    means: dict[tuple[str, str], Sequence[float | None]] = {
        ("common", "shared_bits"): columns.get("bits", [1.0] * length),
        ("shuffled", "shared_bits"): columns.get("by_chance", [0.0] * length),
        ("common", "halves_agreement"): columns.get("halves", [0.9] * length),
        ("null", "halves_agreement"): columns.get("null", [0.4] * length),
        ("common", "clusters_found_again"): columns.get("found", list(ks)),
        ("common", "stability"): columns.get("seeds", [None] * length),
    }
    return find_range(
        lambda series, measure: [
            Figure(k, series, measure, mean, 0.05, 4)  # type: ignore[arg-type]
            for k, mean in zip(ks, means.get((series, measure), ()), strict=False)
        ]
    )


def ends(answer: KRange | None) -> tuple[int | None, int | None]:
    assert answer is not None
    return answer.first, answer.last


def test_too_coarse_below_and_lost_above() -> None:
    answer = found(bits=[0.1, 0.4, 0.7, 0.9, 1.0, 1.1], found=[2, 3, 4, 4.5, 5, 3])
    assert ends(answer) == (4, 6)
    assert answer is not None
    assert answer.sentence.startswith("4 to 6 clusters: two halves of the tissue agree")
    assert "Fewer are steady but coarse: 3 clusters tell 0.4 bits." in answer.sentence
    assert "From 7 on most clusters of one half are not found in the other (3.0 of 7 are)." in answer.sentence
    assert answer.suggested == 6
    assert answer.document()["first"] == 4


def test_the_last_number_asked_for_is_no_end() -> None:
    answer = found(halves=[0.9, 0.9])
    assert ends(answer) == (2, 3)
    assert answer is not None
    assert "3 is the largest number that was asked for" in answer.sentence


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"halves": [0.9, 0.9, 0.6, 0.6]}, "the halves agree poorly (0.60)"),
        ({"seeds": [0.9, 0.9, 0.5, 0.5]}, "encoders trained anew agree poorly (0.50)"),
        ({"null": [0.4, 0.4, 0.9, 0.9]}, "no better than points without structure (0.90, 0.95)"),
        ({"bits": [1, 1, 0.1, 0.1]}, "neighbours share only 0.10 bits"),
    ],
)
def test_each_reason_ends_the_range_and_is_said(columns: dict[str, list[float | None]], why: str) -> None:
    answer = found(**columns)
    assert ends(answer) == (2, 3)
    assert answer is not None
    assert f"From 4 on {why}" in answer.sentence.replace("the halves agree no", "no")


def test_one_number_that_fails_amid_others_is_bridged_and_named() -> None:
    answer = found(halves=[0.9, 0.9, 0.5, 0.9, 0.9, 0.5, 0.5, 0.9])
    assert ends(answer) == (2, 6)
    assert answer is not None
    assert answer.weak == (4,)
    assert "Less so 4." in answer.sentence
    assert answer.suggested != 4


def test_the_longest_run_is_the_range() -> None:
    assert ends(found(halves=[0.9, 0.5, 0.5, 0.9, 0.9, 0.9])) == (5, 7)


def test_no_structure_where_neighbours_share_nothing_however_well_clusters_come_back() -> None:
    for answer in (found(bits=[0.1, 0.2, 0.2]), found(bits=[1, 1, 1], by_chance=[1, 1, 1])):
        assert ends(answer) == (None, None)
        assert answer is not None
        assert answer.sentence.startswith("No structure")


def test_structure_without_clusters_that_come_back() -> None:
    answer = found(found=[0.5, 1, 2])
    assert ends(answer) == (None, None)
    assert answer is not None
    assert answer.sentence.startswith("No number of clusters comes back")
    assert "2.0 of 4" in answer.sentence


def test_nothing_is_said_where_nothing_was_divided() -> None:
    assert find_range(lambda *_: ()) is None
