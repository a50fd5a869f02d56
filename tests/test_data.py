"""Getting the data sets: real servers on this machine, real tar files, the real data."""

from __future__ import annotations

import hashlib
import io
import lzma
import os
import signal
import tarfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from training import data
from training.data import DataError, File, convert, download, main, read_archive
from training.datasets import read_rows

CONTENT = bytes(range(256)) * 1_000
HALF = len(CONTENT) // 2


class Mirror(ThreadingHTTPServer):
    """Serves `content` whatever is asked for, and keeps the Range and the bytes of each answer."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), MirrorRequest)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.content = content
        self.knows_ranges = True
        self.is_up = True
        self.breaks_after: int | None = None  # bytes of a body, then the connection is closed
        self.before_it_breaks: Callable[[], object] | None = None
        self.answers: list[tuple[str | None, bytes]] = []


class MirrorRequest(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        mirror, wanted = self.server, self.headers["Range"]
        if not mirror.is_up:
            self.send_error(503)
            return
        body = mirror.content
        if wanted and mirror.knows_ranges:
            body = body[int(wanted.removeprefix("bytes=").removesuffix("-")) :]
            self.send_response(206)
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        body = body[: mirror.breaks_after]
        mirror.answers.append((wanted, body))
        with suppress(ConnectionError):  # a client may have heard enough
            self.wfile.write(body)
            if mirror.before_it_breaks is not None:
                mirror.before_it_breaks()
                self.rfile.read(1)  # until the client has gone

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(content: bytes) -> Iterator[Mirror]:
    with Mirror(content) as mirror:
        thread = threading.Thread(target=mirror.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield mirror
        finally:
            mirror.shutdown()
            thread.join()


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with serving(CONTENT) as server:
        yield server


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def digits_at(*mirrors: str) -> File:
    checksum = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    return File("mnist/digits.gz", checksum, 7, len(CONTENT), mirrors)


def content_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def leave_part(folder: Path, content: bytes) -> None:
    (folder / "mnist").mkdir()
    (folder / "mnist/digits.gz.part").write_bytes(content)


def test_download_leaves_the_whole_file_and_nothing_else(mirror: Mirror, tmp_path: Path) -> None:
    download(digits_at(mirror.url), tmp_path)
    assert content_of(tmp_path) == {"mnist/digits.gz": CONTENT}


def test_download_asks_only_for_what_a_broken_connection_left_out(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.breaks_after = HALF
    with pytest.raises(DataError, match="ended after 128,000 of 256,000 bytes"):
        download(digits_at(mirror.url), tmp_path)
    assert content_of(tmp_path) == {"mnist/digits.gz.part": CONTENT[:HALF]}
    mirror.breaks_after = None
    download(digits_at(mirror.url), tmp_path)
    assert mirror.answers[1:] == [(f"bytes={HALF}-", CONTENT[HALF:])]
    assert content_of(tmp_path) == {"mnist/digits.gz": CONTENT}


def test_download_starts_over_where_the_server_knows_no_ranges(
    mirror: Mirror, tmp_path: Path
) -> None:
    leave_part(tmp_path, CONTENT[:HALF])
    mirror.knows_ranges = False
    download(digits_at(mirror.url), tmp_path)
    assert mirror.answers == [(f"bytes={HALF}-", CONTENT)]
    assert content_of(tmp_path) == {"mnist/digits.gz": CONTENT}


def test_download_that_lacked_only_its_name_asks_for_nothing(
    mirror: Mirror, tmp_path: Path
) -> None:
    leave_part(tmp_path, CONTENT)
    download(digits_at(mirror.url), tmp_path)
    assert not mirror.answers
    assert content_of(tmp_path) == {"mnist/digits.gz": CONTENT}


def test_wrong_checksum_is_refused_and_deleted(mirror: Mirror, tmp_path: Path) -> None:
    mirror.content = bytes(len(CONTENT))
    with pytest.raises(DataError, match="wrong checksum, deleted"):
        download(digits_at(mirror.url), tmp_path)
    assert content_of(tmp_path) == {}


def test_wrong_length_does_not_spoil_what_is_already_there(mirror: Mirror, tmp_path: Path) -> None:
    leave_part(tmp_path, CONTENT[:HALF])
    mirror.knows_ranges = False
    mirror.content = b"<html>Please log in to this network</html>"
    with pytest.raises(DataError, match="is 42 bytes long instead of 256,000"):
        download(digits_at(mirror.url), tmp_path)
    assert content_of(tmp_path) == {"mnist/digits.gz.part": CONTENT[:HALF]}


def test_next_mirror_serves_what_those_before_it_cannot(mirror: Mirror, tmp_path: Path) -> None:
    with serving(CONTENT) as down, serving(bytes(len(CONTENT))) as wrong:
        down.is_up = False
        download(digits_at(down.url, wrong.url, mirror.url), tmp_path)
    assert len(wrong.answers) == len(mirror.answers) == 1
    assert content_of(tmp_path) == {"mnist/digits.gz": CONTENT}


def test_failure_names_every_mirror_and_the_way_around_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(CONTENT) as gone:
        pass
    with serving(CONTENT) as down, serving(CONTENT) as broken:
        down.is_up = False
        broken.breaks_after = 0
        monkeypatch.setattr(data, "MNIST", (digits_at(gone.url, down.url, broken.url),))
        with pytest.raises(SystemExit) as ended:
            main(["--only", "mnist", "--data-dir", str(tmp_path)])
    message = str(ended.value.code)
    assert f"{gone.url}digits.gz: <urlopen error" in message
    assert f"{down.url}digits.gz: HTTP Error 503: Service Unavailable" in message
    assert f"{broken.url}digits.gz: ended after 0 of" in message
    assert "--from" in message
    assert "--data-dir" in message
    assert "\n" not in message


def test_ctrl_c_keeps_what_came_and_says_so_in_one_line(
    mirror: Mirror,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    leave_part(tmp_path, CONTENT[:1_000])
    part = tmp_path / "mnist/digits.gz.part"
    deadline = time.monotonic() + 10

    def press_ctrl_c_in_the_middle() -> None:
        while part.stat().st_size == 1_000 and time.monotonic() < deadline:
            pass
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    mirror.breaks_after = HALF
    mirror.before_it_breaks = press_ctrl_c_in_the_middle
    monkeypatch.setattr(data, "MNIST", (digits_at(mirror.url),))
    with pytest.raises(SystemExit) as ended:
        main(["--only", "mnist", "--data-dir", str(tmp_path)])
    assert ended.value.code == 130
    assert capsys.readouterr().err.splitlines() == [
        "interrupted: what was downloaded is kept for the next time"
    ]
    assert content_of(tmp_path) == {"mnist/digits.gz.part": CONTENT[: 1_000 + data.CHUNK_BYTES]}


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


def csv_of(folder: Path) -> dict[str, str]:
    return {
        path.name.removesuffix(".csv.xz"): lzma.decompress(path.read_bytes()).decode()
        for path in (folder / "imdb").iterdir()
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
    before = content_of(tmp_path)
    corpus = read_archive(tmp_path / "hostile.tar")
    assert list(corpus.rows("train")) == [("text", "label"), ("in", "pos")]
    assert content_of(tmp_path) == before


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


def test_folder_without_the_files_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no .*train-images-idx3-ubyte\.gz: .*--only"):
        main(["--from", str(tmp_path), "--data-dir", str(tmp_path / "data")])


@pytest.fixture(scope="module")
def real_data() -> Path:
    candidates = [Path(__file__).parents[2] / "shared" / "data"]
    if "DATA_DIR" in os.environ:
        candidates.insert(0, Path(os.environ["DATA_DIR"]))
    for folder in candidates:
        if folder.is_dir():
            return folder
    pytest.skip(f"no real data: none of {', '.join(map(str, candidates))} exists")


def test_real_files_are_verified_and_copied(real_data: Path, tmp_path: Path) -> None:
    main(["--from", str(real_data), "--data-dir", str(tmp_path)])
    for file in (*data.MNIST, *data.IMDB):
        assert (tmp_path / file.name).read_bytes() == (real_data / file.name).read_bytes()


def test_archive_of_the_real_reviews_converts_to_the_same_bytes(
    real_data: Path, tmp_path: Path
) -> None:
    write_tar(tmp_path / "aclImdb_v1.tar.gz", members_of(real_data / "imdb"))
    main(["--only", "imdb", "--from", str(tmp_path), "--data-dir", str(tmp_path / "data")])
    for file in data.IMDB:
        with (
            lzma.open(real_data / file.name) as ours,
            lzma.open(tmp_path / "data" / file.name) as its,
        ):
            assert ours.read() == its.read()


def members_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """What the authors' archive held for the files in `folder`, last row first."""
    for part in ("train", "test"):
        reviews = list(read_rows(folder / f"{part}.csv.xz"))
        metas = list(read_rows(folder / f"{part}_meta.csv.xz"))
        for label in ("pos", "neg"):
            titles = [meta["movie"] for meta in metas if meta["label"] == label]
            lines = (f"http://www.imdb.com/title/{title}/usercomments\n" for title in titles)
            yield f"aclImdb/{part}/urls_{label}.txt", "".join(lines).encode()
        for review, meta in zip(reversed(reviews), reversed(metas), strict=True):
            name = f"aclImdb/{part}/{meta['label']}/{meta['id']}_{meta['rating']}.txt"
            yield name, review["text"].encode()
    unlabelled = list(enumerate(read_rows(folder / "unsup.csv.xz")))
    for number, review in reversed(unlabelled):
        yield f"aclImdb/train/unsup/{number}_0.txt", review["text"].encode()
