"""Nothing that a client sends gets into a log, a metric or an error, whatever goes wrong."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image, PngImagePlugin

from tests.problems import MARK
from tests.running import DEADLINE, ROOT, RunningService, eventually

# In each process of the service, what is marked makes the model fail with all that it was given, in
# as many ways as a library may have.
CARELESS = """
import asyncio, logging, sys, threading, warnings
from multiprocessing import process

def fail_on(kind):
    decode = kind.decode

    def careless(self, raw):
        whole = raw if isinstance(raw, str) else raw.decode("latin-1")
        if FAILING not in whole:
            return decode(self, raw)
        logging.getLogger("PIL.PngImagePlugin").error("STREAM %s", whole)
        logging.getLogger().warning(whole)
        warnings.warn(whole)
        thread = threading.Thread(target=lambda: [].index(whole))
        thread.start()
        thread.join()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            loop.create_future().set_exception(ValueError(whole))  # which nobody retrieves
            loop.call_soon(lambda: [].index(whole))
        try:
            raise UnicodeDecodeError("utf-8", whole.encode(), 0, 1, whole)
        except UnicodeDecodeError:
            raise ExceptionGroup(whole, [KeyError(whole), ValueError(whole)])

    kind.decode = careless

if "service.worker" in sys.orig_argv:
    from service.digits import Digits
    from service.sentiment import Sentiment

    for kind in (Digits, Sentiment):
        fail_on(kind)
"""
FAILING = f"fail-{MARK}"


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    folder = tmp_path_factory.mktemp("careless")
    (folder / "sitecustomize.py").write_text(CARELESS.replace("FAILING", repr(FAILING)))
    path = os.pathsep.join([str(folder), str(ROOT)])
    with RunningService(variables={"PYTHONPATH": path}, log_level="debug") as service:
        yield service


def picture(comment: str, mode: str = "L") -> bytes:
    """With a comment in its bytes."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", comment)
    data = BytesIO()
    Image.new(mode, (30, 30), "white").save(data, "PNG", pnginfo=info)
    return data.getvalue()


PIXELS = picture(MARK)
TEXT = {"text": f"What a {MARK} film!"}
FORM = {"Content-Type": "multipart/form-data; boundary=b"}


def form(head: str, body: bytes) -> bytes:
    return b"--b\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n--b--\r\n"


DISPOSITION = 'Content-Disposition: form-data; name="{}"; filename="{}"'
PICTURE_FORM = form(DISPOSITION.format("images", f"{MARK}.png"), PIXELS)

REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/digits", {"content": PIXELS}),
    ("POST", "/digits?explain=true", {"content": PIXELS}),
    ("POST", f"/digits?explain={MARK}", {"content": PIXELS}),
    ("POST", f"/digits?{MARK}=1", {"content": PIXELS}),
    ("POST", "/digits", {"content": PIXELS[:150]}),
    ("POST", "/digits", {"content": PIXELS[:90] + MARK.encode()}),
    ("POST", "/digits", {"content": MARK.encode()}),
    ("POST", "/digits", {"content": b"\x89PNG\r\n\x1a\n" + MARK.encode() * 5}),
    ("POST", "/digits", {"content": b"\xff\xd8\xff\xfe" + MARK.encode() * 5}),
    ("POST", "/digits", {"content": b"GIF89a" + MARK.encode() * 5}),
    ("POST", "/digits", {"content": b"RIFF\x20\0\0\0WEBP" + MARK.encode() * 5}),
    ("POST", "/digits", {"content": b"BM" + MARK.encode() * 9}),
    ("POST", "/digits", {"content": picture(MARK, "RGBA")}),
    ("POST", "/digits", {"content": PICTURE_FORM, "headers": FORM}),
    ("POST", "/digits", {"content": form(MARK, PIXELS), "headers": FORM}),
    ("POST", "/digits", {"content": form(DISPOSITION.format(MARK, MARK), b""), "headers": FORM}),
    ("POST", "/digits", {"content": PIXELS, "headers": {"X-Request-Timeout-Ms": MARK}}),
    ("POST", "/digits", {"content": PIXELS, "headers": {"X-Request-ID": f"{MARK} {MARK}"}}),
    ("POST", "/digits", {"content": PIXELS, "headers": {"Content-Type": f"image/{MARK}"}}),
    ("POST", "/digits", {"content": PIXELS, "headers": {"traceparent": MARK}}),
    ("POST", "/digits/read", {"content": PIXELS}),
    ("POST", "/digits/read", {"content": MARK.encode()}),
    ("POST", "/digits/batch", {"content": PICTURE_FORM, "headers": FORM}),
    ("POST", "/digits/batch", {"content": PICTURE_FORM[:200], "headers": FORM}),
    ("POST", "/digits/batch", {"content": form(f"{MARK}: {MARK}", b""), "headers": FORM}),
    ("POST", "/digits/batch", {"content": PIXELS}),
    ("POST", "/sentiment", {"json": TEXT}),
    ("POST", "/sentiment?explain=true", {"json": TEXT}),
    ("POST", "/sentiment", {"content": MARK.encode()}),
    ("POST", "/sentiment", {"content": b'{"text": "' + MARK.encode()}),
    ("POST", "/sentiment", {"content": b'{"text": "' + MARK.encode() + b'\xff"}'}),
    ("POST", "/sentiment", {"content": b'{"text": "' + MARK.encode() + b'\\ud800"}'}),
    ("POST", "/sentiment", {"json": {MARK: MARK}}),
    ("POST", "/sentiment", {"json": {"text": [MARK]}}),
    ("POST", "/sentiment", {"json": MARK}),
    ("POST", "/sentiment", {"content": b"[" * 200 + MARK.encode()}),
    ("POST", "/sentiment", {"content": b"9" * 5_000}),
    ("POST", "/sentiment", {"content": MARK, "headers": {"Content-Type": "text/plain"}}),
    ("POST", "/sentiment/batch", {"json": {"texts": [MARK, MARK]}}),
    ("POST", "/sentiment/batch", {"json": {"texts": [MARK, 7]}}),
    ("POST", "/sentiment/batch", {"json": {"texts": MARK}}),
    ("GET", f"/models/{MARK}", {}),
    ("GET", f"/{MARK}?{MARK}", {}),
    ("PUT", f"/models/{MARK}", {"content": MARK.encode()}),
    ("GET", "/health/ready", {"headers": {MARK: MARK, "User-Agent": MARK, "Referer": MARK}}),
]

FAILURES: list[tuple[str, dict[str, Any]]] = [
    ("/digits", {"content": picture(FAILING)}),
    ("/digits?explain=true", {"content": picture(FAILING)}),
    ("/digits", {"content": picture(FAILING) + b"\0" * 200_000}),  # decoded in a thread
    ("/digits/batch", {"files": [("images", picture(FAILING)), ("images", PIXELS)]}),
    ("/sentiment", {"json": {"text": FAILING}}),
    ("/sentiment", {"json": {"text": f"{FAILING} {'long ' * 1_000}"}}),
    ("/sentiment/batch", {"json": {"texts": ["good", FAILING]}}),
]


def forms_of(secret: bytes) -> set[bytes]:
    """As a log may have it."""
    return {secret, secret.hex().encode(), b64encode(secret)[:-4], repr(secret).encode()}


def told(service: RunningService) -> bytes:
    """All that the service has told anyone but whoever asked, when all of it is written."""
    request_id = uuid4().hex
    headers = {"X-Request-ID": request_id}
    metrics = httpx.get(f"{service.url}/metrics", headers=headers, timeout=DEADLINE).content
    service.request(request_id)
    return Path(service._log.name).read_bytes() + metrics


def check_nothing_is_told(service: RunningService) -> None:
    everything = told(service)
    for secret in (*forms_of(MARK.encode()), *forms_of(PIXELS[40:80])):
        assert secret not in everything
    assert b"Traceback" not in everything, "nobody but the log writes"
    for line in everything.split(b"\n# HELP")[0].splitlines():
        assert json.loads(line)["event"] in {"request", "message"}


@pytest.mark.parametrize(("method", "path", "how"), REQUESTS)
def test_what_is_asked_is_not_told(
    careless: RunningService, method: str, path: str, how: dict[str, Any]
) -> None:
    response = httpx.request(method, f"{careless.url}{path}", timeout=DEADLINE, **how)
    assert response.status_code < 500
    if response.status_code >= 400:
        assert MARK not in response.text
    check_nothing_is_told(careless)


@pytest.mark.parametrize(("path", "how"), FAILURES)
def test_what_the_service_fails_on_is_not_told_but_where_it_failed_is(
    careless: RunningService, path: str, how: dict[str, Any]
) -> None:
    request_id = uuid4().hex
    headers = {"X-Request-ID": request_id}
    response = httpx.post(f"{careless.url}{path}", headers=headers, timeout=DEADLINE, **how)
    assert '"internal"' in response.text
    assert MARK not in response.text
    careless.request(request_id)
    failed = [each for each in careless.messages() if each.get("request_id") == request_id]
    assert failed
    assert {"ExceptionGroup", "KeyError", "ValueError", "UnicodeDecodeError"} <= {
        error["type"] for each in failed for error in each["exception"]
    }
    assert "sitecustomize:" in failed[0]["exception"][0]["stack"][-1]
    check_nothing_is_told(careless)


@pytest.mark.parametrize(
    "sent",
    [
        f"{MARK} {MARK}\r\n\r\n",
        f"{MARK} / HTTP/1.1\r\n\r\n",
        f"GET /{MARK} HTTP/9.{MARK}\r\n\r\n",
        f"GET / HTTP/1.1\r\n{MARK}\r\n\r\n",
        f"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: {MARK}\r\nHost: x\r\n\r\n",
        f"POST /sentiment HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{MARK}",
        f"POST /sentiment HTTP/1.1\r\nContent-Length: 99\r\n\r\n{MARK}",
    ],
)
def test_what_is_no_http_or_breaks_off_is_not_told(careless: RunningService, sent: str) -> None:
    with careless.connect() as connection:
        connection.sendall(sent.encode())
        connection.shutdown(1)
        while connection.recv(1_000):
            continue
    eventually(lambda: careless.process.poll() is None)
    check_nothing_is_told(careless)
