"""Measure the service against the reference: python -m loadtest.bench [--help], or make bench."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from loadtest.bench import bare, closed, explain, mixed, overload, resources
from loadtest.bench.picture import draw
from loadtest.bench.progress import Progress
from loadtest.bench.results import Results, Row
from loadtest.bench.setting import Setting
from loadtest.bench.table import as_markdown
from loadtest.bench.traffic import write_traffic
from loadtest.processes import Broken
from loadtest.reference import newest
from service.contract.manifest import MANIFEST, Manifest

Plan = tuple[Callable[[int, float], float], Callable[[Setting], list[Row]]]

# How long it is planned to take, by rounds and seconds, and what measures it.
PARTS: dict[str, Plan] = {
    part: (partial(closed.planned_seconds, part), partial(closed.measure, part))
    for part in closed.PLANS
} | {
    "explain": (explain.planned_seconds, explain.measure),
    "bare": (bare.planned_seconds, bare.measure),
    "mixed": (mixed.planned_seconds, mixed.measure),
    "overload": (overload.planned_seconds, overload.measure),
    "startup": (resources.startup_seconds, resources.startup),
    "memory": (resources.memory_seconds, resources.memory),
    "workers": (resources.workers_seconds, resources.workers),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; ends the program with one line on standard error where it cannot."""
    options = parse_options(arguments)
    if options.show:
        report(Results.load(options.folder / "bench.json"), options.folder)
        return
    server_core, client_core = check_machine()
    # A SIGTERM must leave no server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    results = Results(about=describe(options))
    planned = sum(PARTS[part][0](options.rounds, options.seconds) for part in options.parts)
    setting = Setting(
        traffic=options.folder / "traffic",
        server_core=server_core,
        client_core=client_core,
        rounds=options.rounds,
        seconds=options.seconds,
        progress=Progress(planned + 10),
        results=results,
    )
    status = 0
    try:
        setting.progress.step("drawing digits and writing texts", 10)
        write_traffic(setting.traffic)
        for part in options.parts:
            results.rows += PARTS[part][1](setting)
    except KeyboardInterrupt:
        print("interrupted: what is measured so far is shown", file=sys.stderr)
        status = 130
    except Broken as broken:
        print(f"loadtest.bench: {broken}", file=sys.stderr)
        status = 1
    if results.rows:
        results.save(options.folder / "bench.json")
        report(results, options.folder)
    sys.exit(status)


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """parts: list[str], rounds: int, seconds: float, folder: Path, show: bool."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench",
        description="Starts the service and a hand-written reference (loadtest/reference.py), each "
        "on one core, drives both in turns from another core, and prints what they do as ratios. "
        "The machine should have nothing else to do. loadtest/README.md explains every part.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=PARTS,
        default=list(PARTS),
        metavar="PART",
        help=f"which to measure, of {', '.join(PARTS)}",
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each measure is taken")
    parser.add_argument(
        "--seconds", type=float, default=2, help="length of one measure; slow parts take multiples"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(".loadtest"),
        help="gets bench.md (the table), bench.json (all figures) and bench.png",
    )
    parser.add_argument(
        "--show", action="store_true", help="measure nothing: show again what is in the folder"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds must be 1 or more")
    return options


def check_machine() -> tuple[int, int]:
    """A core for the servers and another for the clients; ends the program where it lacks either
    or a tool."""
    for tool, package in {"wrk": "wrk", "taskset": "util-linux"}.items():
        if shutil.which(tool) is None:
            sys.exit(f"loadtest.bench: {tool} is missing: apt-get install {package}")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("loadtest.bench: two cores are needed, one for servers and one for clients")
    if (load := os.getloadavg()[0]) > 0.5:
        print(
            f"The machine is not quiet (load {load:.1f}): figures will be low, and spread.",
            file=sys.stderr,
        )
    return cores[0], cores[1]


def describe(options: argparse.Namespace) -> dict[str, Any]:
    """What the figures depend on."""
    processor = platform.processor() or platform.machine()
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{processor}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "onnxruntime": version("onnxruntime"),
        "models": ", ".join(map(served, ("digits", "sentiment"))),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "load before": round(os.getloadavg()[0], 2),
    }


def served(name: str) -> str:
    """Such as sentiment/1 (model.onnx, accuracy 89.62%)."""
    folder = newest(name)
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    said = f"{manifest.serves}, accuracy {manifest.test.accuracy:.2%}"
    return f"{name}/{folder.name} ({said})"


def report(results: Results, folder: Path) -> None:
    """Prints the table, and leaves it and the picture in `folder`."""
    table = as_markdown(results)
    (folder / "bench.md").write_text(table)
    draw(results, folder / "bench.png")
    print(table, end="")
    print(f"\n{folder}/bench.md, bench.json, bench.png", file=sys.stderr)


if __name__ == "__main__":
    main()
