"""What the bytes of an upload announce, read before any of it is decoded: of what size it is, and
whether reading it takes no longer than a picture may."""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.errors import CannotDecode

MOST_STEPS = 2**16  # to read a picture, but for its pixels
PIECE = 2**7  # steps that a chunk of a PNG, a segment of a JPEG or a block of a GIF takes
SCAN = 2**10  # and a scan of a JPEG, which goes through all of its pixels
# Those markers of a JPEG behind which a length stands, and the one of its end.
MARKER = re.compile(rb"\xff[\xc0-\xc7\xc9-\xcf\xd9-\xef\xfe]")
SCAN_START, JPEG_END = b"\xff\xda", b"\xff\xd9"
COMMENT, LOOP = b"\xfe", b"NETSCAPE2.0"  # in a GIF; of others, Pillow skips a part even if empty
PNG_PIXELS = frozenset([b"IDAT", b"fdAT", b"fcTL"])  # of which sound pictures have many


def check_length(data: bytes, kind: str) -> None:
    """Refuse what has more parts than any program writes: a few bytes each, they can keep a reader
    busy for minutes.

    Raises CannotDecode.
    """
    steps = 0
    for more in STEPS[kind](data) if kind in STEPS else ():
        steps += more
        if steps > MOST_STEPS:
            raise CannotDecode(f"The {kind} has too many parts.")


def _png_steps(data: bytes) -> Iterator[int]:
    place = 8
    while place + 8 <= len(data) and (kind := data[place + 4 : place + 8]) != b"IEND":
        # Each colour profile is unfolded, and there may be but one.
        yield 1 if kind in PNG_PIXELS else MOST_STEPS // 2 if kind == b"iCCP" else PIECE
        place += 12 + int.from_bytes(data[place : place + 4], "big")


def _jpeg_steps(data: bytes) -> Iterator[int]:
    """Up to the end of the picture, behind which another or a film may follow."""
    place, scanning = 2, False
    while found := MARKER.search(data, place):
        if not scanning:
            yield found.start() - place  # skipped byte by byte
        place = found.end()
        if found[0] == JPEG_END:
            if scanning:
                return
            continue
        scanning |= found[0] == SCAN_START
        yield SCAN if found[0] == SCAN_START else PIECE
        place += int.from_bytes(data[place : place + 2], "big")
    if not scanning:
        yield len(data) - place


def _gif_steps(data: bytes) -> Iterator[int]:
    """Up to the first frame, in the way that Pillow goes."""
    flags = data[10] if len(data) > 10 else 0
    place = 13 + (6 << (flags & 7) if flags & 0x80 else 0)
    while place < len(data) and data[place] not in b",;":
        yield PIECE
        if data[place] == ord("!"):
            label = data[place + 1 : place + 2]
            unseen = 0 if label == COMMENT else 2 if data.startswith(LOOP, place + 3) else 1
            place += 2
            while place < len(data) and (data[place] or unseen > 0):
                yield 1
                place += 1 + data[place]
                unseen -= 1
        place += 1


STEPS = {"PNG": _png_steps, "JPEG": _jpeg_steps, "GIF": _gif_steps}


def webp_size(data: bytes) -> tuple[int, int]:
    """Width and height of a WebP, for which Pillow would make room as soon as it opens it; 0 where
    it would not open it."""
    match data[12:16]:
        case b"VP8X":
            return 1 + _number(data[24:27]), 1 + _number(data[27:30])
        case b"VP8L":
            bits = _number(data[21:25])
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            return _number(data[26:28]) & 0x3FFF, _number(data[28:30]) & 0x3FFF
        case _:
            return 0, 0


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "little")
