"""Takes measures one after the other, and leaves what is complete whatever stops it."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from loadtest.bench.results import Row
from loadtest.bench.setting import Setting
from loadtest.bench.traffic import write_traffic
from loadtest.processes import Broken

WRITING = 10  # seconds, planned, for the traffic


def add_folder_options(parser: argparse.ArgumentParser, name: str) -> None:
    """folder: Path, show: bool; `name` is that of the files in the folder."""
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(".loadtest"),
        help=f"gets {name}.md (the table), {name}.json (all figures) and {name}.png",
    )
    parser.add_argument(
        "--show", action="store_true", help="measure nothing: show again what is in the folder"
    )


def take(program: str, setting: Setting, measures: Sequence[Callable[[Setting], list[Row]]]) -> int:
    """Writes the traffic and adds the rows of each measure to the results; the exit status for the
    program of that name. What was measured before Ctrl-C, or before something broke, is kept."""
    # A SIGTERM must leave no server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        setting.progress.step("drawing digits and writing texts", WRITING)
        write_traffic(setting.traffic)
        for measure in measures:
            setting.results.rows += measure(setting)
    except KeyboardInterrupt:
        print("interrupted: what is measured so far is shown", file=sys.stderr)
        return 130
    except Broken as broken:
        print(f"{program}: {broken}", file=sys.stderr)
        return 1
    return 0
