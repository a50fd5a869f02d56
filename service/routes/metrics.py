"""GET /metrics."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from service.telemetry import exposition

router = APIRouter(tags=["operation"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics() -> Response:
    """All numbers of all workers, as Prometheus reads them."""
    return Response(exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")
