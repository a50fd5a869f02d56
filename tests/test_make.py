"""What the README tells a newcomer to type."""

from __future__ import annotations

import re
import signal
import subprocess

import httpx

from tests.running import DEADLINE, ROOT


def test_make_serve_listens_answers_and_ends_cleanly() -> None:
    with subprocess.Popen(
        ["make", "serve", "PORT=0"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as make:
        assert make.stdout is not None
        lines = iter(make.stdout.readline, "")
        url = next(found[0] for line in lines if (found := re.search(r"http://\S+?:\d+", line)))
        picture = (ROOT / "tests" / "seven.png").read_bytes()
        assert httpx.post(f"{url}/digits", content=picture, timeout=DEADLINE).json()["label"] == 7
        make.send_signal(signal.SIGTERM)
        make.communicate(timeout=DEADLINE)
    try:
        httpx.get(f"{url}/health/live", timeout=DEADLINE)
    except httpx.TransportError:
        return
    raise AssertionError("the service outlived make")
