"""What every request passes: an id, the question of its key, a limit on its body, and an answer
whatever happens.

Pure ASGI, since Starlette's BaseHTTPMiddleware hides that a client has gone. Predictions go from
here straight to their endpoint: what FastAPI does between costs as much as reading a digit.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access import Access
from service.errors import Draining, Internal, ServiceError
from service.exchange import Bodies, Exchange, RequestIds
from service.problems import answer_problem
from service.telemetry import count_key, count_request

log = logging.getLogger(__name__)

Endpoint = Callable[[Exchange], Awaitable[None]]

Observer = Callable[[Exchange, str, float], None]
"""Is told of a request that has ended: its outcome, and how many seconds it took."""


class Gate:
    """Wraps the application, whose routes in `endpoints` it answers itself."""

    def __init__(
        self,
        app: ASGIApp,
        endpoints: Mapping[tuple[str, str], Endpoint],
        bodies: Bodies,
        access: Access,
    ) -> None:
        """`endpoints` are found by method and path."""
        self._app = app
        self._endpoints = endpoints
        self._bodies = bodies
        self._access = access
        self.ids = RequestIds()
        self.observers: Sequence[Observer] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers every HTTP request exactly once, unless its client has gone."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        exchange = Exchange(scope, receive, send, "", self._bodies)
        exchange.began = began
        exchange.request_id = self.ids.of(exchange.found.get(b"x-request-id"))
        try:
            outcome = await self._outcome(exchange)
        finally:
            seconds = time.perf_counter() - began
            self._bodies.let_go(exchange.bytes_in, seconds)
        count_request(exchange.route, outcome, seconds)
        if exchange.key:
            count_key(exchange.key, outcome)
        for observer in self.observers:
            observer(exchange, outcome, seconds)

    async def _outcome(self, exchange: Exchange) -> str:
        """Have it answered; `ok`, the code of its error, or `gone`."""
        scope = exchange.scope
        scope["app"] = self._app
        endpoint = self._endpoints.get((scope["method"], scope["path"]))
        problem: ServiceError
        try:
            if endpoint:
                exchange.route = scope["path"]
            if endpoint is None or self._access.keys:  # else every prediction is for everybody
                await self._access.admit(exchange)
            if endpoint:
                await endpoint(exchange)
            else:
                await self._pass_on(exchange)
            return "ok"
        except ServiceError as error:
            problem = error
        except ClientDisconnect:
            return "gone"
        except asyncio.CancelledError:  # only the server does that, at the end of its patience
            problem = Draining.now()
        except Exception as error:
            problem = Internal("The service failed on this request.")
            problem.__cause__ = error
        if exchange.answered:
            request_id = exchange.request_id
            named = {"request_id": request_id}
            log.error("request %s broke off", request_id, exc_info=problem, extra=named)
        else:
            await answer_problem(exchange, problem)
        # It knows this frame, which knows it: whatever the request brought would stay until the
        # collector of garbage comes by.
        problem.__traceback__ = None
        return problem.code

    async def _pass_on(self, exchange: Exchange) -> None:
        """To FastAPI."""

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.answered = True
                exchange.status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = exchange.request_id
                message["headers"].extend(exchange.quota)
            else:
                exchange.bytes_out += len(message.get("body", b""))
            await exchange._send(message)

        try:
            await self._app(exchange.scope, exchange.receive, send)
        finally:
            # FastAPI leaves here which route it has found: a template, and so one of few.
            exchange.route = getattr(exchange.scope.get("route"), "path", "none")
