"""The application: models, routes, and what surrounds them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware

from service.access import Access
from service.errors import MethodNotAllowed, NotFound
from service.exchange import Bodies, RequestIds
from service.gate import Gate
from service.keys import load_keys
from service.pages import page_headers
from service.registry import load_models
from service.routes import admin, digits, health, metrics, models, numbers, sentiment
from service.routes.answering import ANY_OTHER, guarded
from service.routes.page import page_routes
from service.settings import Settings
from service.shedding import Shedding

VERSION = "0.1.0"


def create_app(settings: Settings) -> FastAPI:
    """Load and verify the models and build the application around them.

    Raises KeysError, and ModelError where a model cannot be served. Leaving the application's
    lifespan drains.
    """
    app: FastAPI = FastAPIOffline(
        title="Moodigit",
        version=VERSION,
        description="Handwritten digits and the mood of texts.",
        docs_url=None,  # ours, with what a browser may do there
        redoc_url=None,
        redirect_slashes=False,
        responses={"default": ANY_OTHER},
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.keys = load_keys(settings)
    app.state.models = load_models(settings)
    app.state.draining = False
    for resource in (digits, numbers, sentiment, admin):
        app.include_router(resource.router, **guarded(settings, 401, 403, 429))
    app.include_router(metrics.router, **guarded(settings, 401, 429))
    for resource in (models, health):
        app.include_router(resource.router)
    app.router.routes.extend(page_routes())
    app.add_api_route("/docs", _page_of(app), include_in_schema=False)
    # In place of Starlette's and FastAPI's layers for errors and limits, which the gate has, too.
    app.middleware_stack = ExceptionMiddleware(
        AsyncExitStackMiddleware(app.router), handlers={HTTPException: _unrouted}
    )
    return app


def gate(app: FastAPI) -> Gate:
    """What the server calls: the application behind its gate."""
    predictions = {
        (method, route.path): route.endpoint
        for router in (digits.router, numbers.router, sentiment.router)
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    access = Access(app.state.keys, Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    settings: Settings = app.state.settings
    bodies = Bodies(settings.max_body_bytes, settings.max_bodies_bytes)
    return Gate(app, predictions, bodies, access)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for model in app.state.models.values():
            stack.push_async_callback(model.predictor.close)
        yield


def _page_of(app: FastAPI) -> Callable[[], Awaitable[Response]]:
    """The page that describes the service, put together from what FastAPIOffline brings."""
    static = "/static-offline-docs"
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=app.title,
        swagger_js_url=f"{static}/swagger-ui-bundle.js",
        swagger_css_url=f"{static}/swagger-ui.css",
        swagger_favicon_url=f"{static}/favicon.png",
        swagger_ui_parameters={"validatorUrl": None},  # else other hosts are asked for a badge
    )
    text = bytes(page.body).decode()
    # Swagger UI has styles and pictures in itself.
    page.headers.update(page_headers(text, styles="'self' 'unsafe-inline'", images="'self' data:"))

    async def documentation() -> Response:
        return page

    return documentation


async def _unrouted(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Starlette's own answers are ours, too."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        raise MethodNotAllowed((error.headers or {}).get("Allow", ""))
    raise NotFound("There is nothing at this path.")


def shedding(app: FastAPI, ids: RequestIds) -> Shedding:
    """For the server to ask before it calls the gate."""
    models = app.state.models
    predictors = {f"/{name}": models[name].predictor for name in ("digits", "sentiment")}
    return Shedding(predictors, app.state.settings, ids)
