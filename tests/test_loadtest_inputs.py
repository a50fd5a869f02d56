"""What the load test sends: every kind of request is answered rightly by the real service."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from loadtest import kinds
from loadtest.answers import Judge
from loadtest.inputs import real_pictures, real_reviews, take_photos
from loadtest.kinds import KINDS, MAKERS, SCENARIOS, draw, one_photo
from tests.running import DEADLINE, RunningService


@pytest.fixture(autouse=True)
def _only_what_is_made(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without real data, and without what another test has made with it."""
    made = (kinds.pictures, kinds.photos, kinds.short_reviews, kinds.long_reviews)
    monkeypatch.delenv("DATA_DIR", raising=False)
    for each in made:
        each.cache_clear()
    yield
    for each in made:
        each.cache_clear()


def chance() -> random.Random:
    return random.Random(1)  # noqa: S311 - not for secrets


def check(service: RunningService, asked: kinds.Asked) -> None:
    response = httpx.post(
        service.url + asked.path,
        content=asked.body,
        headers={"Content-Type": asked.content_type},
        timeout=DEADLINE,
    )
    assert response.status_code == 200, response.text
    asked.check(response.text, Judge())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_request_is_answered_rightly(kind: str, service: RunningService) -> None:
    check(service, MAKERS[kind](kind, chance()))


def test_every_digit_of_a_photo_is_recognised(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = take_photos(10)
    assert [photo.label for photo in photos] == list(range(10))
    for photo in photos:
        picture = Image.open(io.BytesIO(photo.file))
        assert (picture.format, picture.size) == ("JPEG", (2048, 1536))
        monkeypatch.setattr(kinds, "photos", lambda photo=photo: [photo])
        check(service, one_photo("/digits photo", chance()))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_has_every_kind_in_its_share(scenario: str) -> None:
    dice, total = chance(), sum(SCENARIOS[scenario])
    drawn = [draw(scenario, dice).kind for _ in range(2000)]
    for kind, share in zip(KINDS, SCENARIOS[scenario], strict=True):
        assert drawn.count(kind) / 2000 == pytest.approx(share / total, abs=0.05), kind


def test_real_data_is_mixed_in_where_there_is_some(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(data_dir))
    for inputs in (kinds.pictures(), kinds.long_reviews()):
        assert sum(each.real for each in inputs) == 200
        assert not all(each.real for each in inputs)


def test_real_data_is_the_same_at_every_call(data_dir: Path) -> None:
    assert real_reviews(data_dir, 3) == real_reviews(data_dir, 3)
    once, again = real_pictures(data_dir, 3), real_pictures(data_dir, 3)
    assert [each.file for each in once] == [each.file for each in again]
