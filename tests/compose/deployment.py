"""The service as docker-compose.yml runs it, on free ports and under a name of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from loadtest.inputs import draw_digits, write_reviews
from tests.running import DEADLINE, ROOT

BUILD_DEADLINE = 1000  # seconds, of which most go to downloads
PORTS = ("PORT", "PROMETHEUS_PORT", "GRAFANA_PORT", "LOADTEST_PORT")


class Deployment:
    """Commands to it, and what it answers."""

    def __init__(self, *files: str, **environment: str) -> None:
        """`files` are added to docker-compose.yml, which reads the `environment`."""
        with ExitStack() as stack:
            free = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in PORTS]
            ports = [str(each.getsockname()[1]) for each in free]
        self._environment = {**os.environ, **dict(zip(PORTS, ports, strict=True)), **environment}
        self._compose = ["compose", "--project-name", "moodigit-test"]
        for file in ("docker-compose.yml", *files):
            self._compose += ["--file", file]
        self.url = self.published("PORT")

    def published(self, port: str) -> str:
        """The address that a variable for a port stands for."""
        return f"http://127.0.0.1:{self._environment[port]}"

    def docker(self, *command: str, deadline: float = 2 * DEADLINE) -> str:
        """Output of a docker command, which must succeed."""
        process = subprocess.run(
            ["docker", *command],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=deadline,
            check=False,
        )
        if process.returncode:
            pytest.fail(f"docker {' '.join(command)}: {process.stderr[-2000:]}")
        return process.stdout.strip()

    def compose(self, *command: str, deadline: float = 2 * DEADLINE) -> str:
        """Output of a docker compose command, which must succeed."""
        return self.docker(*self._compose, *command, deadline=deadline)

    def start(self, *service: str, profile: str = "") -> None:
        """Build and start it, or one more service of a profile, and wait for its health."""
        options = ["--profile", profile] if profile else []
        self.compose(*options, "build", *service, deadline=BUILD_DEADLINE)
        waiting = ("--detach", "--wait", "--wait-timeout", "120")
        self.compose(*options, "up", *waiting, *service, deadline=3 * DEADLINE)

    def python(self, program: str) -> str:
        """What a program prints inside the running container."""
        return self.compose("exec", "-T", "moodigit", "python", "-c", program)

    def container(self) -> dict[str, Any]:
        """What the engine knows of the container."""
        name = self.compose("ps", "--all", "--quiet", "moodigit")
        [known] = json.loads(self.docker("inspect", name))
        return dict(known)

    def services(self) -> dict[str, dict[str, Any]]:
        """All that is described, with every profile."""
        described = json.loads(self.compose("--profile", "*", "config", "--format", "json"))
        return dict(described["services"])

    def answers(self) -> set[str]:
        """Both endpoints answer, and rightly; the versions that did."""
        versions = set()
        for picture in draw_digits(10):
            answer = httpx.post(f"{self.url}/digits", content=picture.file, timeout=DEADLINE)
            assert answer.json()["label"] == picture.label, answer.text
            versions.add(answer.json()["model"])
        for review in write_reviews(10, sentences=3):
            answer = httpx.post(
                f"{self.url}/sentiment", json={"text": review.text}, timeout=DEADLINE
            )
            assert answer.json()["label"] == review.label, answer.text
            versions.add(answer.json()["model"])
        return versions


@contextmanager
def deployed(*files: str, **environment: str) -> Iterator[Deployment]:
    """Built, started, healthy; taken down at the end."""
    try:
        subprocess.run(["docker", "compose", "ls"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.fail(f"no container engine with docker compose answers here: {error}")
    running = Deployment(*files, **environment)
    try:
        running.start()
        yield running
    finally:
        running.compose("--profile", "*", "down", "--volumes", "--remove-orphans")
