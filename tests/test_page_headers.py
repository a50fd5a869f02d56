"""What browsers are told: what a page may do, and that other pages may not ask."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.running import DEADLINE, RunningService


def policy_of(page: httpx.Response) -> dict[str, list[str]]:
    rules = page.headers["content-security-policy"].split("; ")
    return {name: sources for name, *sources in map(str.split, rules)}


@pytest.mark.parametrize(
    "path",
    ["/docs", "/", "/openapi.json", "/models", "/nothing", "/static-offline-docs/swagger-ui.css"],
)
def test_no_answer_is_taken_for_another_type_than_it_says(client: httpx.Client, path: str) -> None:
    assert client.get(path).headers["x-content-type-options"] == "nosniff"
    assert client.post(path, content=b"{").headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("content", [b'{"text": "A good film."}', b"{"])
def test_no_prediction_is_taken_for_another_type_either(
    client: httpx.Client, content: bytes
) -> None:
    answer = client.post("/sentiment", content=content)
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_may_load_from_here_only_and_run_its_own_scripts_only(
    client: httpx.Client,
) -> None:
    for _ in range(2):
        page = client.get("/docs")
        policy = policy_of(page)
        [inline] = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert policy == {
            "default-src": ["'none'"],
            "script-src": ["'self'", f"'sha256-{digest}'"],
            "style-src": ["'self'", "'unsafe-inline'"],
            "img-src": ["'self'", "data:"],
            "connect-src": ["'self'"],
            "base-uri": ["'none'"],
            "form-action": ["'none'"],
            "frame-ancestors": ["'none'"],
        }
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cross-origin-opener-policy"] == "same-origin"
        assert page.headers["x-frame-options"] == "DENY"


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_a_browser_shows_all_operations_under_that_policy(
    service: RunningService, tmp_path: Path
) -> None:
    shown = subprocess.run(
        [
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *("--virtual-time-budget=20000", "--enable-logging=stderr"),
            *(f"--user-data-dir={tmp_path}", f"{service.url}/docs"),
        ],
        capture_output=True,
        text=True,
        timeout=4 * DEADLINE,
        check=True,
    )
    paths = set(re.findall(r'opblock-summary-path"[^>]*data-path="([^"]+)"', shown.stdout))
    described = httpx.get(f"{service.url}/openapi.json", timeout=DEADLINE).json()
    assert paths == set(described["paths"])
    assert "Content Security Policy" not in shown.stderr


@pytest.mark.parametrize("path", ["/digits", "/sentiment", "/models", "/docs", "/admin/x"])
def test_pages_of_others_are_given_no_leave_to_ask(client: httpx.Client, path: str) -> None:
    origin = {"Origin": "https://example.org"}
    preflight = {**origin, "Access-Control-Request-Method": "POST"}
    for answer in (
        client.options(path, headers=preflight),
        client.get(path, headers=origin),
        client.post(path, headers=origin, content=b"{"),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert client.options(path, headers=preflight).status_code in {404, 405}
