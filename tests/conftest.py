"""What tests share: the committed models, real data where it is, and a running service."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.running import ROOT, RunningService
from tests.shelf import copy_served, link_all


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The committed models."""
    return ROOT / "models"


@pytest.fixture(scope="session")
def served_models(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("served") / "models"
    copy_served(models_dir, copy)
    return copy


@pytest.fixture
def models(served_models: Path, tmp_path: Path) -> Path:
    """A copy of the models to damage: version 1 of each is what really serves."""
    return link_all(served_models, tmp_path / "models")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder with mnist/ and imdb/; where it is, no test that needs it is skipped."""
    named = os.environ.get("DATA_DIR")
    places = [Path(named)] if named else [ROOT / ".data", ROOT.parent / "shared" / "data"]
    for folder in places:
        if (folder / "mnist").is_dir() and (folder / "imdb").is_dir():
            return folder
    if named:
        pytest.fail(f"DATA_DIR is {named}, which holds no mnist/ and imdb/")
    pytest.skip("no real data: set DATA_DIR to a folder made by python -m training.data")


@pytest.fixture(scope="session")
def service() -> Iterator[RunningService]:
    """The service with the committed models, as its own process, over real HTTP; patient, so that
    a test which asks for much at a time does not depend on the speed of the machine."""
    with RunningService(patient=True) as running:
        yield running


@pytest.fixture
def client(service: RunningService) -> Iterator[httpx.Client]:
    """Talks to `service`."""
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield client
