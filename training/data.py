"""Get MNIST and IMDB: python -m training.data [--from FOLDER] [--only mnist] [--help].

A file gets its name only when its checksum is right, so what lies in the data folder is whole.
IMDB (A. L. Maas et al., "Learning Word Vectors for Sentiment Analysis", ACL 2011) is converted
from the authors' archive, which is read as a stream and never unpacked to disk.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import lzma
import os
import re
import shutil
import sys
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

from tqdm import tqdm

from training.progress import progress

TIMEOUT_S = 30.0
CHUNK_BYTES = 1 << 16
MAX_MEMBER_BYTES = 1 << 20  # the largest that is read, urls_pos.txt, has 612,500
XZ_PRESET = 1  # the default needs eight times as long for files a fifth smaller
MEMBER = re.compile(
    r"aclImdb/(train|test)/(?:(pos|neg|unsup)/(\d{1,6})_(\d{1,2})\.txt|urls_(pos|neg)\.txt)"
)
TITLE = re.compile(r"/title/(tt\d+)/")


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; ends the program with one line on stderr where the data is not had."""
    options = parse_options(arguments)
    data_dir, source = options.data_dir, options.source
    files: list[File] = []
    try:
        if options.only != "imdb":
            obtain_mnist(data_dir, source)
            files += MNIST
        if options.only != "mnist":
            obtain_imdb(data_dir, source)
            files += IMDB
    except (DataError, OSError) as error:
        sys.exit(f"training.data: {error}")
    except KeyboardInterrupt:
        print("interrupted: what was downloaded is kept for the next time", file=sys.stderr)
        sys.exit(130)
    for file in files:
        print(f"{file.rows:7,} rows  {data_dir / file.name}")


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """data_dir: Path, source: Path | None, only: "mnist", "imdb" or None."""
    parser = argparse.ArgumentParser(
        prog="python -m training.data",
        description="Gets MNIST and IMDB, verified, in the form that training reads.",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(os.environ.get("DATA_DIR", ".data")),
        help="folder that gets mnist/ and imdb/ (default: DATA_DIR, else .data; now %(default)s)",
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FOLDER",
        help="download nothing: take the files from a folder with mnist/ and imdb/ like the one "
        "this program makes, or with aclImdb_v1.tar.gz for imdb/",
    )
    parser.add_argument("--only", choices=["mnist", "imdb"], help="one of the two (default: both)")
    return parser.parse_args(arguments)


def obtain_mnist(data_dir: Path, source: Path | None) -> None:
    """What `data_dir`/mnist lacks, downloaded, or copied from `source`."""
    for file in missing(MNIST, data_dir):
        if source is None:
            download(file, data_dir)
        else:
            copy(file, source, data_dir)


def obtain_imdb(data_dir: Path, source: Path | None) -> None:
    """What `data_dir`/imdb lacks, converted from the archive, or copied from `source`."""
    wanted = missing(IMDB, data_dir)
    if not wanted:
        return
    if source is None:
        archive = data_dir / ARCHIVE.name
        if missing([ARCHIVE], data_dir):
            download(ARCHIVE, data_dir)
        convert(archive, wanted, data_dir)
        archive.unlink()  # 84 MB that nothing reads again
        return
    archive = source / Path(ARCHIVE.name).name
    if archive.is_file() and not all((source / file.name).is_file() for file in wanted):
        convert(archive, wanted, data_dir)
        return
    for file in wanted:
        copy(file, source, data_dir)


def missing(files: Sequence[File], data_dir: Path) -> list[File]:
    """Those of `files` that are not in `data_dir` with the right content; says what is."""
    lacking = []
    for file in files:
        path = data_dir / file.name
        if path.exists() and file.matches(path):
            print(f"{file.name}: already there, checksum right", flush=True)
            continue
        if path.exists():
            print(f"{file.name}: there, but with a wrong checksum; it will be replaced", flush=True)
        lacking.append(file)
    return lacking


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


def copy(file: File, source: Path, data_dir: Path) -> None:
    """Puts `file` from below `source` below `data_dir`; raises DataError if it is not right."""
    if not (source / file.name).is_file():
        raise DataError(
            f"no {source / file.name}: a folder for --from holds mnist/ and imdb/ as this program "
            "makes them, or aclImdb_v1.tar.gz instead of imdb/; --only leaves out one of the two"
        )
    with arriving(file, data_dir) as temporary:
        shutil.copyfile(source / file.name, temporary)
    print(f"{file.name}: copied, checksum right", flush=True)


def convert(archive: Path, wanted: Sequence[File], data_dir: Path) -> None:
    """Makes the `wanted` of the .csv.xz files from `archive`; raises DataError if one is wrong."""
    corpus = read_archive(archive)
    for file in wanted:
        with arriving(file, data_dir) as temporary:
            write_csv(temporary, corpus.rows(Path(file.name).name.removesuffix(".csv.xz")))
        print(f"{file.name}: converted, checksum right", flush=True)


@contextmanager
def arriving(file: File, data_dir: Path) -> Iterator[Path]:
    """A path to write to, which becomes `file` if it comes out right and is gone if not."""
    final = data_dir / file.name
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_name(final.name + ".tmp")
    try:
        yield temporary
        adopt(temporary, final, file)
    finally:
        temporary.unlink(missing_ok=True)


def adopt(temporary: Path, final: Path, file: File) -> None:
    """Gives a complete file its name; deletes it and raises DataError if its checksum is wrong."""
    if not file.matches(temporary):
        temporary.unlink()
        raise DataError(f"{file.name} has a wrong checksum, deleted it")
    temporary.replace(final)


@dataclass
class Corpus:
    """The reviews of aclImdb: rating and text by part, label and id, and the film of each."""

    reviews: dict[tuple[str, str], dict[int, tuple[str, str]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    films: dict[tuple[str, str, int], str] = field(default_factory=dict)

    def rows(self, table: str) -> Iterator[tuple[str, ...]]:
        """The rows of train, test, unsup, train_meta or test_meta, header first, by label and id.

        What the archive lacks is left out or empty: whether it is the right one is for the
        checksum to say.
        """
        if table == "unsup":
            yield ("text",)
            yield from ((text,) for _, (_, text) in sorted(self.reviews["train", table].items()))
            return
        part, _, meta = table.partition("_")
        yield ("id", "label", "rating", "movie") if meta else ("text", "label")
        for label in ("pos", "neg"):
            for number, (rating, text) in sorted(self.reviews[part, label].items()):
                film = self.films.get((part, label, number), "")
                yield (str(number), label, rating, film) if meta else (text, label)


def read_archive(path: Path) -> Corpus:
    """The reviews in the tar file at `path`; reads regular members with expected names only.

    Raises DataError if it is not a whole tar file with texts in UTF-8.
    """
    corpus = Corpus()
    try:
        with tarfile.open(path, "r|*") as tar:
            for member in progress(tar, "read the archive"):
                name = MEMBER.fullmatch(member.name)
                if name is None or not member.isreg() or member.size > MAX_MEMBER_BYTES:
                    continue
                content = tar.extractfile(member)
                text = content.read().decode() if content else ""
                part, label, number, rating, urls_label = name.groups()
                if urls_label is None:
                    corpus.reviews[part, label][int(number)] = rating, text
                    continue
                for line, url in enumerate(text.split("\n")):  # line n belongs to review n
                    if title := TITLE.search(url):
                        corpus.films[part, urls_label, line] = title[1]
    except (tarfile.TarError, zlib.error, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not readable as a tar file of texts: {error}") from error
    return corpus


def write_csv(path: Path, rows: Iterator[tuple[str, ...]]) -> None:
    """Compressed RFC 4180 in UTF-8, with line feeds; quotes only where needed."""
    with lzma.open(path, "wt", preset=XZ_PRESET, encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
