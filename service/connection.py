"""One connection of a client, as uvicorn speaks HTTP on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from service.limits import LimitedProtocol


class _Refused:
    """In the place of uvicorn's cycle: a request that has its answer."""

    response_complete = True
    message_event = asyncio.Event()


class Connection(LimitedProtocol):
    """uvicorn's within limits, which also refuses by the head alone, tells when it ends, and can
    announce its last answer."""

    refusal: ClassVar[Callable[..., bytes | None]]
    when_lost: Callable[[], None]

    def on_head(self) -> None:
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
                if self.has_long_body():
                    self.linger()
                return
        super().on_head()
        if self.answers_once():
            self.shutdown()  # which closes it after the request that has just begun

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.when_lost()
