"""Score what a service answers, over HTTP: python -m training.evaluate digits|numbers [--help].

Without pictures of one's own it asks for MNIST, corrupted and realistic digits made out of it, and
for pictures that show no digit; and for numbers written in several digits of MNIST.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from operator import attrgetter, itemgetter
from pathlib import Path

from training.asking import NoService, Reply, answering
from training.contact_sheet import save_sheet
from training.datasets import load_digits
from training.digit_figures import outcome_of
from training.digit_report import DigitReport
from training.lines import KINDS as NUMBER_KINDS
from training.lines import number_pictures
from training.mistakes import Mistakes, cells
from training.number_report import NumberReport
from training.options import WORK_DIR, add_data_dir, require_data
from training.picture_kinds import Kind, Sample, Unlabelled, labelled_folder, made_kinds
from training.progress import progress

MOST_NAMED = 10  # of the pictures that the service refused


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; ends the program with one line on stderr where it cannot go on."""
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate", description="Scores what a service answers."
    )
    tasks = parser.add_subparsers(required=True, metavar="TASK")
    _add_digits(tasks.add_parser("digits", help="pictures of one digit, and of none"))
    _add_numbers(tasks.add_parser("numbers", help="pictures of several digits"))
    options = parser.parse_args(arguments)
    try:
        options.evaluate(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except (Unlabelled, NoService, OSError) as error:
        sys.exit(f"training.evaluate: {error}")


def _add_digits(parser: argparse.ArgumentParser) -> None:
    _add_source(
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
    report, mistakes = DigitReport(), Mistakes()
    refused: list[str] = []
    with answering(options.url) as client:
        for kind in kinds:
            asked = client.ask_all(
                "/digits", kind.samples, attrgetter("picture"), "application/octet-stream"
            )
            for sample, reply in progress(asked, kind.name, kind.count):
                outcome = outcome_of(sample.label, reply)
                report.add(kind, outcome)
                mistakes.add(kind, sample, outcome)
                if reply.status != 200:
                    refused.append(_refusal(kind, sample, reply))
        worst = {sort: cells(each, client) for sort, each in mistakes.worst().items()}
    print(report.as_text())
    if refused:
        print(f"\nRefused: {len(refused):,}")
        print(*refused[:MOST_NAMED], *(["..."] if len(refused) > MOST_NAMED else []), sep="\n")
    if worst:
        save_sheet(worst, options.out)
    print(f"\nThe worst mistakes: {options.out}" if worst else "\nNo mistakes.")
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")


def _add_numbers(parser: argparse.ArgumentParser) -> None:
    _add_source(parser, "of MNIST, whose digits the numbers are made of", count=200)
    parser.set_defaults(evaluate=_evaluate_numbers, parser=parser)


def _add_source(parser: argparse.ArgumentParser, part: str, count: int) -> None:
    """The options of both tasks: whom to ask, and for which pictures; `part` says what of MNIST."""
    parser.add_argument("--url", help="a running service; by default one is started and stopped")
    add_data_dir(parser)
    parser.add_argument(
        "--part",
        choices=["validation", "test"],
        default="validation",
        help=f"{part} (default: %(default)s)",
    )
    parser.add_argument(
        "--count", type=_at_least_one, default=count, help="of each kind (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the pictures (default: 1)")


def _at_least_one(written: str) -> int:
    if (count := int(written)) < 1:
        raise argparse.ArgumentTypeError(f"it must be at least 1, not {count}")
    return count


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


def _refusal(kind: Kind, sample: Sample, reply: Reply) -> str:
    code, detail = reply.content.get("code"), reply.content.get("detail")
    return f"{kind.name}: {sample.name}: {reply.status} {code}: {detail}"


if __name__ == "__main__":
    main()
