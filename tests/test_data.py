"""The data sets as training reads them: from real tar files, and from the real data."""

from __future__ import annotations

import hashlib
import io
import lzma
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.mirror import serving
from training import data
from training.data import arriving, convert, main, read_archive
from training.datasets import read_rows
from training.download import IMDB, MNIST, File

# Out of order, and with ids whose order as numbers is not their order as names.
SMALL_ARCHIVE = {
    "aclImdb/README": b"Large Movie Review Dataset v1.0",
    "aclImdb/test/neg/0_1.txt": b"Dull.",
    "aclImdb/test/pos/0_8.txt": b"Good.",
    "aclImdb/test/urls_neg.txt": b"http://www.imdb.com/title/tt0000005/usercomments\n",
    "aclImdb/test/urls_pos.txt": b"http://www.imdb.com/title/tt0000006/usercomments\n",
    "aclImdb/train/labeledBow.feat": b"9 0:9 1:1",
    "aclImdb/train/neg/0_4.txt": "Slow,\x85 so slow\x85".encode(),
    "aclImdb/train/pos/10_7.txt": b"Fine,<br /><br />but long",
    "aclImdb/train/pos/2_10.txt": b'"Wow", she said',
    "aclImdb/train/unsup/10_0.txt": b"ten",
    "aclImdb/train/unsup/9_0.txt": "neuf, déjà".encode(),
    "aclImdb/train/urls_neg.txt": b"http://www.imdb.com/title/tt0000004/usercomments\n",
    "aclImdb/train/urls_pos.txt": b"".join(
        b"http://www.imdb.com/title/tt10000%02d/usercomments\n" % number for number in range(11)
    ),
}
SMALL_TABLES = {
    "train": 'text,label\n"""Wow"", she said",pos\n"Fine,<br /><br />but long",pos\n'
    '"Slow,\x85 so slow\x85",neg\n',
    "test": "text,label\nGood.,pos\nDull.,neg\n",
    "unsup": 'text\n"neuf, déjà"\nten\n',
    "train_meta": "id,label,rating,movie\n2,pos,10,tt1000002\n10,pos,7,tt1000010\n"
    "0,neg,4,tt0000004\n",
    "test_meta": "id,label,rating,movie\n0,pos,8,tt0000006\n0,neg,1,tt0000005\n",
}
SMALL_IMDB = tuple(
    File(f"imdb/{name}.csv.xz", f"sha256:{hashlib.sha256(text.encode()).hexdigest()}", 3)
    for name, text in SMALL_TABLES.items()
)


def write_tar(path: Path, members: Iterable[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def csv_of(folder: Path, tables: str = "*") -> dict[str, str]:
    return {
        path.name.removesuffix(".csv.xz"): lzma.decompress(path.read_bytes()).decode()
        for path in (folder / "imdb").glob(f"{tables}.csv.xz")
    }


def test_archive_becomes_exactly_the_rows_that_training_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tar(tmp_path / "aclImdb_v1.tar.gz", SMALL_ARCHIVE.items())
    monkeypatch.setattr(File, "matches", lambda *_: True)  # the comparison below says more
    convert(tmp_path / "aclImdb_v1.tar.gz", SMALL_IMDB, tmp_path)
    assert csv_of(tmp_path) == SMALL_TABLES
    assert list(read_rows(tmp_path / "imdb/train.csv.xz")) == [
        {"text": '"Wow", she said', "label": "pos"},
        {"text": "Fine,<br /><br />but long", "label": "pos"},
        {"text": "Slow,\x85 so slow\x85", "label": "neg"},
    ]


def test_downloaded_archive_is_converted_once_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    archive = write_tar(tmp_path / "small.tar.gz", SMALL_ARCHIVE.items()).read_bytes()
    checksum = f"md5:{hashlib.md5(archive, usedforsecurity=False).hexdigest()}"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(archive) as mirror:
        remote = File("imdb/aclImdb_v1.tar.gz", checksum, 0, len(archive), (mirror.url,))
        monkeypatch.setattr(data, "ARCHIVE", remote)
        monkeypatch.setattr(data, "IMDB", SMALL_IMDB)
        main(["--only", "imdb", "--data-dir", str(folder)])
        assert csv_of(folder) == SMALL_TABLES
        assert capsys.readouterr().out.splitlines()[-5:] == [
            f"      3 rows  {folder / file.name}" for file in SMALL_IMDB
        ]
        (folder / "imdb/test.csv.xz").unlink()
        (folder / "imdb/unsup.csv.xz").write_bytes(b"not xz")
        main(["--only", "imdb", "--data-dir", str(folder)])
        assert csv_of(folder) == SMALL_TABLES
        assert "imdb/train.csv.xz: already there, checksum right" in capsys.readouterr().out
        main(["--only", "imdb", "--data-dir", str(folder)])
        assert len(mirror.answers) == 2


def test_archive_with_other_reviews_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = SMALL_ARCHIVE | {"aclImdb/train/unsup/10_0.txt": b"eleven"}
    write_tar(tmp_path / "aclImdb_v1.tar.gz", members.items())
    monkeypatch.setattr(data, "IMDB", SMALL_IMDB)
    with pytest.raises(SystemExit, match=r"unsup\.csv\.xz has a wrong checksum, deleted it$"):
        main(["--only", "imdb", "--from", str(tmp_path), "--data-dir", str(tmp_path / "data")])
    assert set(csv_of(tmp_path / "data")) == {"train", "test"}


def test_only_regular_members_with_expected_names_are_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    with tarfile.open(tmp_path / "hostile.tar", "w") as tar:
        for number, kind in enumerate((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE)):
            member = tarfile.TarInfo(f"aclImdb/train/pos/{number}_9.txt")
            member.type, member.linkname = kind, str(secret)
            tar.addfile(member)
        too_large = b"x" * (data.MAX_MEMBER_BYTES + 1)
        for name, content in {
            "../escaped.txt": b"out",
            "aclImdb/train/pos/../../../3_9.txt": b"out",
            "/aclImdb/train/pos/4_9.txt": b"out",
            "aclImdb/train/pos/5_9.txt": too_large,
            "aclImdb/train/pos/6_9.txt": b"in",
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    before = list(tmp_path.parent.rglob("*"))
    corpus = read_archive(tmp_path / "hostile.tar")
    assert list(corpus.rows("train")) == [("text", "label"), ("in", "pos")]
    assert list(tmp_path.parent.rglob("*")) == before
    assert secret.read_text() == "secret"


@pytest.mark.parametrize("keep_bytes", [0, 100, 300])
def test_archive_that_is_cut_short_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep_bytes: int
) -> None:
    archive = write_tar(tmp_path / "aclImdb_v1.tar.gz", SMALL_ARCHIVE.items())
    archive.write_bytes(archive.read_bytes()[:keep_bytes])
    monkeypatch.setattr(data, "IMDB", SMALL_IMDB)
    with pytest.raises(SystemExit) as ended:
        main(["--only", "imdb", "--from", str(tmp_path), "--data-dir", str(tmp_path / "data")])
    assert "\n" not in str(ended.value.code)
    assert not any((tmp_path / "data").rglob("*.csv.xz*"))


def test_file_that_was_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with suppress(KeyboardInterrupt), arriving(SMALL_IMDB[0], tmp_path) as temporary:
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt
    assert list((tmp_path / "imdb").iterdir()) == []


def test_folder_without_the_files_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no .*train-images-idx3-ubyte\.gz: .*--only"):
        main(["--from", str(tmp_path), "--data-dir", str(tmp_path / "data")])


def test_real_files_are_verified_and_copied(data_dir: Path, tmp_path: Path) -> None:
    main(["--from", str(data_dir), "--data-dir", str(tmp_path)])
    for file in (*MNIST, *IMDB):
        assert (tmp_path / file.name).read_bytes() == (data_dir / file.name).read_bytes()


def test_archive_of_the_real_reviews_converts_to_the_same_bytes(
    data_dir: Path, tmp_path: Path
) -> None:
    write_tar(tmp_path / "reviews.tar.gz", members_of(data_dir / "imdb", "test"))
    wanted = [file for file in IMDB if file.name.startswith("imdb/test")]
    convert(tmp_path / "reviews.tar.gz", wanted, tmp_path)
    assert csv_of(tmp_path) == csv_of(data_dir, "test*")


def members_of(folder: Path, part: str) -> Iterator[tuple[str, bytes]]:
    """What the authors' archive held for the labelled reviews of `part`, last row first."""
    reviews = list(read_rows(folder / f"{part}.csv.xz"))
    metas = list(read_rows(folder / f"{part}_meta.csv.xz"))
    for label in ("pos", "neg"):
        titles = [meta["movie"] for meta in metas if meta["label"] == label]
        lines = (f"http://www.imdb.com/title/{title}/usercomments\n" for title in titles)
        yield f"aclImdb/{part}/urls_{label}.txt", "".join(lines).encode()
    for review, meta in zip(reversed(reviews), reversed(metas), strict=True):
        name = f"aclImdb/{part}/{meta['label']}/{meta['id']}_{meta['rating']}.txt"
        yield name, review["text"].encode()
