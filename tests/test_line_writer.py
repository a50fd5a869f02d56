"""Lines get to their file whole and in order, and never hold up who has them written."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from service.line_writer import MOST_LINES, PIECE, LineWriter
from tests.running import eventually


class Pipe:
    """Both of its ends."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    for end in (pipe.reader, pipe.writer):
        try:
            os.close(end)
        except OSError:  # the test did that
            continue


def writer_to(descriptor: int) -> tuple[LineWriter, list[int]]:
    """With what it drops."""
    dropped: list[int] = []
    return LineWriter(descriptor, dropped.append), dropped


def test_lines_are_written_in_order_without_being_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "log"
    expected = "".join(f"line {number}\n" for number in range(3_000))
    with path.open("wb") as file:
        writer, dropped = writer_to(file.fileno())
        for line in expected.splitlines(keepends=True):
            writer.add(line)
        eventually(lambda: path.read_text() == expected)
        writer.close()
    assert path.read_text() == expected
    assert dropped == []


def test_what_is_left_is_written_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for count in (0, 1, 2, 500):
        with path.open("wb") as file:
            writer, _ = writer_to(file.fileno())
            for number in range(count):
                writer.add(f"{number}\n")
            writer.close()
        assert path.read_text() == "".join(f"{number}\n" for number in range(count))


def test_lines_of_several_writers_to_one_pipe_stay_whole(pipe: Pipe) -> None:
    kinds = [letter * length + "\n" for letter, length in (("a", 40), ("b", 900), ("c", PIECE - 1))]
    lines: list[str] = []

    def read() -> None:
        with open(pipe.reader, "rb", closefd=False) as file:
            lines.extend(file.read().decode().splitlines())

    reading = Thread(target=read)
    writers = [writer_to(pipe.writer)[0] for _ in kinds]
    for _ in range(200):  # much more than the pipe holds, so that all wait for its reader
        for writer, line in zip(writers, kinds, strict=True):
            writer.add(line)
    reading.start()
    eventually(lambda: not any(writer._lines for writer in writers))
    for writer in writers:
        writer.close()
    os.close(pipe.writer)
    reading.join()
    assert sorted(lines) == sorted(line.rstrip() for line in kinds for _ in range(200))


def test_a_pipe_that_nobody_reads_holds_up_nobody_and_what_is_too_much_is_counted(
    pipe: Pipe,
) -> None:
    writer, dropped = writer_to(pipe.writer)
    count = 3 * MOST_LINES
    for number in range(count):
        writer.add(f"{number}\n")
    assert dropped
    writer.close()  # returns, though nobody reads
    lines: list[str] = []
    while len(lines) + sum(dropped) < count:
        lines += os.read(pipe.reader, 2**20).decode().split("\n")[:-1]
    assert lines == sorted(lines, key=int), "what was written is in order"
    assert len(lines) + sum(dropped) == count


def test_a_pipe_that_is_not_to_block_is_waited_for_all_the_same(pipe: Pipe) -> None:
    os.set_blocking(pipe.writer, False)
    writer, dropped = writer_to(pipe.writer)
    line = "x" * 1_000 + "\n"
    for _ in range(1_000):
        writer.add(line)
    received = b""
    while len(received) < 1_000 * len(line):
        received += os.read(pipe.reader, 2**20)
    writer.close()
    assert received.decode() == line * 1_000
    assert dropped == []


def test_lines_for_a_full_disk_are_counted() -> None:
    with Path("/dev/full").open("wb", buffering=0) as file:
        writer, dropped = writer_to(file.fileno())
        for _ in range(1_000):
            writer.add("line\n")
        writer.close()
    assert sum(dropped) == 1_000


def test_lines_for_a_pipe_that_nobody_holds_are_counted(pipe: Pipe) -> None:
    os.close(pipe.reader)
    writer, dropped = writer_to(pipe.writer)
    for _ in range(1_000):
        writer.add("line\n")
    writer.close()
    assert sum(dropped) == 1_000


def test_a_disk_that_has_room_again_gets_whole_lines_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with path.open("wb") as file:
        writer, dropped = writer_to(file.fileno())
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (25, hard))
            writer.add("one, before\n" + "two, which is cut\n")
            eventually(lambda: sum(dropped) == 1)
            writer.add("three, for which there is no room\n")
            eventually(lambda: sum(dropped) == 2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        writer.add("four, after\n")
        writer.close()
    assert path.read_text() == "one, before\ntwo, which is\nfour, after\n"
    assert sum(dropped) == 2


def test_a_character_that_has_no_bytes_does_not_end_it(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        writer, _ = writer_to(file.fileno())
        writer.add("Jürgen \udce4\n")
        writer.close()
    assert (tmp_path / "log").read_text() == "Jürgen \\udce4\n"
