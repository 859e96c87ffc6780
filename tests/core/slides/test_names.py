"""Stains recognised by name."""

from __future__ import annotations

import pytest

from napari_histoclust.core.slides.names import (
    canonical_stain,
    differing_parts,
    in_order,
    is_no_stain,
    recognise_stain,
)


@pytest.mark.parametrize(
    ("text", "stain"),
    [
        ("KPCL159-2_HE", "HE"),
        ("slide H&E", "HE"),
        ("slide_h-e_10x", "HE"),
        ("H and E", "HE"),
        ("29-041-Izd2-w35-He-les3", "HE"),
        ("Masson's trichrome", "MT"),
        ("case_mt", "MT"),
        ("lung KI 67", "Ki67"),
        ("ki-67", "Ki67"),
        ("lung5_proSPC", "proSPC"),
        ("29-041-Izd2-w35-Cc10-5-les3", "CC10"),
        ("cd-31 (PECAM)", "CD31"),
        ("PAS_left", "PAS"),
        ("the_slide", None),
        ("sample_x", None),
    ],
)
def test_case_and_punctuation_do_not_matter(text: str, stain: str | None) -> None:
    assert recognise_stain(text) == stain


def test_a_name_by_itself_is_spelt_our_way_or_left_alone() -> None:
    assert [canonical_stain(name) for name in ("h&e", "KI-67", "My marker")] == ["HE", "Ki67", "My marker"]


def test_what_differs_between_names_is_the_stain() -> None:
    assert differing_parts(["a_lung_X1_10x", "a_lung_Y_10x"]) == ["X1", "Y"]
    assert differing_parts(["one"]) == ["one"]
    assert differing_parts(["a_1", "a_1_b"]) == ["a_1", "b"]


@pytest.mark.parametrize("stem", ["lung5_valid_mask", "truth", "HE_labels", "contact_sheet"])
def test_masks_and_overviews_are_no_stains(stem: str) -> None:
    assert is_no_stain(stem)


def test_a_stain_is_not_taken_for_a_mask() -> None:
    assert not is_no_stain("masked_HE")


def test_published_order_then_alphabet() -> None:
    assert in_order(["proSPC", "MT", "CC10", "Ki67", "HE"]) == ("HE", "Ki67", "MT", "CC10", "proSPC")
