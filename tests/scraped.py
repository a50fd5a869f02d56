"""What a service tells at /metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.running import DEADLINE


class Scraped:
    """The numbers of one moment, all of them samples of Prometheus."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        response = httpx.get(f"{url}/metrics", headers=headers, timeout=DEADLINE)
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        self.text = response.text

    def samples(self) -> Iterator[Sample]:
        for family in text_string_to_metric_families(self.text):
            yield from family.samples

    def value(self, name: str, **labels: str) -> float:
        """The sum of all samples with these labels; `name` without moodigit_."""
        return sum(
            sample.value
            for sample in self.samples()
            if sample.name == f"moodigit_{name}" and labels.items() <= sample.labels.items()
        )

    def labels(self) -> set[tuple[str, str]]:
        """Every label with every value that it has anywhere, but for the bounds of buckets."""
        return {
            pair for sample in self.samples() for pair in sample.labels.items() if pair[0] != "le"
        }


def grown(before: Scraped, after: Scraped, name: str, **labels: str) -> float:
    return after.value(name, **labels) - before.value(name, **labels)
