"""From the samples of a TIFF file to 8-bit RGB.

Samples of more than 8 bits are scaled by one rule that looks at no pixel, so that the same value is the same
grey in every slide: v is shown as round(255 v / (2^b - 1)), where b is the number of bits that the file says
are used (OME's SignificantBits, or else the size of a sample). Fewer bits than 8 are spread likewise.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.protocol import UInt8

ToRgb = Callable[[NDArray[Any]], UInt8]

_WHITE0, _PALETTE, _CMYK, _YCBCR = 0, 3, 5, 6
_READ_PHOTOMETRICS = (0, 1, 2, 3, 6)
# Their decoders give RGB, whatever the file says of its samples.
_JPEG = (6, 7, 33007)
_YCC_JPEG2000 = 33003
_ASSOCIATED, _UNASSOCIATED = 1, 2


@cache
def to_8_bits(bits: int, itemsize: int) -> UInt8:
    """Table from samples of `bits` used bits, in `itemsize` bytes, to 0..255."""
    top = (1 << bits) - 1
    values = np.minimum(np.arange(1 << 8 * itemsize, dtype=np.int64), top)
    table = ((values * 510 + top) // (2 * top)).astype(np.uint8)
    table.flags.writeable = False
    return table


def colours(path: Path, page: Any, samples: int, bits: int) -> ToRgb:
    """Return the function that turns the decoded (h, w, samples) of a tile into RGB.

    Raises
    ------
    HistoclustError
        If the samples are no grey, palette, RGB or YCbCr; names the file.
    """
    photometric = int(page.photometric)
    if photometric == _PALETTE and samples == 1 and page.colormap is not None:
        return _from_palette(path, page)
    if photometric not in _READ_PHOTOMETRICS or samples > 4 or (photometric == _YCBCR and samples != 3):
        name = getattr(page.photometric, "name", str(photometric))
        raise HistoclustError(
            f"{path}: its colours ({samples} samples a px, {name}) are not RGB: convert it to 8-bit RGB."
        )
    finish = _rgb_of(page, photometric, samples)
    if bits == 8:
        return finish
    table = to_8_bits(bits, page.dtype.itemsize)
    return lambda pixels: finish(table[pixels])


def _rgb_of(page: Any, photometric: int, samples: int) -> ToRgb:
    """Return what makes RGB of samples that are 8-bit already."""
    compression = int(page.compression)
    if compression == _YCC_JPEG2000 or (photometric == _YCBCR and compression not in _JPEG):
        return _from_ycbcr
    alpha = alpha_of(page)
    if samples < 3:
        grey = _from_white if photometric == _WHITE0 else _from_grey
        return grey if samples == 1 or alpha is None else partial(_grey_with_alpha, grey, _OVER_WHITE[alpha])
    if samples == 4:
        return _first_three if alpha is None else _OVER_WHITE[alpha]
    return np.ascontiguousarray


def alpha_of(page: Any) -> int | None:
    """Return whether the last of 2 or 4 samples is transparency: 1 premultiplied, 2 not, None no."""
    if page.samplesperpixel not in (2, 4) or not page.extrasamples:
        return None
    kind = int(page.extrasamples[0])
    return kind if kind in (_ASSOCIATED, _UNASSOCIATED) else None


def _from_palette(path: Path, page: Any) -> ToRgb:
    # TIFF palettes hold 16 bits a colour; some writers fill the lower byte only.
    table = np.asarray(page.colormap).T
    if table.ndim != 2 or table.shape[1] != 3 or not len(table):
        raise HistoclustError(f"{path}: its palette is damaged: copy or export it again.")
    palette = np.zeros((max(len(table), 1 << 8 * page.dtype.itemsize), 3), np.uint8)
    palette[: len(table)] = table >> 8 if table.max() > 255 else table
    return lambda pixels: palette[pixels[..., 0]]


def _from_grey(pixels: NDArray[Any]) -> UInt8:
    return np.repeat(pixels[..., :1], 3, axis=-1)


def _from_white(pixels: NDArray[Any]) -> UInt8:
    """Grey where 0 is white."""
    return np.repeat(255 - pixels[..., :1], 3, axis=-1)


def _first_three(pixels: NDArray[Any]) -> UInt8:
    """RGB and a sample that nobody explains."""
    return np.ascontiguousarray(pixels[..., :3])


def _from_rgba(pixels: NDArray[Any]) -> UInt8:
    """Lay RGBA over white: what is transparent was never scanned."""
    alpha = pixels[..., 3:].astype(np.uint16)
    over = pixels[..., :3] * alpha + 255 * (255 - alpha)
    return np.asarray((over + 127) // 255, np.uint8)


def _from_premultiplied(pixels: NDArray[Any]) -> UInt8:
    """Lay RGB that alpha has been multiplied into over white."""
    over = pixels[..., :3].astype(np.uint16) + (255 - pixels[..., 3:])
    return np.asarray(np.minimum(over, 255), np.uint8)


def _grey_with_alpha(grey: ToRgb, over_white: ToRgb, pixels: NDArray[Any]) -> UInt8:
    return over_white(np.concatenate([grey(pixels), pixels[..., 1:]], axis=-1))


_OVER_WHITE: dict[int, ToRgb] = {_UNASSOCIATED: _from_rgba, _ASSOCIATED: _from_premultiplied}


def _from_ycbcr(pixels: NDArray[Any]) -> UInt8:
    """Full-range YCbCr of ITU-R BT.601, as JFIF and TIFF have it."""
    y, cb, cr = (pixels[..., k].astype(np.float32) for k in range(3))
    cb, cr = cb - 128, cr - 128
    rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=-1)
    return np.asarray(np.clip(np.rint(rgb), 0, 255), np.uint8)
