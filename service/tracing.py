"""Traces of requests, sent to a collector by OTLP over HTTP; needs the extra `trace`.

Spans are made once a request has ended, out of the times that were taken anyway. They hold what the
log tells of a request, and nothing that a client sent. Variables of OpenTelemetry, such as
OTEL_EXPORTER_OTLP_HEADERS and OTEL_SERVICE_NAME, say what the service has no settings for.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Iterator, Sequence
from threading import Thread

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.exchange import Exchange
from service.timing import Timing

log = logging.getLogger(__name__)

MOST_SPANS = 4_096  # that wait for the collector: some MB
SEND_SECONDS = 5.0  # for one delivery, with all its repetitions
PATIENCE_SECONDS = 2.0  # for the last one
COMPLAINT_SECONDS = 60.0  # between two lines of the log about a collector that is down
OUT_OF_TIME = ("deadline_exceeded", "gone", "draining")

# Their own complaints would come with every request.
for chatty in ("opentelemetry", "urllib3"):
    logging.getLogger(chatty).setLevel(logging.CRITICAL)

parents = TraceContextTextMapPropagator()


class Tracing:
    """Observes the gate."""

    def __init__(self, endpoint: str, share: float) -> None:
        """Of requests without a trace of their own, this `share` is traced."""
        os.environ.setdefault("OTEL_SERVICE_NAME", "moodigit")
        self._share = share
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,  # what is not to be sampled is not begun
            resource=Resource.create({"process.pid": os.getpid()}),
            shutdown_on_exit=False,
        )
        exporter = _Patient(OTLPSpanExporter(endpoint=endpoint, timeout=SEND_SECONDS))
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=MOST_SPANS, schedule_delay_millis=1_000)
        )
        self._tracer = self._provider.get_tracer("service")

    def __call__(self, exchange: Exchange, outcome: str, seconds: float) -> None:
        """A request has ended."""
        if (parent := self._parent(exchange)) is None:
            return
        since = time.time() - time.perf_counter()  # what the one clock is ahead of the other

        def at(moment: float) -> int:
            return int((since + moment) * 1e9)

        end = exchange.began + seconds
        method, route = exchange.scope["method"], exchange.route
        server = self._tracer.start_span(
            method if route == "none" else f"{method} {route}",
            parent,
            SpanKind.SERVER,
            _attributes(exchange, outcome),
            start_time=at(exchange.began),
        )
        if exchange.status >= 500:
            server.set_status(Status(StatusCode.ERROR))
        if exchange.timing:
            within = set_span_in_context(server, Context())
            for name, first, last in steps(exchange.timing, outcome, end):
                step = self._tracer.start_span(name, within, start_time=at(first))
                step.end(at(last))
        server.end(at(end))

    def close(self) -> None:
        """Send what is left, as far as that does not take long."""
        closing = Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(PATIENCE_SECONDS)

    def _parent(self, exchange: Exchange) -> Context | None:
        """What the trace of a request goes on from; None where it is not to be traced."""
        if given := exchange.header(b"traceparent"):
            context = parents.extract({"traceparent": given}, Context())
            parent = get_current_span(context).get_span_context()
            if parent.is_valid:
                return context if parent.trace_flags.sampled else None
        return Context() if random.random() < self._share else None  # noqa: S311 - no secret


def steps(timing: Timing, outcome: str, end: float) -> Iterator[tuple[str, float, float]]:
    """Name, begin and end of each step that a request came to, of which a failed one was its last;
    for one of many rows, from the first that waits or runs to the last."""
    if not timing.began:
        return
    if not timing.decode:
        yield "decode", timing.began, end
        return
    decoded = timing.began + timing.decode
    yield "decode", timing.began, decoded
    if timing.batch:
        yield "queue", decoded, decoded + timing.queue
        yield "infer", decoded + timing.first, decoded + timing.last
    elif outcome in OUT_OF_TIME:
        yield "queue", decoded, end


def _attributes(exchange: Exchange, outcome: str) -> dict[str, str | int]:
    """By OpenTelemetry's conventions where there are any."""
    found: dict[str, str | int] = {
        "http.request.method": exchange.scope["method"],
        "http.route": exchange.route,
        "http.request.body.size": exchange.bytes_in,
        "http.response.body.size": exchange.bytes_out,
        "moodigit.request_id": exchange.request_id,
        "moodigit.outcome": outcome,
    }
    if exchange.status:
        found["http.response.status_code"] = exchange.status
    if exchange.model:
        found["moodigit.model"] = exchange.model
    if exchange.timing:
        found["moodigit.batch"] = exchange.timing.batch
    if outcome != "ok":
        found["error.type"] = outcome
    return found


class _Patient(SpanExporter):
    """Says now and then that the collector takes nothing."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._lost = 0
        self._complained = -COMPLAINT_SECONDS

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result = self._exporter.export(spans)
        except Exception:  # whatever its HTTP client makes of a strange answer
            result = SpanExportResult.FAILURE
        if result is not SpanExportResult.SUCCESS:
            self._lost += len(spans)
            if time.monotonic() - self._complained >= COMPLAINT_SECONDS:
                self._complained = time.monotonic()
                log.warning("the collector does not take traces; %d spans are lost", self._lost)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()
