"""What `info` tells of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_histoclust.core.alignment import StainAlignment, check_alignment
from napari_histoclust.core.alignment.verdict import direction
from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.model.card import CARD_HEADER, CARD_WORDS, card_rows
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.tissue.mask import LightOnDark, NoTissue, TissueMask, find_tissue

if TYPE_CHECKING:
    from napari_histoclust.core.model.spec import ModelSpec

# Tissue, or why a stack that can be read has none
Found = TissueMask | NoTissue | LightOnDark
Looked = tuple[Found, tuple[StainAlignment, ...]]


def look_at(stack: Stack) -> Job[Looked]:
    """Find the tissue of a stack and how its stains lie on one another, or why there is none."""
    try:
        mask = yield from find_tissue(stack, stack.stains, FitSettings().patch_px)
    except (NoTissue, LightOnDark) as error:
        return error, ()
    alignment = yield from check_alignment(stack, mask)
    return mask, alignment


def describe_stack(stack: Stack) -> Job[dict[str, Any]]:
    """Collect stains, sizes, scale, levels, tissue share, alignment and warnings of a stack.

    Returns
    -------
    dict
        A JSON document; lengths are in level-0 px unless their name says um.
    """
    mask, alignment = yield from look_at(stack)
    return description_of(stack, mask, alignment)


def description_of(stack: Stack, found: Found, alignment: tuple[StainAlignment, ...]) -> dict[str, Any]:
    """Return the JSON document of `describe_stack` from what `look_at` found."""
    mask = found if isinstance(found, TissueMask) else None
    height, width = stack.shapes[0]
    return {
        "name": stack.name,
        "path": str(stack.path),
        "stains": list(stack.stains),
        "reference": stack.reference,
        "height_px": height,
        "width_px": width,
        "um_per_px": stack.um_per_px,
        "levels": [
            {"height_px": h, "width_px": w, "downsample": downsample}
            for (h, w), downsample in zip(stack.shapes, stack.downsamples, strict=True)
        ],
        "tissue_share": 0.0 if mask is None else round(float(mask.share), 4),
        "valid_share": {}
        if mask is None
        else {stain: round(float(mask.valid[stain].mean()), 4) for stain in stack.stains},
        "alignment": [line.document(stack.um_per_px) for line in alignment],
        "files": stack.inputs(),
        "warnings": [
            *([] if isinstance(found, TissueMask) else [str(found)]),
            *stack.warnings,
            *(text for line in alignment for text in line.warnings),
        ],
    }


def description_lines(description: dict[str, Any]) -> list[str]:
    """Return the description as lines for a person."""
    scale = description["um_per_px"]
    size = f"{description['width_px']:,} x {description['height_px']:,} px"
    physical = "physical size unknown" if scale is None else f"{scale:g} um per px"
    levels = ", ".join(f"1/{level['downsample']:g}" for level in description["levels"])
    return [
        f"{description['name']}: {len(description['stains'])} stains, {size}, {physical}",
        f"stains: {', '.join(description['stains'])} (reference {description['reference']})",
        f"levels: {levels}",
        f"tissue: {description['tissue_share']:.1%} of the slide",
        *(_alignment_line(line) for line in description["alignment"]),
        *(f"warning: {warning}" for warning in description["warnings"]),
    ]


def model_lines(spec: ModelSpec) -> list[str]:
    """Return the description of a model as lines for a person, its robustness card last."""
    scale = "physical size unknown" if spec.um_per_px is None else f"{spec.um_per_px:g} um per px"
    lines = [
        f"model: {spec.clusters} clusters, patches of {spec.patch_px} px, {scale}, made {spec.created[:10]}",
        f"stains: {', '.join(spec.stains)}",
    ]
    if spec.card is None:
        return lines
    rows = [CARD_HEADER, *card_rows(spec.card)]
    table = [f"{change:32s} {kept:>7s}   {without}" for change, kept, without in rows]
    return [*lines, CARD_WORDS.format(patches=spec.card.patches), *table]


def _alignment_line(line: dict[str, Any]) -> str:
    start = f"alignment of {line['stain']}: outline overlap {line['outline_dice']:.2f}, {_regions_text(line)}"
    if line["shift_px"] is None:
        return f"{start}, too unlike the reference as a whole to tell its shift"
    return f"{start}, as a whole best {direction(line['shift_px'])}"


def _regions_text(line: dict[str, Any]) -> str:
    """How many regions tell a shift, and which."""
    cells = [cell for row in line["regions"]["shift_px"] for cell in row]
    lengths = [float(np.hypot(*cell)) for cell in cells if cell is not None]
    count = f"{len(lengths)} of {len(cells)} regions tell a shift"
    if not lengths:
        return count
    return f"{count} (median {np.median(lengths):.0f} px, largest {max(lengths):.0f} px)"
