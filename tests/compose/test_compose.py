"""docker-compose.yml, built and run: make test-compose. Needs a container engine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from loadtest.inputs import draw_digits, write_reviews
from tests.running import DEADLINE, ROOT

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1200)]

BUILD_DEADLINE = 1000  # seconds, of which most go to downloads

STATUS = """
print(next(line.split()[1] for line in open('/proc/1/status') if line.startswith({!r})))
"""


class Deployment:
    """The service as docker-compose.yml runs it, on a free port and under a name of its own."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {**os.environ, "PORT": str(port)}

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
        return self.docker(
            "compose", "--project-name", "moodigit-test", *command, deadline=deadline
        )

    def python(self, program: str) -> str:
        """What a program prints inside the running container."""
        return self.compose("exec", "-T", "moodigit", "python", "-c", program)

    def container(self) -> dict[str, Any]:
        """What the engine knows of the container."""
        name = self.compose("ps", "--all", "--quiet", "moodigit")
        [known] = json.loads(self.docker("inspect", name))
        return dict(known)

    def answers(self) -> None:
        """Both endpoints answer, and rightly."""
        for picture in draw_digits(10):
            answer = httpx.post(f"{self.url}/digits", content=picture.file, timeout=DEADLINE)
            assert answer.json()["label"] == picture.label, answer.text
        for review in write_reviews(10, sentences=3):
            answer = httpx.post(
                f"{self.url}/sentiment", json={"text": review.text}, timeout=DEADLINE
            )
            assert answer.json()["label"] == review.label, answer.text


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """Built, started, healthy; taken down at the end."""
    try:
        subprocess.run(["docker", "compose", "ls"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.fail(f"no container engine with docker compose answers here: {error}")
    running = Deployment()
    running.compose("build", deadline=BUILD_DEADLINE)
    try:
        running.compose("up", "--detach", "--wait", "--wait-timeout", "120", deadline=3 * DEADLINE)
        yield running
    finally:
        running.compose("down", "--volumes", "--remove-orphans")


def test_it_becomes_healthy_and_answers(deployment: Deployment) -> None:
    assert deployment.container()["State"]["Health"]["Status"] == "healthy"
    deployment.answers()


def test_it_takes_uploads_that_go_through_its_temporary_folder(deployment: Deployment) -> None:
    picture = draw_digits(1)[0]
    large = picture.file + bytes(2 * 2**20)  # after its end a PNG, JPEG or WEBP may have anything
    answer = httpx.post(f"{deployment.url}/digits", files={"image": large}, timeout=DEADLINE)
    assert answer.json()["label"] == picture.label, answer.text


def test_it_is_not_root_and_can_write_nothing_but_its_temporary_folder(
    deployment: Deployment,
) -> None:
    assert int(deployment.python("import os; print(os.getuid())")) > 0
    attempt = "import pathlib\ntry: pathlib.Path({!r}, 'x').touch()\nexcept OSError as e: print(e)"
    for folder in ("/", "/app", "/app/models", "/venv", "/var/tmp"):  # noqa: S108
        assert "Read-only file system" in deployment.python(attempt.format(folder)), folder
    assert deployment.python(attempt.format("/tmp")) == ""  # noqa: S108
    assert int(deployment.python(STATUS.format("CapEff")), 16) == 0
    assert int(deployment.python(STATUS.format("NoNewPrivs"))) == 1


def test_it_holds_neither_torch_nor_what_it_was_made_with(deployment: Deployment) -> None:
    found = "from importlib.util import find_spec; print(bool(find_spec({!r})))"
    for package in ("torch", "training", "tests", "locust"):
        assert deployment.python(found.format(package)) == "False", package


def test_it_is_started_again_when_its_process_is_killed(deployment: Deployment) -> None:
    before = deployment.container()
    # What docker kill ends is meant to stay ended, so a process of another container does it.
    deployment.docker(
        *("run", "--rm", "--pid", "host", "--user", "0", "moodigit", "python", "-c"),
        f"import os, signal; os.kill({before['State']['Pid']}, signal.SIGKILL)",
    )
    give_up = time.monotonic() + 2 * DEADLINE
    while (now := deployment.container())["State"].get("Health", {}).get("Status") != "healthy" or (
        now["State"]["StartedAt"] == before["State"]["StartedAt"]
    ):
        assert time.monotonic() < give_up, now["State"]
        time.sleep(0.5)
    assert now["Id"] == before["Id"]
    assert now["RestartCount"] == before["RestartCount"] + 1
    deployment.answers()


def test_it_stops_by_itself_when_told_to(deployment: Deployment) -> None:
    deployment.compose("stop")
    assert deployment.container()["State"]["ExitCode"] == 0
