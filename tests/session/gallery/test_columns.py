"""Numbers of the gallery against literal versions."""

from __future__ import annotations

import pytest

from napari_histoclust.session.gallery.columns import GAP, GalleryLayout, groups
from napari_histoclust.session.gallery.images import RecentlyUsed


def layout_of(columns: int, side: float = 48) -> GalleryLayout:
    return GalleryLayout(columns, 5, side, left=60, top=50)


@pytest.mark.parametrize("side", [48, 96, 63.5])
def test_a_column_lies_where_it_is_found(side: float) -> None:
    layout = layout_of(40, side)
    for column in range(40):
        assert layout.column_at(layout.x(column)) == column
        assert layout.column_at(layout.x(column) + side - 1) == column
    assert layout.column_at(-1) is None
    assert layout.column_at(layout.x(40) + GAP) is None


@pytest.mark.parametrize(
    ("start", "width"), [(0, 300), (47, 300), (52, 300), (1850, 300), (5000, 300), (60, 1)]
)
def test_columns_in_sight(start: int, width: int) -> None:
    layout = layout_of(40)
    touched = [c for c in range(40) if layout.x(c) < start + width and layout.x(c) + layout.pitch > start]
    seen = list(layout.within(start, start + width))
    assert set(touched) <= set(seen)
    assert len(seen) <= len(touched) + 1


def test_a_million_columns_fit_into_a_scroll_bar() -> None:
    layout = layout_of(1_000_000, 192)
    assert layout.width < 2**31
    assert layout.column_at(layout.x(999_999) + 1) == 999_999


@pytest.mark.parametrize("seen", [range(0, 6), range(3, 9), range(90, 100), range(40, 70), range(0)])
def test_groups_cover_what_is_seen_and_a_margin(seen: range) -> None:
    wanted = groups(100, seen, 8)
    columns = [column for group in wanted for column in group]
    assert len(set(columns)) == len(columns)
    assert set(seen) <= set(columns)
    if len(seen):
        margin = max(len(seen), 8)
        inside = range(max(0, seen.start - margin), min(100, seen.stop + margin))
        assert set(inside) <= set(columns) <= set(range(inside.start - 8, inside.stop + 8))
        in_sight = -(-seen.stop // 8) - seen.start // 8
        assert {column for group in wanted[:in_sight] for column in group} >= set(seen)
    assert all(group.start % 8 == 0 for group in wanted)


class Picture:
    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes


def test_what_was_looked_at_longest_ago_goes_first() -> None:
    kept: RecentlyUsed[Picture] = RecentlyUsed(max_bytes=100)
    for patch in range(3):
        kept.put(patch, Picture(30))
    assert kept.get(0) is not None
    kept.put(3, Picture(30))
    assert [kept.get(patch) is not None for patch in range(4)] == [True, False, True, True]
    assert kept.nbytes == 90
    kept.put(3, Picture(10))
    assert kept.nbytes == 70
    kept.put(4, Picture(500))
    assert len(kept) == 1
    assert kept.nbytes == 500
    kept.clear()
    assert (len(kept), kept.nbytes) == (0, 0)
