"""Clients that no server would wish for; each function is one, from its start to its end."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress

from tests.faults.questions import request
from tests.running import DEADLINE, RunningService

CHUNK = bytes(65_536)
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing breaks the connection off


def upload(service: RunningService, size: int, *, chunked: bool) -> tuple[int, int]:
    """Send so many bytes to /digits; the status that came, and how much had been sent by then."""
    fields = b"transfer-encoding: chunked" if chunked else b"content-length: %d" % size
    with service.connect() as connection:
        connection.sendall(b"POST /digits HTTP/1.1\r\nhost: localhost\r\n%b\r\n\r\n" % fields)
        connection.settimeout(0)
        sent, answer, end = 0, b"", time.monotonic() + DEADLINE
        piece = b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK) if chunked else CHUNK
        waiting = memoryview(piece)
        while not answer and time.monotonic() < end:
            with suppress(BlockingIOError):
                answer = connection.recv(65_536)
                if not answer:
                    return 0, sent
            if sent < size:
                try:
                    done = connection.send(waiting)
                except BlockingIOError:
                    time.sleep(0.002)
                    continue
                except OSError:  # closed; the answer is there
                    connection.settimeout(DEADLINE)
                    with suppress(OSError):
                        answer = connection.recv(65_536)
                    break
                sent += done
                waiting = waiting[done:] or memoryview(piece)
            else:
                time.sleep(0.002)
    return int(answer[9:12] or 0), sent


def leave_mid_body(service: RunningService, *, reset: bool) -> None:
    """Go after half of a picture, with or without a farewell."""
    whole = request("/digits", CHUNK[:2000], "image/png")
    _leave(service, whole[: len(whole) - 1000], reset=reset)


def leave_mid_head(service: RunningService) -> None:
    _leave(service, b"POST /digits HTTP/1.1\r\nhost: local", reset=False)


def leave_before_the_answer(service: RunningService) -> None:
    text = b'{"text": "%b"}' % (b"A rather long text. " * 400)
    _leave(service, request("/sentiment", text), reset=True)


def talk_nonsense(service: RunningService) -> None:
    """No HTTP at all; returns when the service has hung up."""
    with service.connect() as connection, suppress(OSError):
        connection.sendall(b"\x16\x03\x01\x02\x00" + CHUNK[:600] + b"\r\n\r\n")
        while connection.recv(65_536):
            pass


def _leave(service: RunningService, sent: bytes, *, reset: bool) -> None:
    with service.connect() as connection, suppress(OSError):
        connection.sendall(sent)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
