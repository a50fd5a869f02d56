"""Get MNIST and IMDB: python -m training.data [--from FOLDER] [--only mnist] [--help].

A file gets its name only when its checksum is right, so what lies in the data folder is whole.
IMDB (A. L. Maas et al., "Learning Word Vectors for Sentiment Analysis", ACL 2011) is converted
from the authors' archive, which is read as a stream and never unpacked to disk.
"""

from __future__ import annotations

import argparse
import csv
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
from pathlib import Path

from training.download import ARCHIVE, IMDB, MNIST, DataError, File, adopt, download
from training.progress import progress

MAX_MEMBER_BYTES = 1 << 20  # the largest that is read, urls_pos.txt, has 612,500
XZ_PRESET = 1  # the default needs eight times as long for files a fifth smaller
MEMBER = re.compile(
    r"aclImdb/(train|test)/(?:(pos|neg|unsup)/(\d{1,6})_(\d{1,2})\.txt|urls_(pos|neg)\.txt)"
)
TITLE = re.compile(r"/title/(tt\d+)/")


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
