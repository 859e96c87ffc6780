"""What a compressed tile says of its own size, read before any decoder is let near it.

A damaged or hostile tile may state 65,500 x 65,500 px inside a picture whose tiles are 256 px wide: the
decoder would allocate 12 GB before anything is noticed. A tile of the right area but other sides would even
pass as a picture. Sizes: ITU-T T.81 B.2.2 (JPEG), ITU-T T.800 A.5.1 (JPEG 2000), ISO/IEC 18181-1 (JPEG XL),
the WebP container specification.
"""

from __future__ import annotations

from collections.abc import Callable

Size = tuple[int, int]

_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_JPEG_BARE = frozenset({0x01, 0xFF, *range(0xD0, 0xD9)})
_JXL_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_JXL_BITS = (9, 13, 18, 30)
_MAX_TILES = 4096


def jpeg_size(data: bytes) -> Size | None:
    """Return height and width of the frame of a JPEG, None where it has no frame header (NDPI strips)."""
    place, end = 2, len(data) - 8
    while place < end:
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker in _JPEG_FRAMES:
            return _big(data, place + 5, 2), _big(data, place + 7, 2)
        if marker == 0xDA:  # the scan begins
            return None
        place += 1 if marker == 0xFF else 2 if marker in _JPEG_BARE else 2 + _big(data, place + 2, 2)
    return None


def jpeg2000_size(data: bytes) -> Size | None:
    """Return height and width of a JPEG 2000 codestream, bare or in a JP2 file; absurd tilings are None."""
    start = data.find(b"\xff\x4f\xff\x51", 0, 65536)
    if start < 0 or start + 42 > len(data):
        return None
    right, bottom, left, top, tile_w, tile_h = (_big(data, start + 8 + 4 * k, 4) for k in range(6))
    if right <= left or bottom <= top or min(tile_w, tile_h) < 1:
        return None
    if -(-right // tile_w) * -(-bottom // tile_h) > _MAX_TILES:
        return None
    return bottom - top, right - left


def jpegxl_size(data: bytes) -> Size | None:
    """Return height and width of a JPEG XL codestream, bare or in its container."""
    start = 0 if data[:2] == b"\xff\x0a" else data.find(b"\xff\x0a", 0, 4096)
    if start < 0:
        return None
    bits = _Bits(data[start + 2 : start + 18])
    small = bits.take(1)
    height = _jxl_side(bits, small)
    ratio = bits.take(3)
    if ratio == 0:
        return height, _jxl_side(bits, small)
    over, under = _JXL_RATIOS[ratio - 1]
    return height, height * over // under


def _jxl_side(bits: _Bits, small: int) -> int:
    if small:
        return (bits.take(5) + 1) * 8
    return bits.take(_JXL_BITS[bits.take(2)]) + 1


def webp_size(data: bytes) -> Size | None:
    """Return height and width of a WebP."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        return _little(data, 27, 3) + 1, _little(data, 24, 3) + 1
    if kind == b"VP8L":
        both = _little(data, 21, 4)
        return (both >> 14 & 0x3FFF) + 1, (both & 0x3FFF) + 1
    return _little(data, 28, 2) & 0x3FFF, _little(data, 26, 2) & 0x3FFF


# By the number of the compression in a TIFF file.
SIZE_OF: dict[int, Callable[[bytes], Size | None]] = {
    6: jpeg_size,
    7: jpeg_size,
    33007: jpeg_size,
    33003: jpeg2000_size,
    33004: jpeg2000_size,
    33005: jpeg2000_size,
    34712: jpeg2000_size,
    50001: webp_size,
    50002: jpegxl_size,
    52546: jpegxl_size,
}


def _big(data: bytes, start: int, count: int) -> int:
    return int.from_bytes(data[start : start + count], "big")


def _little(data: bytes, start: int, count: int) -> int:
    return int.from_bytes(data[start : start + count], "little")


class _Bits:
    """Bits of a byte string, the least significant first."""

    def __init__(self, data: bytes) -> None:
        self._rest = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        value = self._rest & ((1 << count) - 1)
        self._rest >>= count
        return value
