"""How hard the service is driven in the course of a run, and when requests are due."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

STEPS = 20  # of a ramp


def _steady(share: float) -> float:  # noqa: ARG001
    return 1.0


def _ramp(share: float) -> float:
    return (int(share * STEPS) + 1) / STEPS


def _spike(share: float) -> float:
    return 1.0 if 0.4 <= share < 0.6 else 0.1


def _soak(share: float) -> float:
    return min(1.0, 0.2 + 8 * share)


SHAPES: dict[str, Callable[[float], float]] = {
    "steady": _steady,  # all the time the same
    "ramp": _ramp,  # more and more, in equal steps, until the SLO breaks
    "spike": _spike,  # a tenth, then all at once for a fifth of the time, then a tenth again
    "soak": _soak,  # up within a tenth of the time, so that nothing is shed, and then steady
}


def level(shape: str, second: float, duration: float) -> float | None:
    """Which share of the users and of the arrival rate there is, from 0 to 1; None when it is
    over."""
    share = second / duration
    return SHAPES[shape](min(share, 1 - 1e-9)) if share < 1 else None


def due_times(rate: Callable[[float], float | None], chance: random.Random) -> Iterator[float]:
    """Seconds from the start at which requests are due: a Poisson process of `rate` a second,
    which may change with time, and which ends where it is None."""
    second = 0.0
    while (now := rate(second)) is not None:
        second += chance.expovariate(now)
        yield second
