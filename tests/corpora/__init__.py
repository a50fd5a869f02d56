"""Inputs that have broken readers elsewhere, written for this service, one on each line."""

from __future__ import annotations

import json
import re
from pathlib import Path

FOLDER = Path(__file__).parent
BYTE = re.compile(rb"\\x([0-9a-f]{2})")


def bodies() -> list[tuple[str, bytes]]:
    """Code of the answer (ok, or that of a problem) and body."""
    found = []
    for line in _lines("bodies.txt"):
        code, _, body = line.partition(b"\t")
        found.append(
            (code.decode(), BYTE.sub(lambda match: bytes.fromhex(match[1].decode()), body))
        )
    return found


def strings() -> list[str]:
    """Texts, some of them with half a character in it."""
    return [json.loads(line) for line in _lines("strings.txt")]


def _lines(file: str) -> list[bytes]:
    """All but remarks; only a newline ends one."""
    lines = (FOLDER / file).read_bytes().removesuffix(b"\n").split(b"\n")
    return [line for line in lines if not line.startswith(b"# ")]
