"""A line for each request that has ended: what was asked of whom, and where its time went; never
what was sent."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from functools import lru_cache

from service.exchange import Exchange
from service.line_writer import LineWriter
from service.logs import utc_second

LEVELS = ("debug", "info", "warning", "error")
ADDRESS = re.compile(r"[0-9A-Za-z.:%_-]{1,64}")

COMMON = (
    '{"ts":"%s.%03dZ",%s,"request_id":"%s","client":%s,"bytes_in":%d,"bytes_out":%d,'
    '"duration_ms":%.3f'
)
PLAIN = COMMON + "}\n"
PREDICTION = COMMON + ',"decode_ms":%.3f,"queue_ms":%.3f,"infer_ms":%.3f,"batch":%d}\n'

Description = Callable[[str, str, int, str, str], str]
"""What many requests have in common: method, route, status, outcome and model."""


class RequestLog:
    """Observes the gate. Under load it takes more time than all else that logs: so it does not go
    through logging, and what it writes is known to need no escapes."""

    def __init__(self, writer: LineWriter, *, for_people: bool, least: str) -> None:
        """Requests of a lower level than `least` are left out; see `level`."""
        self._add = writer.add
        self._least = LEVELS.index(least)
        self._line = line_for_people if for_people else line_in_json
        self._describe: Description = lru_cache(4_096)(
            self._for_people if for_people else self._in_json
        )

    def __call__(self, exchange: Exchange, outcome: str, seconds: float) -> None:
        """A request has ended."""
        described = self._describe(
            exchange.scope["method"], exchange.route, exchange.status, outcome, exchange.model
        )
        if described:
            self._add(self._line(described, exchange, seconds))

    def _in_json(self, method: str, route: str, status: int, outcome: str, model: str) -> str:
        if LEVELS.index(found := level(status, outcome)) < self._least:
            return ""
        return (
            f'"level":"{found}","event":"request","pid":{os.getpid()},"method":"{method}",'
            f'"route":"{route}","status":{status or "null"},"outcome":"{outcome}"'
            + (f',"model":"{model}"' if model else "")
        )

    def _for_people(self, method: str, route: str, status: int, outcome: str, model: str) -> str:  # noqa: ARG002
        if LEVELS.index(level(status, outcome)) < self._least:
            return ""
        code = "" if outcome in ("ok", "gone") else f" ({outcome})"
        return f"{status or 'gone'} {method} {route}{code}"


def level(status: int, outcome: str) -> str:
    """`error` where the service is at fault, `warning` where it had no time for an answer."""
    if outcome == "internal":
        return "error"
    return "warning" if status >= 500 else "info"


def line_in_json(described: str, exchange: Exchange, seconds: float) -> str:
    """One object, whose times are in milliseconds."""
    now = time.time()
    second = int(now)
    client = exchange.scope.get("client")
    address = _address(client[0]) if client else "null"
    told = (
        utc_second(second),
        (now - second) * 1000,
        described,
        exchange.request_id,
        address,
        exchange.bytes_in,
        exchange.bytes_out,
        seconds * 1000,
    )
    if (timing := exchange.timing) is None:
        return PLAIN % told
    times = timing.decode * 1000, timing.queue * 1000, timing.infer * 1000
    return PREDICTION % (*told, *times, timing.batch)


def line_for_people(described: str, exchange: Exchange, seconds: float) -> str:  # noqa: ARG001
    """As short as it can be."""
    return f"{time.strftime('%H:%M:%S')} {described} {seconds * 1000:.1f} ms\n"


@lru_cache(1_024)
def _address(client: str) -> str:
    """In JSON. A proxy may have made it of whatever came with the request."""
    return f'"{client}"' if ADDRESS.fullmatch(client) else "null"
