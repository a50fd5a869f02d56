"""A shape to the lines that a pen went along."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Line = npt.NDArray[np.float32]
"""(n, 2): x and y of the points that a pen went through."""

Point = tuple[int, int]

# The neighbours of a pixel clockwise from the one above it, as row and column.
RING = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]
SPUR = 1.5  # a side line shorter than so many half widths of the stroke is none


def strokes_of(shape: Grey) -> list[Line]:
    """Smooth lines along the middle of all that is not zero in `shape` (height, width)."""
    depth = cv2.distanceTransform(shape, cv2.DIST_L2, 5)
    pixels = {(int(y), int(x)) for y, x in np.argwhere(skeleton(shape))}
    paths = sorted(_paths(pixels), key=len)
    longest = paths[-1]
    lines = []
    for path in paths:
        ends = [len(_around(point, pixels)) for point in (path[0], path[-1])]
        spur = min(ends) == 1 and max(ends) > 2
        if path is longest or not spur or len(path) >= SPUR * max(depth[p] for p in path):
            lines.append(_smooth(np.array([(x, y) for y, x in path], np.float32)))
    return lines


def skeleton(shape: Grey) -> npt.NDArray[np.bool_]:
    """Its middle, a pixel wide and as connected as the shape is.

    T. Y. Zhang and C. Y. Suen, A fast parallel algorithm for thinning digital patterns, 1984.
    """
    thin = (shape > 0).astype(np.uint8)
    while True:
        before = thin
        for removable in REMOVABLE:
            around = cv2.filter2D(thin, -1, BITS, borderType=cv2.BORDER_CONSTANT)
            thin = thin & ~removable[around]
        if np.array_equal(thin, before):
            return thin > 0


def _removable(odd: bool) -> Grey:
    """For each pattern of neighbours (256,), 1 where Zhang and Suen take the pixel away."""
    table = np.zeros(256, np.uint8)
    for pattern in range(256):
        p = [pattern >> bit & 1 for bit in range(8)]
        turns = sum(not a and b for a, b in zip(p, p[1:] + p[:1], strict=True))
        up, right, down, left = p[::2]
        sides = up * right * down + right * down * left
        if not odd:
            sides = up * right * left + up * down * left
        table[pattern] = 2 <= sum(p) <= 6 and turns == 1 and not sides
    return table


BITS = np.zeros((3, 3), np.float32)
for _bit, (_y, _x) in enumerate(RING):
    BITS[_y + 1, _x + 1] = 1 << _bit
REMOVABLE = (_removable(True), _removable(False))


def _paths(pixels: set[Point]) -> Iterator[list[Point]]:
    """From each end or crossing along to the next; then the rings, which have neither."""
    nodes = {point for point in pixels if len(_around(point, pixels)) != 2}
    walked: set[Point] = set()
    for node in sorted(nodes):
        for step in _around(node, pixels):
            if step in walked or (step in nodes and step < node):
                continue
            yield _walk([node, step], pixels, nodes, walked)
    for point in sorted(pixels - nodes):
        if point not in walked:
            yield _walk([point, _around(point, pixels)[0]], pixels, {point}, walked)


def _walk(
    path: list[Point], pixels: set[Point], nodes: set[Point], walked: set[Point]
) -> list[Point]:
    """`path` led on to the next node; what lies between is marked as walked."""
    while path[-1] not in nodes:
        walked.add(path[-1])
        path.append(next(p for p in _around(path[-1], pixels) if p != path[-2]))
    return path


def _around(point: Point, pixels: set[Point]) -> list[Point]:
    """Its neighbours; a corner counts only where no side leads there."""
    y, x = point
    sides = [(y + dy, x + dx) for dy, dx in RING[::2] if (y + dy, x + dx) in pixels]
    corners = [
        (y + dy, x + dx)
        for dy, dx in RING[1::2]
        if (y + dy, x + dx) in pixels and (y + dy, x) not in pixels and (y, x + dx) not in pixels
    ]
    return sides + corners


def _smooth(line: Line, reach: float = 4.0) -> Line:
    """Without the stairs that pixels make; both ends stay where they are."""
    pad = min(len(line) - 1, round(3 * reach))
    before = 2 * line[:1] - line[pad:0:-1]
    after = 2 * line[-1:] - line[-2 : -pad - 2 : -1]
    padded = np.concatenate([before, line, after])
    soft = cv2.GaussianBlur(padded, (1, 0), sigmaX=0.1, sigmaY=min(reach, pad / 3 + 0.1))
    inner: Line = soft[pad : pad + len(line)].astype(np.float32)
    inner[0], inner[-1] = line[0], line[-1]
    return inner
