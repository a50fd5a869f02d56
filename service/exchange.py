"""One request and its answer, with no more between them and the server than is needed."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Iterable
from math import ceil

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from service.errors import Invalid, Overloaded, TooLarge
from service.timing import Timing

Header = tuple[bytes, bytes]


class RequestIds:
    """The id of a request: its own, or one that no other has."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._prefix = secrets.token_hex(8)

    def of(self, given: bytes | None) -> str:
        """`given` is what X-Request-ID says; made anew where that is nothing or not fit to be."""
        if given and FIT.fullmatch(given):
            return given.decode()
        return f"{self._prefix}-{next(self._numbers):x}"


FIT = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def deadline(asked: bytes | None, longest_ms: int, now: float) -> float:
    """`longest_ms` from now, or what X-Request-Timeout-Ms asks for if that is less.

    Raises Invalid for what is no number of milliseconds.
    """
    if asked is None:
        return now + longest_ms / 1000
    if not (asked.isdigit() and float(asked) > 0):
        raise Invalid("X-Request-Timeout-Ms must be a whole number of milliseconds above 0.")
    return now + min(longest_ms, float(asked)) / 1000


def usual_headers(body: bytes, media_type: bytes, request_id: str) -> list[Header]:
    """What the head of every answer of ours has."""
    return [
        (b"content-type", media_type),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
    ]


class Bodies:
    """How many bytes the body of a request may have, and all that are held at a time together."""

    def __init__(self, most: int, most_together: int) -> None:
        self.most = most
        self._most_together = most_together
        self._held = 0  # what was read of bodies whose requests have not ended
        self._seconds = 1.0  # for which a byte was held lately

    def hold(self, new: int, size: int) -> None:
        """So many bytes more of a body that has `size` by now; raises TooLarge where these are too
        many, Overloaded where all together are."""
        self._held += new
        if size > self.most:
            raise self.too_large()
        if (excess := self._held - self._most_together) > 0:
            # Little's law: per second, as many leave as are held, by how long each is.
            wait = self._seconds * excess / self._held
            raise Overloaded("Too many bodies are on their way.", retry_after_ms=ceil(wait * 1000))

    def too_large(self) -> TooLarge:
        return TooLarge(f"The body has more than {self.most:,} bytes.")

    def let_go(self, size: int, seconds: float) -> None:
        """A body of so many bytes counts no more, which it has done for so long."""
        self._held -= size
        self._seconds += (seconds - self._seconds) * min(1, size / self._most_together)


class Exchange(Request):
    """A Starlette request that knows its limits, sends its own answer, and keeps what is to be told
    of both."""

    began = 0.0  # by time.perf_counter
    status = 0  # of the answer, once that has begun
    bytes_in = bytes_out = 0  # of the bodies, as far as they were read and sent
    model = ""  # name and version of what it is for
    timing: Timing | None = None

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, request_id: str, bodies: Bodies
    ) -> None:
        super().__init__(scope, receive, send)
        self.request_id = request_id
        self.answered = False
        self.route = "none"
        self.key: str | None = None  # the name of the one it came with, where keys are asked for
        self.quota: tuple[Header, ...] = ()  # what is left of that key's
        self.found = dict(scope["headers"])
        self._bodies = bodies

    def header(self, name: bytes) -> str | None:
        """The value of a header by its lower-case name."""
        value: bytes | None = self.found.get(name)
        return None if value is None else value.decode("latin-1")

    async def body(self) -> bytes:
        """The whole body; raises TooLarge as soon as it is known to be, Overloaded where all bodies
        together are, ClientDisconnect where it breaks off."""
        if not hasattr(self, "_body"):
            announced = self.header(b"content-length") or ""
            if announced.isdecimal() and float(announced) > self._bodies.most:
                raise self._bodies.too_large()
            chunks: list[bytes] = []
            size, more = 0, True
            while more:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                new, self.bytes_in = size - self.bytes_in, size
                self._bodies.hold(new, size)
                more = message.get("more_body", False)
            self._body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        return self._body

    async def gone(self) -> None:
        """Return when the client has left; after the body has been read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def answer(
        self, body: bytes, media_type: bytes, headers: Iterable[Header] = (), status: int = 200
    ) -> None:
        """Send the whole answer."""
        self.answered = True
        self.status, self.bytes_out = status, len(body)
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    *usual_headers(body, media_type, self.request_id),
                    *self.quota,
                    *headers,
                ],
            }
        )
        await self._send({"type": "http.response.body", "body": body})
