"""GET / and /page/...: the page that shows in a browser what the service does."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.pages import page_headers

FOLDER = Path(__file__).parents[1] / "page"
MEDIA_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def page_routes() -> list[Route]:
    """One for each file of the page, which is read now."""
    files = sorted(file for file in FOLDER.iterdir() if file.suffix in MEDIA_TYPES)
    return [_route_of(file) for file in files]


def _route_of(file: Path) -> Route:
    is_page = file.suffix == ".html"
    # What the model saw is a picture in the answer itself.
    headers = page_headers(file.read_text("utf-8"), images="'self' data:") if is_page else {}
    path = "/" if is_page else f"/page/{file.name}"
    endpoint = _endpoint(file.read_bytes(), MEDIA_TYPES[file.suffix], headers)
    return Route(path, endpoint, include_in_schema=False)


def _endpoint(
    content: bytes, media_type: str, headers: dict[str, str]
) -> Callable[[Request], Awaitable[Response]]:
    """Answers with the content, or with 304 to a browser that has it."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {**headers, "ETag": tag, "Cache-Control": "no-cache"}

    async def answer(request: Request) -> Response:
        known = request.headers.get("if-none-match", "")
        if tag in known or known.strip() == "*":
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=media_type, headers=headers)

    return answer
