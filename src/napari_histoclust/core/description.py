"""What `info` tells of a stack."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from napari_histoclust.core.alignment import check_alignment
from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.tissue import find_tissue


def describe_stack(stack: Stack) -> Job[dict[str, Any]]:
    """Collect stains, sizes, scale, levels, tissue share, alignment and warnings of a stack.

    Returns
    -------
    dict
        A JSON document; lengths are in level-0 px unless their name says um.
    """
    mask = yield from find_tissue(stack, stack.stains, FitSettings().patch_px)
    alignment = yield from check_alignment(stack, mask)
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
        "tissue_share": round(float(mask.share), 4),
        "valid_share": {stain: round(float(mask.valid[stain].mean()), 4) for stain in stack.stains},
        "alignment": [asdict(line) for line in alignment],
        "files": stack.inputs(),
        "warnings": [*stack.warnings, *(line.warning for line in alignment if line.warning)],
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


def _alignment_line(line: dict[str, Any]) -> str:
    overlap = f"outline overlap {line['outline_dice']:.2f}"
    if line["shift_px"] is None:
        return f"alignment of {line['stain']}: {overlap}, too unlike the reference to tell its shift"
    y, x = line["shift_px"]
    return f"alignment of {line['stain']}: {overlap}, best moved {y:+.0f} px down, {x:+.0f} px right"
