"""What runs cost: learned from what they took, and used to put batches together."""

from __future__ import annotations

from collections.abc import Sequence

GAIN = 0.02
"""Weight of the latest measurement, once there have been some: the last hundred or so count."""

OUTLIER = 3.0
"""A measurement of more than this many times what was predicted counts as that many."""

HOPE = 1 / 700
"""How much cheaper than known a batch size is believed to have become, with each run of another: so
it is tried again, the sooner the better it was, and what was slow once is not given up for ever."""

WORTHWHILE = 0.97
"""A larger batch must cost at most this share of a smaller one, measured by its rows alone."""


class Line:
    """Seconds as `fixed * count + rate * size`: least squares over what was measured lately."""

    def __init__(self) -> None:
        self.fixed = self.rate = 0.0
        self.samples = 0
        self._size = self._seconds = 0.0  # means, per count
        self._size_size = self._size_seconds = 0.0  # of their products

    def seconds(self, count: float, size: float) -> float:
        """0 before anything was learned."""
        return self.fixed * count + self.rate * size

    def learn(self, count: int, size: float, seconds: float, gain: float = GAIN) -> None:
        """Take in one measurement; `size` above 0."""
        if self.samples > 1:
            seconds = min(seconds, OUTLIER * self.seconds(count, size))
        self.samples += 1
        gain = max(gain, 1 / self.samples)
        x, y = size / count, seconds / count
        self._size += gain * (x - self._size)
        self._seconds += gain * (y - self._seconds)
        self._size_size += gain * (x * x - self._size_size)
        self._size_seconds += gain * (x * y - self._size_seconds)
        spread = self._size_size - self._size**2
        slope = self._seconds / self._size
        if spread > 1e-3 * self._size**2:
            rate = (self._size_seconds - self._size * self._seconds) / spread
        else:  # sizes too much alike to tell what is due to them
            rate = self.rate if self.samples > 1 else slope / 2
        self.rate = min(max(rate, 0.0), slope)
        self.fixed = max(0.0, self._seconds - self.rate * self._size)


class RunCost:
    """Seconds of a run by its rows and the size of its largest, for up to `max_batch` rows.

    Rows are counted in powers of two, each with an estimate of its own, so that it is found out
    where larger batches stop to pay.
    """

    def __init__(self, max_batch: int) -> None:
        steps = (max_batch - 1).bit_length() + 1
        self._lines = [Line() for _ in range(steps)]
        self._nearest: list[Line | None] = [None] * steps  # that something is known of
        self._hopes = [1.0] * steps

    def seconds(self, rows: int, largest: float) -> float:
        """Unknown batch sizes are taken to be like smaller ones; before anything was learned, runs
        cost next to nothing, and one of many rows no more than its largest."""
        step = (rows - 1).bit_length()
        line = self._nearest[step]
        return line.seconds(1, rows * largest) * self._hopes[step] if line else 1e-9 * largest

    def learn(self, rows: int, largest: float, seconds: float) -> None:
        """Take in what a run took; the more, the longer there was none of its size."""
        step = (rows - 1).bit_length()
        line = self._lines[step]
        line.learn(1, rows * largest, seconds, gain=max(GAIN, 1 - self._hopes[step]))
        self._hopes = [(1 - HOPE) * hope for hope in self._hopes]
        self._hopes[step] = 1.0
        if line.samples == 1:
            self._nearest = [self._known_near(each) for each in range(len(self._lines))]

    def _known_near(self, step: int) -> Line | None:
        """The line of this batch size; as long as that is unknown, of a smaller or larger one."""
        lines = (*self._lines[step::-1], *self._lines[step + 1 :])
        return next((line for line in lines if line.samples), None)


def cheapest_batch(
    sizes: Sequence[float],
    leader: int,
    cost: RunCost,
    *,
    max_batch: int,
    max_padded: float,
    patience: float,
) -> tuple[int, int]:
    """Start and end of the neighbours among `sizes` to run together, the leader among them.

    `sizes` ascend. Of all such runs of at most `max_batch` rows, `max_padded` in size with padding
    and `patience` seconds, it is the one that saves most compared with each row alone, which weighs
    padding against what larger batches save. The leader alone is always possible.
    """
    alone = [cost.seconds(1, size) for size in sizes]
    best, price = (leader, leader + 1), 1.0
    count = len(sizes)
    rows = 1
    while rows < min(max_batch, count):
        rows = min(2 * rows, max_batch, count)
        found, lowest = best, price * WORTHWHILE
        for start in range(max(0, leader - rows + 1), min(leader, count - rows) + 1):
            largest = sizes[start + rows - 1]
            if rows * largest > max_padded:
                break
            seconds = cost.seconds(rows, largest)
            each = seconds / sum(alone[start : start + rows])
            if seconds <= patience and each < lowest:
                found, lowest = (start, start + rows), each
        if found != best:
            best, price = found, lowest
    return best
