"""Who asks: users of digits, of sentiment, and of both on a mixed day; and arrivals, which wait
for nobody. Our options are listed by locust --help."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import Any

import gevent
from gevent.pool import Group
from locust import FastHttpUser, LoadTestShape, between, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from loadtest.answers import Judge, Wrong, refusal_seconds
from loadtest.kinds import KINDS, SCENARIOS, Asked, draw, prepare
from loadtest.running import PATIENCE, Run, authorization
from loadtest.shapes import SHAPES
from loadtest.slo import DEFAULT, read_slo
from loadtest.timeline import Outcome

REFUSED = "REFUSED"  # what locust's own table says instead of POST

judge = Judge()
chance = random.Random()
run: Run

prepare()
# That took a while, which the event loop would otherwise take off the time of the run.
gevent.get_hub().loop.update_now()


class Client(FastHttpUser):
    """Who judges each answer."""

    abstract = True
    network_timeout = connection_timeout = PATIENCE

    def ask(self, asked: Asked, due: float | None = None) -> float:
        """Seconds after which to come again: 0, unless the request was refused.

        Time counts from `due`, on time.perf_counter's clock, or else from now.
        """
        begun = time.perf_counter() if due is None else due
        outcome: Outcome = "answered"
        wait = 0.0
        with self.client.post(
            asked.path,
            data=asked.body,  # type: ignore[arg-type]  # it takes bytes, whatever it says
            headers={"Content-Type": asked.content_type, **authorization()},
            name=asked.kind,
            catch_response=True,
        ) as response:
            milliseconds = (time.perf_counter() - begun) * 1000
            response.request_meta["response_time"] = milliseconds
            try:
                if response.status_code == 503:
                    wait = refusal_seconds(response.text or "", response.headers.get("Retry-After"))
                    response.request_meta["request_type"] = REFUSED
                    response.success()
                    outcome = "refused"
                elif response.status_code == 200:
                    asked.check(response.text or "", judge)
                else:
                    outcome = "failed"
                    said = str(response.error or f"status {response.status_code}")
                    response.failure(said)
                    run.fail(asked.kind, said)
            except Wrong as wrong:
                outcome = "wrong"
                response.failure(f"wrong: {wrong}")
                run.fail(asked.kind, f"wrong: {wrong}")
        run.count(asked.kind, outcome, milliseconds)
        return wait


class Waiting(Client):
    """A user who asks the next as soon as one is answered, and comes again when told to."""

    abstract = True

    @task
    def next(self) -> None:
        time.sleep(self.ask(draw(type(self).__name__, chance)))


class MixedDay(Waiting):
    """Asks for this and that, with pauses."""

    wait_time = between(0.1, 0.5)


class Digits(Waiting):
    """Asks for digits without a pause."""


class Sentiment(Waiting):
    """Asks for the mood of texts without a pause."""


class Arrivals(Client):
    """Sends requests of --scenario when they are due, --arrivals a second on average, whether or
    not earlier ones are answered. There is only one of these."""

    fixed_count = 1
    concurrency = 2000  # connections at most

    def on_start(self) -> None:
        self._sent = Group()
        self._due = run.due_times(chance)

    @task
    def next(self) -> None:
        due = next(self._due, None)
        if due is None:
            time.sleep(0.1)  # the end is near
            return
        time.sleep(max(0.0, due - time.perf_counter()))
        self._sent.spawn(self._send, due)

    def _send(self, due: float) -> None:
        asked = draw(run.options.scenario, chance)
        run.lag((time.perf_counter() - due) * 1000)
        self.ask(asked, due)

    def on_stop(self) -> None:
        self._sent.join(PATIENCE)


class Course(LoadTestShape):
    """As many users as the shape says, second by second; it is asked once a second."""

    abstract = True  # made by `take_options`: locust's web page has its own fields

    def tick(self) -> tuple[int, float] | None:
        if run.over():
            return None
        users = run.users() + (1 if run.options.arrivals else 0)
        return users, max(users, 1)


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_options(parser: LocustArgumentParser) -> None:
    ours = parser.add_argument_group("Moodigit")
    ours.add_argument("--scenario", choices=SCENARIOS, default="MixedDay", help="of arrivals")
    ours.add_argument("--arrivals", type=float, default=0.0, help="requests a second (Poisson)")
    ours.add_argument("--shape", choices=["", *SHAPES], default="", help="without the web page")
    ours.add_argument("--seconds", type=float, default=30.0, help="that a shape takes")
    ours.add_argument("--slo", default=str(DEFAULT), help="by which a ramp ends")
    ours.add_argument("--timeline", default="", help="file for what was measured, as JSON")


@events.init.add_listener  # type: ignore[untyped-decorator]
def take_options(environment: Environment, **_: Any) -> None:
    global run
    options: Any = environment.parsed_options
    run = Run(options, read_slo(Path(options.slo), KINDS))
    if options.shape:
        environment.shape_class = Course()  # type: ignore[no-untyped-call]
        environment.shape_class.runner = environment.runner
        # Locust minds it only when a shape is over.
        gevent.signal_handler(signal.SIGTERM, run.end)


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def begin(**_: Any) -> None:
    run.begin()


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def write(environment: Environment, **_: Any) -> None:
    """The timeline; by locust's own page, a run in which nothing was answered is a failed one."""
    for data in {data for data, _ in judge.real}:
        right, other = judge.real[data, True], judge.real[data, False]
        run.timeline.accuracy[data] = (right, right + other)
    if run.options.timeline:
        Path(run.options.timeline).write_text(run.timeline.model_dump_json())
    elif not run.timeline.whole().times:
        print("No request was answered.")
        environment.process_exit_code = 1
