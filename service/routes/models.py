"""GET /models and /models/{name}."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request

from service.errors import NotFound
from service.registry import Model
from service.routes.answering import NO_SUCH_MODEL
from service.schemas import ModelCard, ModelCards

router = APIRouter(prefix="/models", tags=["models"])


@router.get("")
async def every_model(request: Request) -> ModelCards:
    """What is served, and how good it is."""
    models: Mapping[str, Model] = request.app.state.models
    return ModelCards(models=[model.card() for model in models.values()])


@router.get("/{name}", responses={404: NO_SUCH_MODEL})
async def one_model(request: Request, name: str) -> ModelCard:
    """One of them."""
    return model_named(request, name).card()


def model_named(request: Request, name: str) -> Model:
    """Raises NotFound."""
    models: Mapping[str, Model] = request.app.state.models
    if name not in models:
        raise NotFound(f"There is no such model; there are {', '.join(models)}.")
    return models[name]
