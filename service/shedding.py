"""Refusing predictions while there is too much work, before anything else is spent on them.

A refusal by way of ASGI costs half as much as an answer: under a load of one and a half times what
can be served, there would be little time left to serve. This one costs a fifth.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from service.errors import Invalid, ServiceError
from service.exchange import Header, RequestIds, deadline
from service.predictor import Predictor
from service.problems import whole_answer
from service.settings import Settings
from service.telemetry import count_request


class Shedding:
    """What can be told of a request from its head alone."""

    def __init__(
        self,
        predictors: Mapping[str, Predictor[Any, Any, Any]],
        settings: Settings,
        ids: RequestIds,
    ) -> None:
        """`predictors` by the path that asks them for a single answer."""
        self._predictors = {path.encode(): each for path, each in predictors.items()}
        self._deadline_ms = settings.deadline_ms
        self._ids = ids

    def refusal(
        self, method: bytes, target: bytes, headers: Sequence[Header], defaults: Sequence[Header]
    ) -> bytes | None:
        """The whole answer to a request that there is no room for; None for any other.

        `defaults` are headers that the server adds to each answer.
        """
        path = target.partition(b"?")[0]
        predictor = self._predictors.get(path)
        if predictor is None or method != b"POST":
            return None
        found = dict(headers)
        try:
            predictor.refuse_if_full(
                deadline(
                    found.get(b"x-request-timeout-ms"),
                    self._deadline_ms,
                    asyncio.get_running_loop().time(),
                )
            )
        except Invalid:
            return None  # which has its own answer
        except ServiceError as error:
            request_id = self._ids.of(found.get(b"x-request-id"))
            count_request(path.decode(), error.code, None)
            return whole_answer(error, request_id, defaults)
        return None
