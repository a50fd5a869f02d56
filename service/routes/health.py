"""GET /health/live and /health/ready."""

from __future__ import annotations

from fastapi import APIRouter, Request

from service.errors import Draining
from service.routes.answering import NOT_READY
from service.schemas import Health

router = APIRouter(prefix="/health", tags=["operation"])


@router.get("/live")
async def live() -> Health:
    """The process runs."""
    return Health(status="live")


@router.get("/ready", responses={503: NOT_READY})
async def ready(request: Request) -> Health:
    """Every model is loaded and has answered its golden cases: before that, nothing is answered.
    503 from the moment when the service is told to end."""
    if request.app.state.draining:
        raise Draining.now()
    return Health(status="ready")
