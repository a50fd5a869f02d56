"""Score what a service answers, over HTTP: python -m training.evaluate TASK [--help].

The tasks are digits, numbers, sentiment and explanations. Without pictures or texts of one's own
it asks for data sets and for what is made out of them, or written, to be like what people send.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from training.asking import NoService
from training.evaluate_digits import add_digits, add_numbers
from training.evaluate_explanations import add_explanations
from training.evaluate_sentiment import add_sentiment
from training.labelled_table import Unlabelled


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; ends the program with one line on stderr where it cannot go on."""
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate", description="Scores what a service answers."
    )
    tasks = parser.add_subparsers(required=True, metavar="TASK")
    add_digits(tasks.add_parser("digits", help="pictures of one digit, and of none"))
    add_numbers(tasks.add_parser("numbers", help="pictures of several digits"))
    add_sentiment(tasks.add_parser("sentiment", help="reviews and short sentences"))
    add_explanations(tasks.add_parser("explanations", help="weights of the words of a review"))
    options = parser.parse_args(arguments)
    try:
        options.evaluate(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except (Unlabelled, NoService, OSError) as error:
        sys.exit(f"training.evaluate: {error}")


if __name__ == "__main__":
    main()
