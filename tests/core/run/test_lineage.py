"""Names, colours and marks along K: a cluster that splits keeps them in its parts, and nothing drifts."""

from __future__ import annotations

from colorsys import rgb_to_hls
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from napari_histoclust.core.palette import default_clusters, rgb, shade
from napari_histoclust.core.run.lineage import Lineage, Looks, Said

PARENTS = {3: 1, 4: 1, 5: 2, 6: 3, 7: 4, 8: 1, 9: 7, 10: 3, 11: 9, 12: 2}


@pytest.fixture
def lineage() -> Lineage:
    """Of a run of K = 6."""
    return Lineage(default_clusters(6), PARENTS)


def renamed(looks: Looks, number: int, name: str) -> Looks:
    return replace(looks, names=(*looks.names[: number - 1], name, *looks.names[number:]))


def recoloured(looks: Looks, number: int, colour: str) -> Looks:
    return replace(looks, colours=(*looks.colours[: number - 1], colour, *looks.colours[number:]))


def hue(colour: str) -> float:
    return rgb_to_hls(*(part / 255 for part in rgb(colour)))[0]


def test_before_anything_is_said_the_run_looks_as_it_was_mapped(lineage: Lineage) -> None:
    looks = lineage.looks(6, ())
    assert looks.names == tuple(f"Cluster {i}" for i in range(1, 7))
    assert looks.colours == tuple(cluster.colour for cluster in default_clusters(6))
    fewer = lineage.looks(4, ())
    assert (fewer.names, fewer.colours) == (looks.names[:4], looks.colours[:4])


def test_further_clusters_are_shades_of_those_they_come_from(lineage: Lineage) -> None:
    colours = lineage.looks(12, ()).colours
    for number, root in {7: 4, 8: 1, 9: 4, 10: 3, 11: 4, 12: 2}.items():
        assert hue(colours[number - 1]) == pytest.approx(hue(colours[root - 1]), abs=0.02)
    assert len(set(colours)) == 12


def test_a_name_goes_into_the_parts_that_appear_later(lineage: Lineage) -> None:
    said = lineage.heard(3, (), renamed(lineage.looks(3, ()), 1, "Liver"))
    assert lineage.looks(2, said).names == ("Liver", "Cluster 2")
    looks = lineage.looks(8, said)
    # 3 was in sight when 1 was named, and 6 comes from it; 4, 7 and 8 come from 1
    assert looks.names == (
        "Liver", "Cluster 2", "Cluster 3", "Liver b", "Cluster 5", "Cluster 6", "Liver c", "Liver d",
    )  # fmt: skip
    for number in (4, 7, 8):
        assert hue(looks.colours[number - 1]) == pytest.approx(hue(looks.colours[0]), abs=0.02)
    assert looks.colours[2] == default_clusters(6)[2].colour


def test_what_is_said_of_a_part_is_its_own(lineage: Lineage) -> None:
    said = lineage.heard(3, (), renamed(lineage.looks(3, ()), 1, "Liver"))
    said = lineage.heard(7, said, renamed(lineage.looks(7, said), 4, "Bile duct"))
    assert lineage.looks(7, said).names[3] == "Bile duct"
    assert lineage.looks(7, said).names[6] == "Liver c"  # it was in sight, and called so
    assert lineage.looks(9, said).names[7:] == ("Liver d", "Liver e")
    assert lineage.looks(3, said).names[0] == "Liver"


def test_marks_and_colours_go_along(lineage: Lineage) -> None:
    now = recoloured(
        replace(lineage.looks(4, ()), hidden=frozenset({2}), artefacts=frozenset({3})), 4, "#804020"
    )
    said = lineage.heard(4, (), now)
    looks = lineage.looks(11, said)
    assert looks.hidden == {2, 5}
    assert looks.artefacts == {3, 6, 10}
    assert looks.names[6] == "Cluster 7"
    for number in (7, 9, 11):
        assert hue(looks.colours[number - 1]) == pytest.approx(hue("#804020"), abs=0.02)
    shown = replace(lineage.looks(7, said), hidden=frozenset({2}))
    assert lineage.looks(9, lineage.heard(7, said, shown)).hidden == {2}


def test_no_two_names_are_alike(lineage: Lineage) -> None:
    said = lineage.heard(3, (), renamed(renamed(lineage.looks(3, ()), 1, "Liver"), 2, "Liver b"))
    said = lineage.heard(3, said, renamed(lineage.looks(3, said), 3, "Cluster 6"))
    for k in range(2, 13):
        names = lineage.looks(k, said).names
        assert len(set(names)) == k
    assert lineage.looks(4, said).names[:4] == ("Liver", "Liver b", "Cluster 6", "Liver b 2")


@pytest.mark.parametrize("seed", range(30))
def test_nothing_drifts(lineage: Lineage, seed: int) -> None:
    """A random person names, colours, hides and marks at random K; each K then shows what was left there."""
    rng = np.random.default_rng(seed)
    said: tuple[Said, ...] = ()
    for _ in range(6):
        k = int(rng.integers(2, 13))
        looks = lineage.looks(k, said)
        for _ in range(int(rng.integers(4))):
            number = int(rng.integers(1, k + 1))
            looks = [
                lambda looks, n: renamed(looks, n, f"Name {rng.integers(10**6)}"),
                lambda looks, n: recoloured(looks, n, f"#{rng.integers(0x100000, 0xFFFFFF):06x}"),
                lambda looks, n: replace(looks, hidden=looks.hidden ^ {n}),
                lambda looks, n: replace(looks, artefacts=looks.artefacts ^ {n}),
            ][rng.integers(4)](looks, number)
        said = lineage.heard(k, said, looks)
        assert lineage.looks(k, said) == looks
        assert lineage.heard(k, said, looks) == said
        for other in rng.permutation(np.arange(2, 13)).tolist():  # a drag of the slider says nothing
            assert lineage.heard(other, said, lineage.looks(other, said)) == said
    assert lineage.looks(k, said) == looks


def test_shades_keep_the_hue_and_differ() -> None:
    for cluster in default_clusters(14):
        shades = [cluster.colour, *(shade(cluster.colour, i) for i in range(1, 7))]
        assert len(set(shades)) == 7
        assert all(hue(one) == pytest.approx(hue(other), abs=0.03) for one, other in pairwise(shades))
