"""POST /admin/models/{name}/reload."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request

from service.errors import DeadlineExceeded
from service.exchange import deadline
from service.routes.answering import FORBIDDEN, NO_SUCH_MODEL, NOT_RELOADED, RELOADING
from service.routes.models import model_named
from service.schemas import Reloaded

router = APIRouter(prefix="/admin", tags=["operation"])

Reload = Callable[[], Awaitable[tuple[list[str], list[str]]]]
"""Loads all models anew; the versions that served before and those that do now, or NotReady."""


@router.post(
    "/models/{name}/reload",
    responses={403: FORBIDDEN, 404: NO_SUCH_MODEL, 503: NOT_RELOADED, 504: RELOADING},
)
async def reload_a_model(request: Request, name: str) -> Reloaded:
    """Look at the folder of models again. All are loaded, verified and taken up together, or none:
    then those that served before go on."""
    model_named(request, name)
    reload: Reload = request.app.state.reload
    asked = request.headers.get("x-request-timeout-ms")
    until = deadline(
        None if asked is None else asked.encode("latin-1"),
        request.app.state.settings.deadline_ms,
        asyncio.get_running_loop().time(),
    )
    try:
        async with asyncio.timeout_at(until):
            before, serving = await reload()
    except TimeoutError:
        raise DeadlineExceeded(
            "The models are still being loaded, and taken up if whole."
        ) from None
    return Reloaded(model=_version(serving, name), before=_version(before, name))


def _version(models: list[str], name: str) -> str:
    return next(model for model in models if model.startswith(f"{name}/"))
