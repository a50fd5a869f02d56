"""How the judge of resources tells growth from noise."""

from __future__ import annotations

import random

from tests.faults.judge import Usage, growth, leaks, slope


def test_slope_is_that_of_the_line_whatever_a_few_outliers_say() -> None:
    points = [(float(x), 3.0 * x + 7) for x in range(50)]
    points[10:14] = [(float(x), 1e6) for x in range(10, 14)]
    assert abs(slope(points) - 3) < 0.01


def test_noise_is_no_leak_and_a_leak_is_found_in_it() -> None:
    chance = random.Random(1)  # noqa: S311 - not for secrets

    def seen(leaking: float) -> list[tuple[float, Usage]]:
        """Ten minutes, a look each second."""
        return [
            (
                float(second),
                Usage(
                    megabytes=200 + chance.gauss(0, 3) + leaking * second / 60,
                    descriptors=50 + chance.randint(-5, 5),
                    threads=12,
                ),
            )
            for second in range(600)
        ]

    assert leaks(growth(seen(leaking=0))) == []
    assert leaks(growth(seen(leaking=2))) == ["megabytes"]
