"""The files of one version of a model: read once, and used only as they were published."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from service.contract.manifest import MANIFEST, File
from service.errors import ModelError

# An entry of `external_data` in a graph has this key, as its field 1, a text of 8 bytes. Both of
# these numbers may be written longer than they need be, in up to 10 bytes each.
KEY = b"location"
BEFORE_KEY = re.compile(rb"(?:\x0a|\x8a\x80*\x00)(?:\x08|\x88\x80*\x00)\Z")


def read_manifest(folder: Path, within: Path) -> bytes:
    """`within` is the folder of all models, out of which no link may lead.

    Raises ModelError, naming the file within `folder`, as does `read_files`.
    """
    with _regular(folder, within, MANIFEST) as file:
        return file.read()


def read_files(folder: Path, within: Path, files: Mapping[str, File]) -> dict[str, bytes]:
    """What the `files` of a version hold, each as it was published; see `read_manifest`."""
    return {name: _published(folder, within, name, file) for name, file in files.items()}


def refuse_external_data(name: str, graph: bytes) -> None:
    """Raise ModelError where weights lie in another file, which has no hash and may be anywhere."""
    place = graph.find(KEY)
    while place >= 0:
        if BEFORE_KEY.search(graph, max(0, place - 20), place):
            raise ModelError(f"{name} has external data; all weights must lie in the graph itself")
        place = graph.find(KEY, place + 1)


def _published(folder: Path, within: Path, name: str, expected: File) -> bytes:
    if Path(name).name != name:
        raise ModelError(f"{MANIFEST} names a file that is in no version's folder")
    with _regular(folder, within, name) as file:
        size = os.fstat(file.fileno()).st_size
        if size != expected.bytes:
            raise ModelError(f"{name} has {size} bytes where {expected.bytes} were published")
        content = file.read()
    if hashlib.sha256(content).hexdigest() != expected.sha256:
        raise ModelError(f"{name} has another SHA-256 than the one published")
    return content


@contextmanager
def _regular(folder: Path, within: Path, name: str) -> Iterator[BinaryIO]:
    """A file of the operator's and no other: no pipe, no device, nothing that a link leads to from
    outside."""
    try:
        path = (folder / name).resolve(strict=True)
        if not path.is_relative_to(within.resolve()):
            raise ModelError(f"{name} leads out of the folder of models")
        # Not to wait for a pipe, nor to follow a link that has just taken the place of the file.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags), "rb") as file:
            if not S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ModelError(f"{name} is no regular file")
            yield file
    except FileNotFoundError as error:
        raise ModelError(f"{name} is missing") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        raise ModelError(f"{name} cannot be read ({type(error).__name__})") from error
