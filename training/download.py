"""Downloads: which files there are, where from, and how to recognise that they came whole."""

from __future__ import annotations

import hashlib
import lzma
import sys
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

from tqdm import tqdm

TIMEOUT_S = 30.0
CHUNK_BYTES = 1 << 16


class DataError(Exception):
    """The data cannot be had; the message is one line that says why."""


@dataclass(frozen=True)
class File:
    """A file below the data folder, and how to recognise it.

    `checksum` is "algorithm:hex digest" of the content; for .xz of what it unpacks to, because
    other versions of xz compress to other bytes. What is downloaded as it is also has its `size`
    in bytes and its `mirrors`: the addresses of folders, in the order to try them.
    """

    name: str
    checksum: str
    rows: int = 0
    size: int = 0
    mirrors: tuple[str, ...] = ()

    def matches(self, path: Path) -> bool:
        """Whether `path`, whatever it is called, has the content of this file."""
        algorithm, digest = self.checksum.split(":")
        try:
            with lzma.open(path) if self.name.endswith(".xz") else path.open("rb") as content:
                # md5 is all that the authors of IMDB published; what guards against intent is the
                # sha256 of each file that the archive is converted to.
                found = hashlib.file_digest(
                    content, lambda: hashlib.new(algorithm, usedforsecurity=False)
                )
        except (lzma.LZMAError, EOFError):
            return False
        return found.hexdigest() == digest


MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# name, rows, bytes, sha256
MNIST_TABLE = """
train-images-idx3 60000 9912422 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
train-labels-idx1 60000 28881 3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c
t10k-images-idx3 10000 1648877 8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6
t10k-labels-idx1 10000 4542 f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6
"""
# name, rows, sha256 of the CSV
IMDB_TABLE = """
train 25000 82c7fd00f6045a552d617eb35d01c909235252483f89c6f054e9e6381736f9ee
test 25000 57a8f98f81f32be2ef19fe8f85267322d0252e469fc4b84b1b4c9a79e26fa9bc
unsup 50000 be8a8ec279f704601111fc55ce240aadbb50ffca77c72d93bc71627b336560f1
train_meta 25000 989add14befd6278bf64c18cbdb009b60a83dd1368a54c6dc7b57882204c04b7
test_meta 25000 87f8ae46d78b5c9fb20c9eff976a34d56d64d5bf6af5d4724a1487c0c5e9ab08
"""
MNIST = tuple(
    File(f"mnist/{name}-ubyte.gz", f"sha256:{sha256}", int(rows), int(size), MNIST_MIRRORS)
    for name, rows, size, sha256 in map(str.split, MNIST_TABLE.strip().splitlines())
)
IMDB = tuple(
    File(f"imdb/{name}.csv.xz", f"sha256:{sha256}", int(rows))
    for name, rows, sha256 in map(str.split, IMDB_TABLE.strip().splitlines())
)
ARCHIVE = File(
    "imdb/aclImdb_v1.tar.gz",
    "md5:7c2ac02c03563afcf9b574c7e56c153a",
    size=84_125_825,
    mirrors=("https://ai.stanford.edu/~amaas/data/sentiment/",),
)


def download(file: File, data_dir: Path) -> None:
    """Puts `file` below `data_dir` from the first of its mirrors that has it.

    Continues from the .part file of an earlier call and leaves one when the connection breaks.
    Raises DataError with the reason for each mirror.
    """
    final = data_dir / file.name
    final.parent.mkdir(parents=True, exist_ok=True)
    part = final.with_name(final.name + ".part")
    failures = []
    for mirror in file.mirrors:
        url = mirror + final.name
        try:
            receive(url, part, file.size)
            adopt(part, final, file)
        except (OSError, HTTPException, DataError) as error:
            failures.append(f"{url}: {error}")
            print(failures[-1], flush=True)
        else:
            print(f"{file.name}: downloaded, checksum right", flush=True)
            return
    raise DataError(
        f"{file.name} could not be downloaded ({'; '.join(failures)}); run it again to continue, "
        "or name a folder that has the files with --from or --data-dir"
    )


def receive(url: str, part: Path, size: int) -> None:
    """Adds to `part` what it lacks of the `size` bytes at `url`; raises OSError or DataError."""
    held = part.stat().st_size if part.exists() else 0
    if held >= size:
        return  # an earlier run ended between the last byte and the checksum
    request = Request(url, headers={"Range": f"bytes={held}-"} if held else {})  # noqa: S310
    with urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 - addresses are ours
        if response.status != HTTPStatus.PARTIAL_CONTENT:
            held = 0  # this server sends everything, whatever was asked for
        # Such as the page of a portal: it must not become the start of a file.
        if response.length is not None and held + response.length != size:
            raise DataError(f"is {held + response.length:,} bytes long instead of {size:,}")
        with (
            part.open("ab" if held else "wb") as target,
            tqdm(
                total=size,
                initial=held,
                desc=part.stem,
                unit="B",
                unit_scale=True,
                leave=False,
                disable=not sys.stderr.isatty(),
            ) as bar,
        ):
            while chunk := response.read(min(CHUNK_BYTES, size - held)):
                held += target.write(chunk)
                bar.update(len(chunk))
    if held < size:
        raise DataError(f"ended after {held:,} of {size:,} bytes")


def adopt(temporary: Path, final: Path, file: File) -> None:
    """Gives a complete file its name; deletes it and raises DataError if its checksum is wrong."""
    if not file.matches(temporary):
        temporary.unlink()
        raise DataError(f"{file.name} has a wrong checksum, deleted it")
    temporary.replace(final)
