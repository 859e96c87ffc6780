"""PNG, JPEG and JPEG 2000: small pictures, decoded whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps, UnidentifiedImageError

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.format import Format, check_size
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.tiff.colours import to_8_bits
from napari_histoclust.core.slides.tiled.tiles import TiledSlide

READER = f"Pillow {PIL.__version__}"
MAX_PX = 64_000_000
_DAMAGED = (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError)
_MODES = {"L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B"}
_SIXTEEN_BIT = {"I;16", "I;16B"}


@dataclass(frozen=True)
class FlatLevel:
    """A whole picture as a single tile. See `TileLevel`."""

    path: Path
    shape: tuple[int, int]

    @property
    def tile(self) -> tuple[int, int]:
        """The whole picture."""
        return self.shape

    def decode(self, row: int, col: int) -> UInt8:
        """Return the picture."""
        return self._pixels

    @cached_property
    def _pixels(self) -> UInt8:
        try:
            with Image.open(self.path) as image:
                return _rgb(image)
        except _DAMAGED as error:
            raise _unreadable(self.path) from error


def open_flat(path: Path) -> tuple[TiledSlide, ...]:
    """Open a PNG, JPEG or JPEG 2000; none states a physical size that could be believed.

    Raises
    ------
    HistoclustError
        If it is damaged, not 8-bit, or so large that it should be a pyramid; names it.
    """
    try:
        with Image.open(path) as image:
            mode, (width, height) = image.mode, image.size
            turned = image.getexif().get(0x0112, 1) >= 5
            warnings = _warnings(path, image)
    except _DAMAGED as error:
        raise _unreadable(path) from error
    if mode not in _MODES:
        raise HistoclustError(f"{path}: its pixels are of type {mode}, and 8-bit RGB is needed: convert it.")
    if width * height > MAX_PX:
        raise HistoclustError(
            f"{path}: {height} x {width} px cannot be read piece by piece: save it as a pyramidal OME-TIFF."
        )
    shape = (width, height) if turned else (height, width)
    check_size(path, *shape)
    return (TiledSlide(path, path.stem, [FlatLevel(path, shape)], None, READER, warnings),)


def _warnings(path: Path, image: Image.Image) -> tuple[str, ...]:
    said = []
    if image.mode in ("L", "LA", *_SIXTEEN_BIT):
        said.append(f"{path.name}: is grey, shown as grey RGB.")
    if image.mode in _SIXTEEN_BIT:
        said.append(f"{path.name}: has 16 bits a sample, 0 to 65535 are shown as 0 to 255.")
    if image.mode in ("LA", "RGBA") or "transparency" in image.info:
        said.append(f"{path.name}: has an alpha channel, what is transparent is shown white.")
    if (frames := getattr(image, "n_frames", 1)) > 1:
        said.append(f"{path.name}: holds {frames} pictures, the first of which is used.")
    return tuple(said)


def _rgb(image: Image.Image) -> UInt8:
    """Upright RGB; what is transparent becomes white."""
    upright = ImageOps.exif_transpose(image)
    if upright.mode in _SIXTEEN_BIT:
        grey = to_8_bits(16, 2)[np.asarray(upright, np.uint16)]
        return np.repeat(grey[..., None], 3, axis=2)
    if upright.mode in ("RGBA", "LA") or "transparency" in upright.info:
        upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
    return np.asarray(upright.convert("RGB"))


def _unreadable(path: Path) -> HistoclustError:
    return HistoclustError(
        f"{path}: is not a readable picture: the file is damaged, copy or export it again."
    )


FORMAT = Format(
    name="PNG, JPEG or JPEG 2000",
    open=open_flat,
    suffixes=(".png", ".jpg", ".jpeg", ".jp2", ".j2k", ".jpx"),
    recognises=lambda path, start: start.startswith(
        (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
    ),
)
