"""What the service tells of itself at /metrics, for all of its worker processes together.

prometheus_client keeps the numbers of each process in files (PROMETHEUS_MULTIPROC_DIR, which the
supervisor sets), so that any worker can add them up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from prometheus_client import Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from service import counters

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
ROWS = (1, 2, 4, 8, 16, 32)

REQUESTS = Counter(
    "moodigit_requests",
    "Requests answered; outcome is ok, the code of the error, or gone: the client left or was late",
    ["route", "model", "outcome"],
)
KEY_REQUESTS = Counter(
    "moodigit_key_requests",
    "Requests answered by the name of the key that they came with; outcome as above",
    ["key", "outcome"],
)
TOTAL = Histogram(
    "moodigit_request_seconds",
    "From the head of a request to its answer",
    ["route"],
    buckets=SECONDS,
)
QUEUE = Histogram(
    "moodigit_queue_seconds",
    "What a row waited for its run",
    ["model", "stage"],
    buckets=SECONDS,
)
RUN = Histogram(
    "moodigit_run_seconds",
    "What a run took: an inference, or the decoding of an upload",
    ["model", "stage"],
    buckets=SECONDS,
)
LANES = Gauge(
    "moodigit_run_lanes",
    "Runs that can take place at a time; all are busy when run_seconds grow by as much per second",
    ["model", "stage"],
    multiprocess_mode="livesum",
)
BATCH = Histogram("moodigit_batch_rows", "Rows of a run", ["model", "stage"], buckets=ROWS)
SIZE = Counter(
    "moodigit_size",
    "Sizes of the rows run, in units of their kind: pictures, tokens, pixels or characters",
    ["model", "stage"],
)
PADDING = Counter(
    "moodigit_padding",
    "Sizes run beside those of the rows, since a run takes each row for as large as its largest",
    ["model", "stage"],
)
DISPATCHES = Counter(
    "moodigit_dispatches",
    "Batches begun; reason is idle (nothing is left waiting), full (more wait), or deadline (rows "
    "of bulk calls that could wait no longer)",
    ["model", "stage", "reason"],
)
WAITING_ROWS = Gauge(
    "moodigit_queue_rows",
    "Rows that wait for a run",
    ["model", "stage"],
    multiprocess_mode="livesum",
)
WAITING_SECONDS = Gauge(
    "moodigit_queue_predicted_seconds",
    "Work that waits, as predicted, in the worker that has most",
    ["model", "stage"],
    multiprocess_mode="livemax",
)
REFUSED = Counter(
    "moodigit_refused",
    "Calls refused for overload; reason is deadline, queue_full or memory",
    ["model", "stage", "reason"],
)
EXPIRED = Counter(
    "moodigit_expired", "Rows whose deadline passed before their answer", ["model", "stage"]
)
CANCELLED = Counter(
    "moodigit_cancelled_before_run", "Rows whose client left before they ran", ["model", "stage"]
)
RELOADS = Counter(
    "moodigit_reloads",
    "Times that all models were to be loaded anew; outcome is ok, or failed where nothing changed",
    ["outcome"],
)
RESTARTS = Counter(
    "moodigit_worker_restarts", "Workers that were started in place of one that had died"
)
MODELS = Gauge(
    "moodigit_model_info",
    "1 for each version that serves",
    ["model", "version", "file"],
    multiprocess_mode="livemax",
)
LOST_LINES = Counter(
    "moodigit_log_lines_dropped",
    "Lines of the log that could not be written: a full disk, or a reader that does not read",
)


COUNTED = {
    "restart": RESTARTS.inc,
    "reload_ok": RELOADS.labels("ok").inc,
    "reload_failed": RELOADS.labels("failed").inc,
}
"""What the supervisor sees, and one of the workers counts for it."""


@cache
def _of_request(route: str, outcome: str) -> tuple[Callable[[], None], Callable[[float], None]]:
    model = route.split("/")[1] if route.startswith(("/digits", "/sentiment")) else "none"
    return REQUESTS.labels(route, model, outcome).inc, TOTAL.labels(route).observe


def count_request(route: str, outcome: str, seconds: float | None) -> None:
    """A request has been answered, or its client is gone; None for one that took no time at all."""
    count, observe = _of_request(route, outcome)
    count()
    if seconds is not None:
        observe(seconds)


@cache
def _of_key(key: str, outcome: str) -> Callable[[], None]:
    return KEY_REQUESTS.labels(key, outcome).inc


def count_key(key: str, outcome: str) -> None:
    """A request with this key has been answered, or its client is gone."""
    _of_key(key, outcome)()


class QueueMetrics:
    """What one batcher tells."""

    def __init__(self, model: str, stage: str) -> None:
        """`stage` is decode, decode_large, split or infer."""
        labels = (model, stage)
        self._stage = stage
        self._queue = QUEUE.labels(*labels)
        self._run = RUN.labels(*labels)
        self.lanes = LANES.labels(*labels).set
        self._batch = BATCH.labels(*labels)
        self._size = SIZE.labels(*labels)
        self._padding = PADDING.labels(*labels)
        self._dispatches = {
            reason: DISPATCHES.labels(*labels, reason) for reason in ("idle", "full", "deadline")
        }
        self._waiting_rows = WAITING_ROWS.labels(*labels)
        self._waiting_seconds = WAITING_SECONDS.labels(*labels)
        self._refused = {
            reason: REFUSED.labels(*labels, reason)
            for reason in ("deadline", "queue_full", "memory")
        }
        self.expired = EXPIRED.labels(*labels).inc
        self.cancelled = CANCELLED.labels(*labels).inc
        self.waited = self._queue.observe

    def dispatched(self, reason: str) -> None:
        """A batch was put together."""
        self._dispatches[reason].inc()

    def ran(self, rows: int, size: float, padded: float, seconds: float) -> None:
        """A run has ended well."""
        self._run.observe(seconds)
        self._batch.observe(rows)
        self._size.inc(size)
        if self._stage == "infer":  # inputs are decoded one by one
            self._padding.inc(padded - size)

    def waiting(self, rows: int, seconds: float) -> None:
        """What is queued now."""
        self._waiting_rows.set(rows)
        self._waiting_seconds.set(seconds)

    def refused(self, reason: str) -> None:
        """A call was turned away."""
        self._refused[reason].inc()


def exposition() -> bytes:
    """The Prometheus text format, over all processes."""
    with counters.as_they_are() as files:
        return generate_latest(_Processes(files))


class _Processes(Collector):
    def __init__(self, files: Sequence[str]) -> None:
        self._files = files

    def collect(self) -> Iterable[Metric]:
        merged: Iterable[Metric] = MultiProcessCollector.merge(self._files)  # type: ignore[no-untyped-call]
        return merged
