"""What runs cost: learned from what they took, and used to put batches together."""

from __future__ import annotations

from collections.abc import Sequence

GAIN = 0.1
"""Weight of the latest run in the estimates, once there have been some."""

OUTLIER = 3.0
"""A run that takes more than this many times what was predicted counts as if it took so many."""

DRIFT = 1 / 500
"""How fast, by runs of other batch sizes, the estimate of one that is not run becomes hopeful."""

HOPE = 0.9
"""What a batch size that has not been run for long is believed to cost, compared with those that
are, so that it is tried again: what was slow once need not be slow for ever."""

WORTHWHILE = 0.98
"""A larger batch must cost at most this share of a smaller one, row for row."""


class Line:
    """Seconds as `fixed * count + rate * size`, by normalised least mean squares (Widrow, Hoff)."""

    def __init__(self) -> None:
        self.fixed = self.rate = 0.0
        self.samples = 0
        self._typical = 0.0  # size per count, which tells how much of an error is whose

    def seconds(self, count: float, size: float) -> float:
        """0 before anything was learned."""
        return self.fixed * count + self.rate * size

    def learn(self, count: int, size: float, seconds: float) -> None:
        """Take in one measurement; `size` above 0."""
        self.samples += 1
        gain = max(GAIN, 1 / self.samples)
        self._typical += gain * (size / count - self._typical)
        predicted = self.seconds(count, size)
        if self.samples > 1 / GAIN:
            seconds = min(seconds, OUTLIER * predicted)
        ours = (count * self._typical) ** 2
        share = gain * (seconds - predicted) / (ours + size**2)
        self.fixed = max(0.0, self.fixed + share * ours / count)
        self.rate = max(0.0, self.rate + share * size)


class RunCost:
    """Seconds of a run by its rows and the size of its largest, for up to `max_batch` rows.

    Rows are counted in powers of two, each with an estimate of its own, so that it is found out
    where larger batches stop to pay.
    """

    def __init__(self, max_batch: int) -> None:
        steps = (max_batch - 1).bit_length() + 1
        self._lines = [Line() for _ in range(steps)]
        self._nearest: list[Line | None] = [None] * steps  # that something is known of

    def seconds(self, rows: int, largest: float) -> float:
        """Unknown batch sizes are taken to be like smaller ones; before anything was learned, runs
        cost next to nothing, and one of many rows no more than its largest."""
        line = self._nearest[(rows - 1).bit_length()]
        return line.seconds(1, rows * largest) if line else 1e-9 * largest

    def learn(self, rows: int, largest: float, seconds: float) -> None:
        """Take in what a run took."""
        step = (rows - 1).bit_length()
        run = self._lines[step]
        run.learn(1, rows * largest, seconds)
        if run.samples == 1:
            self._nearest = [self._known_near(each) for each in range(len(self._lines))]
        for line in self._lines:
            if line is not run and line.samples:
                line.rate += DRIFT * (HOPE * run.rate - line.rate)

    def _known_near(self, step: int) -> Line | None:
        """The line of this batch size or, as long as that is unknown, of a smaller or larger one."""
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
    and `patience` seconds, it is the one that costs least per size of its rows, which weighs
    padding against what larger batches save. The leader alone is always possible.
    """
    best, price = (leader, leader + 1), cost.seconds(1, sizes[leader]) / sizes[leader]
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
            each = seconds / sum(sizes[start : start + rows])
            if seconds <= patience and each < lowest:
                found, lowest = (start, start + rows), each
        if found != best:
            best, price = found, lowest
    return best
