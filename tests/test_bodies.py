"""Bodies are bounded together, and whoever is refused is told when there will be room."""

from __future__ import annotations

import pytest

from service.errors import Overloaded
from service.exchange import Bodies


def refused(bodies: Bodies, size: int) -> int:
    """Milliseconds to wait, of a body that is one too many."""
    with pytest.raises(Overloaded) as refusal:
        bodies.hold(size, size)
    bodies.let_go(size, 0)  # as what is refused ends, too
    assert refusal.value.retry_after_ms is not None
    return refusal.value.retry_after_ms


def filled(seconds: float) -> Bodies:
    """Full by half, after so much that each byte was held for `seconds`."""
    bodies = Bodies(1000, 1000)
    for _ in range(100):
        bodies.hold(500, 500)
        bodies.let_go(500, seconds)
    bodies.hold(500, 500)
    return bodies


def test_there_is_room_for_all_that_fits_and_for_no_byte_more() -> None:
    bodies = filled(1)
    bodies.hold(500, 500)
    assert refused(bodies, 1) >= 1
    bodies.let_go(1, 1)
    bodies.hold(1, 1)


def test_the_longer_bodies_are_held_the_longer_is_the_wait() -> None:
    waits = [refused(filled(seconds), 600) for seconds in (0.1, 1, 10)]
    assert waits == sorted(waits)
    assert waits[0] * 50 < waits[-1]


def test_the_more_is_too_much_the_longer_is_the_wait() -> None:
    waits = [refused(filled(1), size) for size in (501, 600, 1000)]
    assert len(set(waits)) == 3
    assert waits == sorted(waits)
