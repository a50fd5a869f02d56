"""What can be added to docker-compose.yml: models of one's own, load, Prometheus."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.compose.deployment import Deployment, deployed
from tests.running import DEADLINE, ROOT, eventually

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed models, and the digits once more as version 99."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(ROOT / "models", folder, dirs_exist_ok=True)
    newest = max((folder / "digits").iterdir(), key=lambda version: int(version.name))
    manifest = newest.rename(folder / "digits" / "99") / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "version": 99}))
    folder.chmod(0o755)  # whoever the container runs as
    return folder


@pytest.fixture(scope="module")
def deployment(models: Path) -> Iterator[Deployment]:
    with deployed("deploy/own-models.yml", MODELS=str(models)) as running:
        yield running


def test_it_serves_models_from_a_folder_in_place_of_its_own(deployment: Deployment) -> None:
    assert "digits/99" in deployment.answers()


def test_locust_drives_it_from_a_web_page(deployment: Deployment) -> None:
    deployment.start("loadtest", profile="loadtest")
    page = deployment.published("LOADTEST_PORT")

    def shown() -> bool:
        try:
            return "MixedDay" in httpx.get(page, timeout=DEADLINE).text
        except httpx.TransportError:
            return False

    eventually(shown)
    asked = {"user_count": "5", "spawn_rate": "5", "user_classes": "MixedDay"}
    assert httpx.post(f"{page}/swarm", data=asked, timeout=DEADLINE).json()["success"]

    def driven() -> dict[str, Any] | None:
        stats = httpx.get(f"{page}/stats/requests", timeout=DEADLINE).json()
        [total] = [row for row in stats["stats"] if row["name"] == "Aggregated"]
        return dict(stats) if total["num_requests"] > 100 else None

    assert eventually(driven)["errors"] == []


def test_prometheus_finds_it_and_the_rules(deployment: Deployment) -> None:
    image = deployment.services()["prometheus"]["image"]
    for command in ("inspect", "pull"):
        had = subprocess.run(["docker", "image", command, image], capture_output=True, check=False)
        if had.returncode == 0:
            break
    else:
        pytest.skip(
            f"the image {image} cannot be had here, so Prometheus is not run as a container"
        )
    deployment.start("prometheus", profile="monitoring")
    api = f"{deployment.published('PROMETHEUS_PORT')}/api/v1"

    def asked() -> str | None:
        try:
            answer = httpx.get(f"{api}/targets", timeout=DEADLINE).raise_for_status()
        except httpx.HTTPError:  # it is not there yet, or not ready
            return None
        targets = answer.json()["data"]["activeTargets"]
        return "".join(target["health"] for target in targets if target["health"] != "unknown")

    assert eventually(asked) == "up"
    [group] = httpx.get(f"{api}/rules", timeout=DEADLINE).json()["data"]["groups"]
    assert group["name"] == "moodigit"
