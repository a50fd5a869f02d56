"""Start the service, drive it for a while, judge it by an SLO: python -m loadtest [--help].

Exit status: 0 if the SLO was kept, 1 if it was broken, 2 if nothing could be measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import signal
import sys
import urllib.request
from contextlib import nullcontext
from datetime import UTC, datetime
from http.client import HTTPException
from importlib.metadata import version
from pathlib import Path

from loadtest.driving import drive, fail, started_service
from loadtest.kinds import KINDS, SCENARIOS
from loadtest.report import BEHIND_MS, Result, page, summary
from loadtest.shapes import SHAPES
from loadtest.slo import DEFAULT, Slo, UnreadableSlo, judge, read_slo
from loadtest.timeline import Timeline, percentile
from loadtest.watch import Sample

KEPT, BROKEN = 0, 1


def main() -> None:
    options = parse_options()
    try:
        slo = read_slo(options.slo, KINDS)
    except UnreadableSlo as error:
        fail(str(error))
    # A SIGTERM must not leave the service behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    interrupted = False
    try:
        service = nullcontext((options.url, None)) if options.url else started_service()
        with service as (url, process):
            timeline, samples, interrupted = drive(url, process, options)
            result = judged(timeline, samples, slo, options, url)
            show(result, options.report)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    if not result.kept:
        sys.exit(BROKEN)
    sys.exit(128 + signal.SIGINT if interrupted else KEPT)


def parse_options() -> argparse.Namespace:
    """url: str | None, users: int, arrivals: float, duration: seconds, shape: str, scenario: str,
    slo: Path, report: Path."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest",
        description="Drives the service as its clients would, judges every answer, and all of "
        "them by an SLO. Exit status: 0 SLO kept, 1 SLO broken, 2 nothing measured.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--url", help="a running service; by default one is started and stopped")
    parser.add_argument(
        "--users",
        type=int,
        help="that wait for their answers (default: 20, or 0 with --arrivals)",
        default=argparse.SUPPRESS,
    )
    parser.add_argument(
        "--arrivals",
        type=float,
        default=0.0,
        metavar="RATE",
        help="requests a second that wait for nobody, timed from when they are due",
    )
    parser.add_argument("--duration", type=seconds, default="30s", help="such as 30s, 5m or 2h")
    parser.add_argument("--shape", choices=SHAPES, default="steady", help="of the load over time")
    parser.add_argument("--scenario", choices=SCENARIOS, default="MixedDay", help="what is asked")
    parser.add_argument("--slo", type=Path, default=DEFAULT, help="what is asked of the service")
    parser.add_argument(
        "--report", type=Path, default=Path(".loadtest/report.html"), help="written at the end"
    )
    options = parser.parse_args()
    options.users = getattr(options, "users", 0 if options.arrivals else 20)
    if options.users < 0 or options.arrivals < 0 or not options.users + options.arrivals:
        parser.error("--users and --arrivals must not be negative, and not both 0")
    return options


def seconds(text: str) -> float:
    """Of 90s, 5m or 2h; raises ValueError."""
    found = re.fullmatch(r"(\d+)([smh]?)", text)
    if found is None or not int(found[1]):
        raise ValueError(text)
    return int(found[1]) * {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}[found[2]]


def judged(
    timeline: Timeline,
    samples: list[Sample],
    slo: Slo,
    options: argparse.Namespace,
    url: str,
) -> Result:
    remarks = [
        f"{right / asked:.2%} of {asked:,} answers to {data} test data were right; these are "
        "judged by form and sameness only."
        for data, (right, asked) in timeline.accuracy.items()
    ]
    if options.shape == "ramp":
        remarks.append(
            f"The ramp broke {timeline.broke}."
            if timeline.broke
            else "The ramp reached its end without breaking the SLO."
        )
    lag = percentile(timeline.lag, 99)
    if lag is not None and lag > BEHIND_MS:
        remarks.append(
            f"The load generator fell behind: p99 of its delays was {lag:.0f} ms. Times count from "
            "when requests were due, so part of them is its own."
        )
    users = f"{options.users} users who wait for answers" if options.users else ""
    arrivals = f"{options.arrivals:g} arrivals a second that do not" if options.arrivals else ""
    settings = {
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "service": url,
        "models": models(url),
        "load": ", ".join(filter(None, [options.scenario, options.shape, users, arrivals])),
        "planned": f"{options.duration:.0f} s",
        "SLO": options.slo.name,
        "cores": str(len(os.sched_getaffinity(0))),
        "load generator": f"locust {version('locust')}, Python {platform.python_version()}",
    }
    return Result(timeline, samples, judge(slo, timeline.kinds()), settings, remarks)


def models(url: str) -> str:
    """Which versions serve, such as digits/3, sentiment/5."""
    try:
        with urllib.request.urlopen(f"{url}/models", timeout=5) as response:  # noqa: S310
            cards = json.load(response)["models"]
            return ", ".join(f"{card['name']}/{card['version']}" for card in cards)
    except (OSError, HTTPException, ValueError, LookupError, TypeError):
        return "unknown: the service did not say"


def show(result: Result, report: Path) -> None:
    """On standard output, and as a page."""
    print(f"\n{summary(result)}\n")
    for remark in result.remarks:
        print(remark)
    for what, count in result.timeline.failures.most_common(20):
        print(f"{count:,} times {what}")
    broken = [verdict for verdict in result.verdicts if not verdict.kept]
    print("\n".join(map(str, broken)) or ("SLO kept." if result.kept else "SLO broken at the end."))
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(page(result), "utf-8")
    print(f"Report: {report}")


if __name__ == "__main__":
    main()
