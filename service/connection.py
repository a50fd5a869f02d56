"""One connection of a client, as uvicorn speaks HTTP on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class _Refused:
    """In the place of uvicorn's cycle: a request that has its answer."""

    response_complete = True
    message_event = asyncio.Event()


class Connection(HttpToolsProtocol):
    """uvicorn's, which also refuses by the head alone, tells when it ends, and can announce its
    last answer."""

    refusal: ClassVar[Callable[..., bytes | None]]
    when_lost: Callable[[], None]
    answers_once: Callable[[], bool]

    def on_headers_complete(self) -> None:
        self._unset_keepalive_if_required()  # which an answer before may have begun
        # Not where answers wait for their turn, nor where the connection does not stay open.
        if (
            (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and self.parser.should_keep_alive()
            and not self.expect_100_continue
            and not self.answers_once()
        ):
            defaults = self.server_state.default_headers
            method = self.parser.get_method()
            if answer := Connection.refusal(method, self.url, self.headers, defaults):
                self.cycle = _Refused()  # type: ignore[assignment]
                self.transport.write(answer)
                return
        super().on_headers_complete()
        if self.answers_once():
            self.shutdown()  # which closes it after the request that has just begun

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if isinstance(self.cycle, _Refused):
            self.on_response_complete()  # from here on, the connection is idle

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.when_lost()
