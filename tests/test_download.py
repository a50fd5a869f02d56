"""Downloads from real servers on this machine, whole or not at all."""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mirror import Mirror, serving
from training import data
from training.data import main
from training.download import CHUNK_BYTES, DataError, File, download

CONTENT = bytes(range(256)) * 1_000
HALF = len(CONTENT) // 2


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
    deadline = time.monotonic() + 60

    def press_ctrl_c_in_the_middle() -> None:
        while part.stat().st_size == 1_000 and time.monotonic() < deadline:
            time.sleep(0.001)
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
    assert content_of(tmp_path) == {"mnist/digits.gz.part": CONTENT[: 1_000 + CHUNK_BYTES]}
