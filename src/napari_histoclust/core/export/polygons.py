"""Outlines of the clusters on the lattice: a polygoniser for label pictures, in array operations alone.

The border between places of different labels is cut into straight segments that end at corners. Each side of
a segment is a half-edge with its place on its right hand; the half-edge that follows it round the place's
region is found by a look-up at the corner where it ends. The cycles of that permutation are the rings: those
with positive area are shells, the others holes. Regions hang together by sides, not by corners.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
Geometries = NDArray[np.object_]

# Directions in the order of right turns (y points down), and what each adds to (row, col) of a corner.
_EAST, _SOUTH, _WEST, _NORTH = range(4)


@dataclass(frozen=True, eq=False)
class _HalfEdges:
    """Straight pieces of the regions' outlines; the region lies on the right.

    Parameters
    ----------
    start, end : (n,) int64
        Flat index of the corner in the (rows + 1, cols + 1) lattice of corners.
    direction : (n,) int64
    place : (n,) int64
        Flat index, in the padded picture, of a place of the region at the start.
    """

    start: Int
    end: Int
    direction: Int
    place: Int


def cluster_polygons(picture: NDArray[Any], keep_junctions: bool = False) -> tuple[Int, Geometries]:
    """Outline every cluster of a label picture.

    Parameters
    ----------
    picture : (rows, cols) integers
        Cluster ids, 0 where there is no patch.
    keep_junctions : bool
        Also keep the vertices of straight outlines where two other regions meet, so that neighbours have
        each vertex of their common border, as `shapely.coverage_simplify` asks for.

    Returns
    -------
    ids : (k,) int64
        Ids of the clusters present, ascending.
    geometries : (k,) Polygon or MultiPolygon
        In units of places: x to the right, y down, place (0, 0) covers 0..1. Valid; the area is the number
        of places; holes are kept.
    """
    padded = np.pad(picture, 1)
    edges, borders = _half_edges(padded)
    if len(edges.start) == 0:
        return np.zeros(0, np.int64), np.zeros(0, object)
    following = _split_at_touching_corners(edges, borders, _following(edges, borders))
    order, ring = _in_ring_order(following)
    return _assemble(padded, edges, order, ring, keep_junctions)


def _half_edges(padded: NDArray[Any]) -> tuple[_HalfEdges, Bool]:
    """Half-edges of all regions, and (4, corners) whether a border leaves each corner in each direction."""
    level = padded[:-1] != padded[1:]  # borders above row r + 1 of the padded picture
    upright = padded[:, :-1] != padded[:, 1:]
    borders = np.stack([level[:, 1:], upright[1:], level[:, :-1], upright[:-1]])
    east, south, west, north = borders
    corner = (east | west) & (south | north)  # every other corner on a border is passed straight on
    width = corner.shape[1]
    place = np.arange(padded.size).reshape(padded.shape)
    west_ends = np.flatnonzero(corner & east)
    east_ends = np.flatnonzero(corner & west)
    north_ends, south_ends = (_by_columns(corner & side) for side in (south, north))
    flat = padded.ravel()
    parts = []
    for direction, start, end, (dy, dx) in (
        (_EAST, west_ends, east_ends, (1, 1)),
        (_WEST, east_ends, west_ends, (0, 0)),
        (_SOUTH, north_ends, south_ends, (1, 0)),
        (_NORTH, south_ends, north_ends, (0, 1)),
    ):
        row, col = np.divmod(start, width)
        inside = place[row + dy, col + dx]
        kept = flat[inside] > 0
        parts.append((start[kept], end[kept], np.full(int(kept.sum()), direction), inside[kept]))
    return _HalfEdges(*(np.concatenate(part) for part in zip(*parts, strict=True))), borders.reshape(4, -1)


def _by_columns(corners: Bool) -> Int:
    """Flat indices of the True corners, column after column, so that ends of one segment match up."""
    col, row = np.nonzero(corners.T)
    flat: Int = row * corners.shape[1] + col
    return flat


def _leaving(edges: _HalfEdges, corners: int) -> Int:
    """(4, corners) index of the half-edge that leaves each corner in each direction, -1 where none does."""
    leaving = np.full((4, corners), -1, np.int64)
    leaving[edges.direction, edges.start] = np.arange(len(edges.start))
    return leaving


def _following(edges: _HalfEdges, borders: Bool) -> Int:
    """(n,) the half-edge after each: to the right if a border goes there, else straight on, else left."""
    right, left = (edges.direction + 1) % 4, (edges.direction - 1) % 4
    ahead = np.where(borders[edges.direction, edges.end], edges.direction, left)
    turn = np.where(borders[right, edges.end], right, ahead)
    following: Int = _leaving(edges, borders.shape[1])[turn, edges.end]
    return following


def _split_at_touching_corners(edges: _HalfEdges, borders: Bool, following: Int) -> Int:
    """Let no ring pass one corner twice: where a region touches itself by a corner, turn left instead.

    There a ring passes the corner from two sides; exchanging what follows cuts it into an outline and a
    hole (or two holes) that share the corner, which is what the simple-feature standard asks for.
    """
    ring = _rings(following)
    crossing = np.flatnonzero(borders[:, edges.end].all(0))
    corner, direction = edges.end[crossing], edges.direction[crossing]
    arriving = np.full((4, borders.shape[1]), -1, np.int64)
    arriving[edges.direction, edges.end] = np.arange(len(edges.end))
    opposite = arriving[(direction + 2) % 4, corner]
    same = (opposite >= 0) & (ring[opposite] == ring[crossing])
    split = following.copy()
    split[crossing[same]] = _leaving(edges, borders.shape[1])[(direction[same] - 1) % 4, corner[same]]
    return split


def _rings(following: Int) -> Int:
    """(n,) number of the ring of each half-edge: the cycles of the permutation."""
    return np.asarray(connected_components(_graph(following), directed=False)[1], np.int64)


def _graph(following: Int) -> csr_array[Any]:
    n = len(following)
    return csr_array((np.ones(n, np.int8), following, np.arange(n + 1)), shape=(n, n))


def _in_ring_order(following: Int) -> tuple[Int, Int]:
    """Half-edges ring after ring, each ring in its order, and the ring of each of them.

    Each ring is opened before its first half-edge and its end tied to the next ring's beginning: one long
    path, which a breadth-first walk lists from end to end in compiled code.
    """
    ring = _rings(following)
    first = np.unique(ring, return_index=True)[1]
    before = np.empty_like(following)
    before[following] = np.arange(len(following))
    path = following.copy()
    path[before[first]] = np.roll(first, -1)
    order = breadth_first_order(_graph(path), first[0], return_predecessors=False).astype(np.int64)
    return order, ring[order]


def _assemble(
    padded: NDArray[Any], edges: _HalfEdges, order: Int, ring: Int, keep_junctions: bool
) -> tuple[Int, Geometries]:
    """Make polygons of shells and their holes, and one geometry of each cluster's polygons."""
    first = np.flatnonzero(np.diff(ring, prepend=-1))
    turns = _turns(edges.direction[order], first) | keep_junctions
    y, x = np.divmod(edges.start[order], padded.shape[1] - 1)
    rings = shapely.linearrings(np.stack([x, y], 1)[turns].astype(float), indices=ring[turns])
    place = edges.place[order][first]
    label = padded.ravel()[place].astype(np.int64)
    region = _regions(padded)[place]
    sort = np.lexsort((~shapely.is_ccw(rings), region, label))  # a region's shell before its holes
    label, region = label[sort], region[sort]
    polygon = np.cumsum(np.diff(region, prepend=-1) != 0) - 1
    polygons = shapely.polygons(rings[sort], indices=polygon)
    return _by_label(polygons, label[np.flatnonzero(np.diff(polygon, prepend=-1))])


def _turns(direction: Int, first: Int) -> Bool:
    """Whether the outline turns at the start of each half-edge; it need not where other clusters meet."""
    before = np.arange(-1, len(direction) - 1)
    before[first] = np.append(first[1:], len(direction)) - 1
    turns: Bool = direction != direction[before]
    return turns


def _regions(padded: NDArray[Any]) -> Int:
    """Flat (places,) number of the region, hanging together by sides, that each labelled place belongs to."""
    place = np.arange(padded.size).reshape(padded.shape)
    below = (padded[:-1] == padded[1:]) & (padded[1:] > 0)
    beside = (padded[:, :-1] == padded[:, 1:]) & (padded[:, 1:] > 0)
    a = np.concatenate([place[:-1][below], place[:, :-1][beside]])
    b = np.concatenate([place[1:][below], place[:, 1:][beside]])
    graph = csr_array((np.ones(len(a), np.int8), (a, b)), shape=(padded.size, padded.size))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _by_label(polygons: Geometries, label: Int) -> tuple[Int, Geometries]:
    """Join the polygons of each label; a single one stays a Polygon, which some readers insist on."""
    ids, start, count = np.unique(label, return_index=True, return_counts=True)
    joined = shapely.multipolygons(polygons, indices=np.repeat(np.arange(len(ids)), count))
    return ids, np.where(count == 1, polygons[start], joined)
