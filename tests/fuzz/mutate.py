"""Damage done to slides: bits, bytes, numbers, lengths, and the entries of TIFF directories. Seeded."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator

HEADER_BYTES = 2048
_NUMBERS = (
    0,
    1,
    2,
    7,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    1 << 40,
)
_LARGEST_PIECE = 4096


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return `data` with one to four damages of any kind."""
    broken = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        rng.choice(_DAMAGES)(broken, rng)
    return bytes(broken)


def _place(data: bytearray, rng: random.Random) -> int:
    """A place in the file: half of the time in its first or last bytes, where the directories are."""
    if not data:
        return 0
    span = min(len(data), HEADER_BYTES)
    where = rng.random()
    if where < 0.3:
        return rng.randrange(span)
    if where < 0.5:
        return len(data) - 1 - rng.randrange(span)
    return rng.randrange(len(data))


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 4, 16))):
        if data:
            data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _overwrite(data: bytearray, rng: random.Random) -> None:
    size = rng.choice((1, 2, 4, 8))
    number = rng.choice(_NUMBERS) & ((1 << 8 * size) - 1)
    place = _place(data, rng)
    data[place : place + size] = number.to_bytes(size, rng.choice(("little", "big")))


def _noise(data: bytearray, rng: random.Random) -> None:
    place = _place(data, rng)
    size = rng.randrange(1, 64)
    data[place : place + size] = rng.randbytes(min(size, len(data) - place))


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data) + 1) if rng.random() < 0.5 else _place(data, rng) :]


def _delete(data: bytearray, rng: random.Random) -> None:
    place = _place(data, rng)
    del data[place : place + rng.randrange(1, _LARGEST_PIECE)]


def _repeat(data: bytearray, rng: random.Random) -> None:
    place, source = _place(data, rng), _place(data, rng)
    data[place:place] = data[source : source + rng.randrange(1, _LARGEST_PIECE)]


def _zero(data: bytearray, rng: random.Random) -> None:
    place = _place(data, rng)
    size = min(rng.randrange(1, _LARGEST_PIECE), len(data) - place)
    data[place : place + size] = bytes(size)


def _entry(data: bytearray, rng: random.Random) -> None:
    """Change the tag, type, count or value of an entry of a TIFF directory, or where the next one lies."""
    fields = list(directory_fields(bytes(data)))
    if not fields:
        return _flip(data, rng)
    place, size = rng.choice(fields)
    old = int.from_bytes(data[place : place + size], "little")
    new = rng.choice((*_NUMBERS, old + 1, old * 2, old // 2, rng.choice(fields)[0], 8, len(data)))
    data[place : place + size] = (new & ((1 << 8 * size) - 1)).to_bytes(size, "little")
    return None


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    *(_flip, _overwrite, _noise, _cut, _delete, _repeat, _zero),
    *(_entry, _entry, _entry, _entry),
)


def directory_fields(data: bytes) -> Iterator[tuple[int, int]]:
    """Place and bytes of every field of the directories of a little-endian TIFF or BigTIFF."""
    if data[:4] == b"II*\0":
        first, count_size, entry, pointer = 4, 2, (2, 2, 4, 4), 4
    elif data[:4] == b"II+\0":
        first, count_size, entry, pointer = 8, 8, (2, 2, 8, 8), 8
    else:
        return
    yield first, pointer
    seen: set[int] = set()
    place = _number(data, first, pointer)
    while place and place not in seen and place + count_size <= len(data):
        seen.add(place)
        yield place, count_size
        count = min(_number(data, place, count_size), 64)
        place += count_size
        for _ in range(count):
            for size in entry:
                yield place, size
                place += size
        yield place, pointer
        place = _number(data, place, pointer)


def _number(data: bytes, place: int, size: int) -> int:
    piece = data[place : place + size]
    return struct.unpack(f"<{ {2: 'H', 4: 'I', 8: 'Q'}[size] }", piece)[0] if len(piece) == size else 0
