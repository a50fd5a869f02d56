"""Start the service, drive it for a while, stop it: python -m loadtest [--help].

Exits with 0 only if requests were answered and every answer was right.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest",
        description="Drives the service as its clients would, and judges every answer.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--url", help="a running service; by default one is started and stopped")
    parser.add_argument("--users", type=int, default=20, help="clients at a time")
    parser.add_argument("--duration", default="30s", help="such as 30s or 5m")
    parser.add_argument(
        "--scenario",
        choices=["MixedDay", "Digits", "Sentiment"],
        default="MixedDay",
        help="what they ask for",
    )
    parser.add_argument(
        "--report", type=Path, default=Path(".loadtest/report.html"), help="written at the end"
    )
    options = parser.parse_args()
    # A SIGTERM must not leave the service behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        if options.url:
            sys.exit(drive(options.url, options))
        with started_service() as url:
            status = drive(url, options)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    sys.exit(status)


def drive(url: str, options: argparse.Namespace) -> int:
    """Exit status of locust."""
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary"]
    command += ["--locustfile", str(Path(__file__).with_name("locustfile.py"))]
    command += ["--host", url, "--run-time", options.duration]
    command += ["--users", str(options.users), "--spawn-rate", str(options.users)]
    command += ["--stop-timeout", "30"]  # seconds for what is open at the end
    command += ["--html", str(options.report.resolve()), options.scenario]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    print(f"Report: {options.report}")
    return status


@contextmanager
def started_service() -> Iterator[str]:
    """URL of a service on a free port, with the settings of the environment (SERVICE_...).

    Ends the program where it does not start, and where it does not end as an operator expects.
    """
    service = subprocess.Popen(
        [sys.executable, "-m", "service", "--port", "0", "--access-log", "false"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert service.stdout is not None  # noqa: S101 - for the type checker
    try:
        greeting = service.stdout.readline()
        if (found := re.search(r"http://\S+?:\d+", greeting)) is None:
            sys.exit("loadtest: the service did not start")
        print(greeting, end="", flush=True)
        yield found[0]
    finally:
        service.terminate()
        status = service.wait()
    if status:
        sys.exit(f"loadtest: the service ended with status {status}")


if __name__ == "__main__":
    main()
