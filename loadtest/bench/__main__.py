"""Measure the service against the reference: python -m loadtest.bench [--help], or make bench."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from loadtest.bench import bare, closed, explain, mixed, overload, resources
from loadtest.bench.machine import check_machine, describe
from loadtest.bench.picture import draw
from loadtest.bench.progress import Progress
from loadtest.bench.results import Results, Row
from loadtest.bench.setting import Setting
from loadtest.bench.table import as_markdown
from loadtest.bench.taking import WRITING, add_folder_options, take

TITLE = "Requests/s: ours as a multiple of the reference (orange: target)"

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
    server_core, client_core = check_machine("loadtest.bench")
    planned = sum(PARTS[part][0](options.rounds, options.seconds) for part in options.parts)
    setting = Setting(
        traffic=options.folder / "traffic",
        server_core=server_core,
        client_core=client_core,
        rounds=options.rounds,
        seconds=options.seconds,
        progress=Progress(planned + WRITING),
        results=Results(about=describe(options.rounds, options.seconds)),
    )
    status = take("loadtest.bench", setting, [PARTS[part][1] for part in options.parts])
    if setting.results.rows:
        setting.results.save(options.folder / "bench.json")
        report(setting.results, options.folder)
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
    add_folder_options(parser, "bench")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds must be 1 or more")
    return options


def report(results: Results, folder: Path) -> None:
    """Prints the table, and leaves it and the picture in `folder`."""
    table = as_markdown(results)
    (folder / "bench.md").write_text(table)
    draw(results, folder / "bench.png", TITLE)
    print(table, end="")
    print(f"\n{folder}/bench.md, bench.json, bench.png", file=sys.stderr)


if __name__ == "__main__":
    main()
