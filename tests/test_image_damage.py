"""Damaged pictures end in an answer or in an error of ours, wherever the damage is."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from service.contract.image import read_digit
from service.errors import CannotDecode, Invalid, TooLarge, UnsupportedMediaType
from tests.pictures import SOUND, chunks, png_of
from tests.running import ROOT

CASES = 300  # for each way to damage each file
MOST_MEMORY = 100  # MiB, above what a process has that has read a sound picture

GROWTH_WHILE_READING = """
import pickle, sys
from pathlib import Path
from service.contract.image import read_digit
from service.errors import ServiceError
def peak():
    # Not that of getrusage, which begins with the parent's.
    _, after = Path("/proc/self/status").read_text().split("VmHWM:")
    return int(after.split()[0]) // 1024
sound, *damaged = pickle.load(sys.stdin.buffer)
read_digit(sound)
before = peak()
for data in damaged:
    try:
        read_digit(data)
    except ServiceError:
        pass
print(peak() - before)
"""


def outcome(data: bytes) -> str:
    """How reading ended; anything but an answer or one of the four errors of ours is raised."""
    try:
        digit = read_digit(data)
    except (Invalid, UnsupportedMediaType, TooLarge, CannotDecode) as error:
        return type(error).__name__
    assert digit.pixels.shape == (1, 28, 28)
    assert digit.pixels.dtype == np.uint8
    return "read"


def cuts(data: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    for end in rng.choice(len(data), min(CASES, len(data)), replace=False):
        yield data[:end]


def flips(data: bytes, rng: np.random.Generator, reach: int) -> Iterator[bytes]:
    """Up to five bytes replaced, among the first `reach`."""
    for _ in range(CASES):
        damaged = bytearray(data)
        for place in rng.integers(0, min(reach, len(data)), rng.integers(1, 6)):
            damaged[place] = rng.choice([0, 1, 127, 128, 255, int(rng.integers(256))])
        yield bytes(damaged)


def damaged_chunks(png: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """Up to two bytes of a chunk replaced, below a checksum that fits."""
    sound = chunks(png)
    for _ in range(2 * CASES):
        parts = list(sound)
        which = int(rng.integers(len(parts)))
        kind, content = parts[which]
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 2) if content else []:
            damaged[place] = rng.choice([0, 1, 2, 4, 8, 16, 128, 255, int(rng.integers(256))])
        parts[which] = kind, bytes(damaged)
        yield png_of(parts)


@pytest.mark.parametrize("name", SOUND)
def test_damage_gives_an_answer_or_an_error_of_ours(name: str) -> None:
    data, rng = SOUND[name](), np.random.default_rng(4)
    assert outcome(data) == "read"
    for damaged in (cuts(data, rng), flips(data, rng, 64), flips(data, rng, len(data))):
        found = Counter(map(outcome, damaged))
        assert found["CannotDecode"] > 0


@pytest.mark.parametrize("name", SOUND)
def test_a_picture_that_lacks_its_second_half_cannot_be_decoded(name: str) -> None:
    data = SOUND[name]()
    if "animated" in name:  # the first frame may be whole
        data = data[: len(data) // 2]
    assert outcome(data[: len(data) // 2]) == "CannotDecode"


@pytest.mark.parametrize("name", ["png", "png_alpha", "png_animated"])
def test_damage_below_a_right_checksum_gives_an_answer_or_an_error_of_ours(name: str) -> None:
    found = Counter(map(outcome, damaged_chunks(SOUND[name](), np.random.default_rng(5))))
    assert found["CannotDecode"] > 0


@pytest.mark.parametrize("name", SOUND)
def test_damaged_pictures_take_little_memory_and_say_nothing(name: str) -> None:
    """Whatever size their headers have come to claim; and a warning would end the process."""
    data, rng = SOUND[name](), np.random.default_rng(6)
    uploads = [data, *flips(data, rng, 64), *flips(data, rng, len(data))]
    if name.startswith("png"):
        uploads += damaged_chunks(data, rng)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", GROWTH_WHILE_READING],
        cwd=ROOT,
        input=pickle.dumps(uploads),
        capture_output=True,
        check=True,
    )
    assert int(done.stdout) < MOST_MEMORY
    assert done.stderr == b""
