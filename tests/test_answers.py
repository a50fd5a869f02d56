"""Right answers over HTTP, and the same bytes in whatever company an input travels."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime
import pytest
from PIL import Image

from service.contract.probabilities import row_probabilities
from service.contract.text import pad
from tests.answers import raw_probabilities
from tests.committed import Committed, committed
from tests.running import DEADLINE, RunningService
from training.datasets import Digits, read_idx, read_reviews
from training.golden import GOLDEN_TEXTS, as_bytes, draw_digit, golden_images

CLIENTS = 4
REVIEWS = 300


def connect(service: RunningService) -> httpx.Client:
    """A client with a connection of its own, which it keeps."""
    return httpx.Client(base_url=service.url, timeout=DEADLINE)


def form(pictures: Sequence[bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("images", ("a.png", picture)) for picture in pictures]


def ask_text(client: httpx.Client, text: str) -> httpx.Response:
    return client.post("/sentiment", json={"text": text})


def ask_texts(client: httpx.Client, texts: Sequence[str]) -> httpx.Response:
    return client.post("/sentiment/batch", json={"texts": texts})


def ask_picture(client: httpx.Client, picture: bytes) -> httpx.Response:
    return client.post("/digits", content=picture)


def ask_pictures(client: httpx.Client, pictures: Sequence[bytes]) -> httpx.Response:
    return client.post("/digits/batch", files=form(pictures))


def measured(digits: Digits, model: Committed) -> Digits:
    """The part of the test set that the manifest speaks of: all of it, but for a trial's model."""
    samples = model.manifest.test.samples
    return digits if samples == len(digits) else digits.sample(samples)


@pytest.mark.timeout(900)
def test_the_whole_of_mnist_is_answered_as_right_as_the_manifest_says(
    service: RunningService, models_dir: Path, data_dir: Path
) -> None:
    images, labels = (
        read_idx(data_dir / "mnist" / f"t10k-{part}-ubyte.gz")
        for part in ("images-idx3", "labels-idx1")
    )
    model = committed(models_dir, "digits")
    digits = measured(Digits(images, labels.astype(np.int64)), model)
    uploads = [as_bytes(Image.fromarray(image)) for image in digits.images]
    answered = np.full(len(uploads), -1)

    def one_by_one(places: list[int]) -> None:
        with connect(service) as client:
            for place in places:
                answered[place] = ask_picture(client, uploads[place]).json()["label"]

    def in_bulk(places: list[int]) -> None:
        with connect(service) as client:
            for start in range(0, len(places), 256):
                chosen = places[start : start + 256]
                results = ask_pictures(client, [uploads[place] for place in chosen]).json()
                answered[chosen] = [answer["label"] for answer in results["results"]]

    every = list(range(len(uploads)))
    alone, together = every[::4], [place for place in every if place % 4]
    with ThreadPoolExecutor(2 * CLIENTS) as clients:
        work = [clients.submit(one_by_one, alone[i::CLIENTS]) for i in range(CLIENTS)]
        work += [clients.submit(in_bulk, together[i::CLIENTS]) for i in range(CLIENTS)]
        for each in work:
            each.result()
    assert int((answered == digits.labels).sum()) == model.manifest.test.correct


@pytest.mark.timeout(900)
def test_reviews_are_answered_exactly_as_the_graph_answers_each_alone(
    service: RunningService, models_dir: Path, data_dir: Path
) -> None:
    model = committed(models_dir, "sentiment")
    encoder = model.encoder()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    graph = onnxruntime.InferenceSession(
        model.folder / model.manifest.serves, options, providers=["CPUExecutionProvider"]
    )

    def expected(text: str) -> dict[str, Any]:
        encoded = encoder.encode(text)
        [logits] = graph.run(["logits"], {**pad([encoded.ids])})
        odds = row_probabilities(logits[0].tolist(), model.manifest.calibration.temperature)
        return {
            "label": model.manifest.labels[int(np.argmax(odds))],
            "confidence": max(odds),
            "probabilities": dict(zip(model.manifest.labels, odds, strict=True)),
            "tokens": encoded.tokens,
            "truncated": encoded.truncated,
            "unknown_fraction": encoded.unknown_fraction,
        }

    texts = read_reviews(data_dir / "imdb" / "test.csv.xz").sample(REVIEWS).texts
    half = REVIEWS // 2
    with connect(service) as client, ThreadPoolExecutor(CLIENTS) as clients:
        bulk = clients.submit(ask_texts, client, texts[half:])
        answers = list(clients.map(lambda text: ask_text(client, text).json(), texts[:half]))
        answers += bulk.result().json()["results"]
    for text, answer in zip(texts, answers, strict=True):
        right = expected(text)
        assert {name: answer[name] for name in right} == right


@pytest.mark.parametrize("size", [2, 7, 16, 64])
def test_a_text_gets_the_same_bytes_in_bulk_with_longer_mates(
    client: httpx.Client, size: int
) -> None:
    words = " ".join(GOLDEN_TEXTS).split()[:100]
    text = " ".join(words)
    longer = [" ".join(words + words[: 1 + i % 20]) for i in range(size - 2)]
    much_longer = " ".join(words * 12)
    alone = raw_probabilities(ask_text(client, text))
    mates = [*longer, much_longer]
    sizes = set()
    for place in {0, size // 2, size - 1}:
        response = ask_texts(client, [*mates[:place], text, *mates[place:]])
        assert [raw_probabilities(response)[place]] == alone
        sizes.add(response.headers["server-timing"].partition("batch;desc=")[2])
    if longer:  # else the batch is rightly split in two; by what runs took, others may be, too
        assert sizes != {'"1"'}


@pytest.mark.parametrize("size", [2, 7, 16, 64])
def test_a_picture_gets_the_same_bytes_in_bulk(client: httpx.Client, size: int) -> None:
    pictures = [as_bytes(draw_digit(i % 10, pen=6 + i % 9)) for i in range(size)]
    alone = [raw_probabilities(ask_picture(client, picture))[0] for picture in pictures]
    assert raw_probabilities(ask_pictures(client, pictures)) == alone
    response = ask_pictures(client, pictures[::-1])
    assert raw_probabilities(response) == alone[::-1]
    if size > 2:  # two may cost as much together as one after the other
        assert not response.headers["server-timing"].endswith('batch;desc="1"')


@pytest.mark.timeout(600)
def test_concurrent_mixed_load_changes_no_byte_of_any_answer(
    client: httpx.Client, service: RunningService
) -> None:
    texts = [*GOLDEN_TEXTS, *(" ".join(text.split()[:5]) for text in GOLDEN_TEXTS), ""]
    pictures = golden_images()
    moods = [raw_probabilities(ask_text(client, text))[0] for text in texts]
    digits = [raw_probabilities(ask_picture(client, picture))[0] for picture in pictures]

    def mixed(seed: int) -> None:
        """Asks for a random part of all inputs in a random way, again and again."""
        rng = np.random.default_rng(seed)
        with connect(service) as own:
            for turn in range(20):
                some = rng.integers(0, len(texts if turn % 2 else pictures), rng.integers(1, 9))
                expected = [(moods if turn % 2 else digits)[i] for i in some]
                if turn % 2:
                    many = ask_texts(own, [texts[i] for i in some])
                    one = ask_text(own, texts[some[0]])
                else:
                    many = ask_pictures(own, [pictures[i] for i in some])
                    one = ask_picture(own, pictures[some[0]])
                assert raw_probabilities(many) == expected
                assert raw_probabilities(one) == expected[:1]

    with ThreadPoolExecutor(8) as clients:
        list(clients.map(mixed, range(8)))
