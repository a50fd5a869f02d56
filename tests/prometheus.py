"""A real Prometheus with the project's configuration, as the tests of monitoring need it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import pytest

from tests.running import DEADLINE, ROOT, eventually

DEPLOY = ROOT / "deploy"
INTERVAL = "1s"  # between scrapes, in place of the configured one


def program(name: str) -> str:
    """Where `prometheus` or `promtool` is; fails where it is not."""
    if not (found := shutil.which(name)):
        pytest.fail(f"{name} is not installed: apt-get install prometheus")
    return found


def promtool(*words: str, text: bytes | None = None) -> None:
    """Run it in deploy/; fails with what it has to say."""
    process = subprocess.run(
        [program("promtool"), *words], cwd=DEPLOY, input=text, capture_output=True, check=False
    )
    said = (process.stdout + process.stderr).decode()
    assert process.returncode == 0, said
    if words[:2] == ("check", "metrics"):
        assert said == ""  # advice comes with status 0


class RunningPrometheus:
    """Scrapes and evaluates every second; leaving the context ends it."""

    def __init__(self, target: str, folder: Path) -> None:
        """`target`, a host and port, is asked for the service; `folder` is empty."""
        config = (DEPLOY / "prometheus.yml").read_text()
        for words, others in (("moodigit:8000", target), ("15s", INTERVAL)):
            assert words in config
            config = config.replace(words, others)
        (folder / "prometheus.yml").write_text(config)
        shutil.copy(DEPLOY / "alerts.yml", folder)
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        self._log = (folder / "log").open("w")
        self._process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stderr=self._log,
        )
        self._client = httpx.Client(base_url=f"http://{address}", timeout=DEADLINE)

    def __enter__(self) -> RunningPrometheus:
        eventually(self._ready)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()
        self._process.terminate()
        self._process.wait(DEADLINE)
        self._log.close()

    def _ready(self) -> bool:
        assert self._process.poll() is None, Path(self._log.name).read_text()
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def ask(self, path: str, **query: str | float) -> Any:
        """The data of an answer of its API."""
        answer = self._client.get(f"/api/v1/{path}", params=query).json()
        assert answer["status"] == "success", f"{query}: {answer.get('error')}"
        return answer["data"]

    def series(self, expression: str, seconds: int) -> list[list[str]]:
        """The values, as text, of each series that an expression had in the last `seconds`."""
        now = time.time()
        found = self.ask(
            "query_range", query=expression, start=now - seconds, end=now, step=INTERVAL
        )
        return [[value for _, value in series["values"]] for series in found["result"]]
