"""Measure the service against model servers: python -m loadtest.rivals [--help], or make rivals."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from loadtest.bench.machine import check_machine, describe
from loadtest.bench.picture import draw
from loadtest.bench.progress import Progress
from loadtest.bench.results import Results
from loadtest.bench.setting import Setting
from loadtest.bench.table import as_markdown
from loadtest.bench.taking import WRITING, add_folder_options, take
from loadtest.rivals.measuring import measure, planned_seconds
from loadtest.rivals.servers import HAND_WRITTEN, OWN, RIVALS, installed

README = Path(__file__).parents[1] / "README.md"
PICTURE = Path(__file__).with_name("rivals.png")
BEGIN, END = "<!-- rivals: measured -->\n", "<!-- /rivals -->"  # around the table in the README
TITLE = "Requests/s: ours as a multiple of the other server"


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; ends the program with one line on standard error where it cannot."""
    options = parse_options(arguments)
    if not options.show:
        results, status = measured(options)
        if not results.rows:
            sys.exit(status)
        results.save(options.folder / "rivals.json")
    results = Results.load(options.folder / "rivals.json")
    table = as_markdown(results, "theirs")
    (options.folder / "rivals.md").write_text(table)
    draw(results, options.folder / "rivals.png", TITLE)
    print(table, end="")
    print(f"\n{options.folder}/rivals.md, rivals.json, rivals.png", file=sys.stderr)
    if options.publish:
        README.write_text(published(README.read_text(), table))
        draw(results, PICTURE, TITLE)


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """rivals: list[str], rounds: int, seconds: float, folder: Path, show: bool, publish: bool."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.rivals",
        description="Starts the service, a hand-written one and other model servers, one after the "
        "other on one core, drives each from another core, and prints what they do as ratios. The "
        "machine should have nothing else to do. loadtest/README.md tells how each is set up.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--rivals", nargs="+", choices=RIVALS, default=list(RIVALS))
    parser.add_argument("--rounds", type=int, default=3, help="how often each is started")
    parser.add_argument("--seconds", type=float, default=4, help="length of one measure")
    add_folder_options(parser, "rivals")
    parser.add_argument(
        "--publish", action="store_true", help="put table and picture into loadtest/README.md"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds must be 1 or more")
    if options.show and not (options.folder / "rivals.json").exists():
        parser.error(f"{options.folder}/rivals.json is missing: nothing has been measured yet")
    return options


def measured(options: argparse.Namespace) -> tuple[Results, int]:
    """What was found, and the exit status; ends the program where it cannot measure."""
    if missing := [RIVALS[name].title for name in options.rivals if not installed(name)]:
        sys.exit(f"loadtest.rivals: not installed: {', '.join(missing)}; make rivals does it")
    server_core, client_core = check_machine("loadtest.rivals")
    contestants = [OWN, HAND_WRITTEN, *(RIVALS[name] for name in options.rivals)]
    setting = Setting(
        traffic=options.folder / "traffic",
        server_core=server_core,
        client_core=client_core,
        rounds=options.rounds,
        seconds=options.seconds,
        progress=Progress(WRITING + planned_seconds(contestants, options.rounds, options.seconds)),
        results=Results(about=describe(options.rounds, options.seconds)),
    )
    return setting.results, take("loadtest.rivals", setting, [partial(measure, contestants)])


def published(readme: str, table: str) -> str:
    """The text with the table in its place."""
    before, _, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{README} has no place for the table: {BEGIN.strip()} and {END}")
    picture = f"![{TITLE}](rivals/{PICTURE.name})"
    return f"{before}{BEGIN}{table}\n{picture}\n{END}{after}"


if __name__ == "__main__":
    main()
