"""Which channels of a many-channel picture make up which stain."""

from __future__ import annotations

import re
from pathlib import Path

from napari_histoclust.core.errors import HistoclustError

_COLOUR = re.compile(r"(?:^|[\s_\-.:(\[]+)(?:red|green|blue|r|g|b)[)\]]*$", re.IGNORECASE)
_PLAIN = re.compile(r"^(channel|ch|c)?[\s_:\-]*\d*(:\d+)*$", re.IGNORECASE)


def group_channels(
    path: Path, count: int, names: list[str], *, grey: bool
) -> list[tuple[str, tuple[int, ...]]]:
    """Group channels into pictures.

    Parameters
    ----------
    path : Path
        The file, for the error.
    count : int
        Number of channels.
    names : list of str
        Their names as far as the file states them.
    grey : bool
        Whether a channel is one grey plane; otherwise each is an RGB picture already.

    Returns
    -------
    list of (name, channel numbers)
        One entry a picture; the name is empty where there is one picture alone.

    Raises
    ------
    HistoclustError
        If there are several channels and no names to tell them apart.
    """
    stated = [name.strip() for name in names]
    named = len(stated) == count and not any(_PLAIN.match(name) for name in stated)
    if count == 1:
        return [("" if not named else stated[0], (0,))]
    if grey and count % 3 == 0 and (triples := _triples(stated if named else [], count)):
        return triples
    if not named:
        raise HistoclustError(
            f"{path}: has {count} channels but no channel names, so the stains are unknown: name the "
            "channels or save one file a stain."
        )
    return [(name, (channel,)) for channel, name in enumerate(stated)]


def _triples(names: list[str], count: int) -> list[tuple[str, tuple[int, ...]]]:
    """Pictures of three channels each: names that differ in red, green, blue alone, or not at all."""
    if not names:
        return [("", (0, 1, 2))] if count == 3 else []
    stems = [_COLOUR.sub("", name) for name in names]
    groups = [stems[start : start + 3] for start in range(0, count, 3)]
    if any(len(set(group)) > 1 for group in groups) or len({group[0] for group in groups}) < len(groups):
        return []
    return [(group[0], (3 * k, 3 * k + 1, 3 * k + 2)) for k, group in enumerate(groups)]
