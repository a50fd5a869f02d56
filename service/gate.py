"""What every request passes: an id, a limit on its body, and an answer whatever happens.

Pure ASGI, since Starlette's BaseHTTPMiddleware hides that a client has gone.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Draining, Internal, ServiceError, TooLarge
from service.problems import problem_response

log = logging.getLogger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Gate:
    """Wraps the application; sets `request.state.request_id`."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers every HTTP request exactly once, unless its client has gone."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        answered = False

        async def send_with_id(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            self._check_length(headers.get("content-length", ""))
            await self._app(scope, self._limited(receive), send_with_id)
            return
        except ServiceError as error:
            problem = error
        except ClientDisconnect:
            return
        except asyncio.CancelledError:  # only the server does that, at the end of its patience
            problem = Draining(
                "The service is shutting down; ask another one.", retry_after_ms=1000
            )
        except Exception as error:
            problem = Internal("The service failed on this request.")
            problem.__cause__ = error
        if answered:
            log.error("request %s broke off", request_id, exc_info=problem)
            return
        response = problem_response(problem, request_id)
        await response(scope, receive, send_with_id)

    def _check_length(self, announced: str) -> None:
        if announced.isdecimal() and float(announced) > self._max_body_bytes:
            raise self._too_large()

    def _limited(self, receive: Receive) -> Receive:
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body_bytes:
                raise self._too_large()
            return message

        return receive_within_limit

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body has more than {self._max_body_bytes:,} bytes.")
