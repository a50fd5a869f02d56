"""GET /health/live and /health/ready."""

from __future__ import annotations

from fastapi import APIRouter, Request

from service.errors import Draining
from service.routes.exchange import PROBLEMS
from service.schemas import Health

router = APIRouter(prefix="/health", tags=["operation"])


@router.get("/live")
async def live() -> Health:
    """The process runs."""
    return Health(status="live")


@router.get("/ready", responses={503: PROBLEMS[503]})
async def ready(request: Request) -> Health:
    """Every model is loaded and has answered its golden cases, and none is being drained."""
    if request.app.state.draining:
        raise Draining("The service is shutting down.", retry_after_ms=1000)
    return Health(status="ready")
