"""The tasks digits and numbers of python -m training.evaluate.

Without pictures of one's own they ask for MNIST, corrupted and realistic digits made out of it, and
for pictures that show no digit; and for numbers written in several digits of MNIST.
"""

from __future__ import annotations

import argparse
import json
from operator import attrgetter, itemgetter
from pathlib import Path

from training.asking import answering
from training.contact_sheet import save_sheet
from training.datasets import load_digits
from training.digit_figures import outcome_of
from training.digit_report import DigitReport
from training.lines import KINDS as NUMBER_KINDS
from training.lines import number_pictures
from training.mistakes import Mistakes, cells
from training.number_report import NumberReport
from training.options import WORK_DIR, add_asked, require_data
from training.picture_kinds import Kind, labelled_folder, made_kinds
from training.progress import progress
from training.refusals import Refusals


def add_digits(parser: argparse.ArgumentParser) -> None:
    """The options of the task."""
    _add_made(
        parser,
        "of MNIST, whose digits are asked for as they are and corrupted; realistic pictures are "
        "always made out of validation",
        count=500,
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="FOLDER",
        help="pictures to ask for; without --labels in sub-folders 0 to 9 and none",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        help="columns file, as seen from FOLDER, and label: 0 to 9, or none for no digit",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=WORK_DIR / "worst-digits.png",
        help="gets the worst mistakes (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="gets the figures")
    parser.set_defaults(evaluate=_evaluate_digits, parser=parser)


def _evaluate_digits(options: argparse.Namespace) -> None:
    kinds = _digit_kinds(options)
    report, mistakes, refusals = DigitReport(), Mistakes(), Refusals()
    with answering(options.url) as client:
        for kind in kinds:
            asked = client.ask_all(
                "/digits", kind.samples, attrgetter("picture"), "application/octet-stream"
            )
            for sample, reply in progress(asked, kind.name, kind.count):
                outcome = outcome_of(sample.label, reply)
                report.add(kind, outcome)
                mistakes.add(kind, sample, outcome)
                refusals.add(kind.name, sample.name, reply)
        worst = {sort: cells(each, client) for sort, each in mistakes.worst().items()}
    print(*filter(None, [report.as_text(), refusals.as_text()]), sep="\n\n")
    if worst:
        save_sheet(worst, options.out)
    print(f"\nThe worst mistakes: {options.out}" if worst else "\nNo mistakes.")
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")


def _digit_kinds(options: argparse.Namespace) -> list[Kind]:
    if options.images is not None:
        return labelled_folder(options.images, options.labels)
    parser: argparse.ArgumentParser = options.parser
    if options.labels is not None:
        parser.error("--labels needs --images")
    require_data(parser, options.data_dir)
    data = load_digits(options.data_dir)
    clean = data.test if options.part == "test" else data.validation
    return made_kinds(clean, data.validation, options.count, options.seed)


def add_numbers(parser: argparse.ArgumentParser) -> None:
    """The options of the task."""
    _add_made(parser, "of MNIST, whose digits the numbers are made of", count=200)
    parser.set_defaults(evaluate=_evaluate_numbers, parser=parser)


def _add_made(parser: argparse.ArgumentParser, part: str, count: int) -> None:
    add_asked(parser, part, "of each kind", count)
    parser.add_argument("--seed", type=int, default=1, help="of the pictures (default: 1)")


def _evaluate_numbers(options: argparse.Namespace) -> None:
    require_data(options.parser, options.data_dir)
    data = load_digits(options.data_dir)
    digits = data.test if options.part == "test" else data.validation
    report = NumberReport()
    with answering(options.url) as client:
        for kind in NUMBER_KINDS:
            pictures = number_pictures(kind, digits, options.count, options.seed)
            asked = client.ask_all(
                "/digits/read", pictures, itemgetter(0), "application/octet-stream"
            )
            for (_, text), reply in progress(asked, kind, options.count):
                report.add(kind, text, reply)
    print(report.as_text())
