"""docker-compose.yml, built and run: make test-compose. Needs a container engine."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from loadtest.inputs import draw_digits
from service.process import SPARE_SECONDS
from tests.compose.deployment import Deployment, deployed
from tests.running import DEADLINE

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1200)]

STATUS = """
print(next(line.split()[1] for line in open('/proc/1/status') if line.startswith({!r})))
"""

HELD = """
import pathlib
lines = [line for file in pathlib.Path('/proc').glob('[0-9]*/smaps_rollup')
         for line in file.read_text().splitlines() if line.startswith('Pss:')]
print(sum(int(line.split()[1]) for line in lines) * 1024)
"""


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with deployed() as running:
        yield running


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


def test_its_image_is_small(deployment: Deployment) -> None:
    image = deployment.docker("image", "inspect", "--format", "{{.Size}}", "moodigit")
    assert int(image) < 500e6


def test_it_needs_half_of_the_memory_that_it_may_have(deployment: Deployment) -> None:
    deployment.answers()
    assert int(deployment.python(HELD)) < int(deployment.services()["moodigit"]["mem_limit"]) / 2


def test_no_service_may_do_more_than_it_must(deployment: Deployment) -> None:
    services = deployment.services()
    assert services.keys() == {"moodigit", "prometheus", "grafana", "loadtest"}
    for name, service in services.items():
        assert {port["host_ip"] for port in service["ports"]} == {"127.0.0.1"}, name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
        assert int(service["mem_limit"]) > 0, name
        assert int(service["pids_limit"]) > 0, name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name


def test_it_is_given_the_time_that_it_takes_to_stop(deployment: Deployment) -> None:
    service = deployment.services()["moodigit"]
    drain = int(service["environment"]["SERVICE_DRAIN_SECONDS"])
    grace = int(service["stop_grace_period"].removesuffix("s"))
    assert grace > drain + SPARE_SECONDS


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
