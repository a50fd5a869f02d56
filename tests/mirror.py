"""A mirror of data sets that fails as real ones do, on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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
        body = body[: mirror.breaks_after]
        mirror.answers.append((wanted, body))  # before a client can have the whole answer
        self.end_headers()
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
