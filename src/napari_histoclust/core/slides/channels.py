"""Channels of a file: which of them make up one picture, and what each is called."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Channels that make up one RGB picture, and names that say nothing of a picture.
_COLOUR = re.compile(r"(?:^|[\s_\-.:(\[]+)(?:red|green|blue|r|g|b)[)\]]*$", re.IGNORECASE)
_PLAIN = re.compile(r"^(channel|ch|c)?[\s_:\-]*\d*(:\d+)*$", re.IGNORECASE)
_ALPHA = re.compile(r"^(a|alpha)$", re.IGNORECASE)

Group = tuple[str, tuple[int, ...]]


def group_channels(count: int, names: Sequence[str], *, grey: bool) -> list[Group]:
    """Group channels into pictures.

    Three grey channels are one colour picture only where their names say so.

    Parameters
    ----------
    count : int
        Number of channels.
    names : sequence of str
        Their names as far as the file states them, empty where it does not.
    grey : bool
        Whether a channel is one grey plane; otherwise each is an RGB picture already.

    Returns
    -------
    list of (name, channel numbers)
        One entry a picture; the name is empty where there is one picture alone. A channel without a name is
        called "channel" and its number, from 1 on.
    """
    stated = [name.strip() for name in names] if len(names) == count else [""] * count
    if count == 1:
        return [("" if _PLAIN.match(stated[0]) else stated[0], (0,))]
    if grey and (triples := _triples(stated)):
        return triples
    return [(name or f"channel {channel + 1}", (channel,)) for channel, name in enumerate(stated)]


def _triples(names: Sequence[str]) -> list[Group]:
    """Pictures of three channels each, whose names differ in red, green and blue alone; none else."""
    colours = names[:3] if len(names) == 4 and _ALPHA.match(names[3]) else names
    if len(colours) % 3 or not all(colours):
        return []
    stems = [_COLOUR.sub("", name) for name in colours]
    groups = [stems[start : start + 3] for start in range(0, len(stems), 3)]
    if any(len(set(group)) > 1 for group in groups) or len({group[0] for group in groups}) < len(groups):
        return []
    return [(group[0], (3 * k, 3 * k + 1, 3 * k + 2)) for k, group in enumerate(groups)]


def channel_warnings(file: str, groups: Sequence[Group], count: int) -> tuple[str, ...]:
    """Return a sentence where channels were called by their number, or left out as transparency."""
    numbered = [name for name, members in groups if name == f"channel {members[0] + 1}"]
    said = []
    if len(groups) > 1 and numbered:
        said.append(
            f"{file}: {len(numbered)} of its {count} channels have no name and are called by their number "
            f"({', '.join(numbered[:5])}{', ...' * (len(numbered) > 5)}): name them in the file."
        )
    left = count - sum(len(members) for _, members in groups)
    if left:
        said.append(f"{file}: its alpha channel is left out.")
    return tuple(said)
