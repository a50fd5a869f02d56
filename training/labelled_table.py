"""Tables of one's own that say what something is: CSV files with a column for labels."""

from __future__ import annotations

import csv
from pathlib import Path

from training.table import one_line

LONGEST = 2**31 - 1  # characters of a field, as many as csv can be told everywhere


class Unlabelled(Exception):
    """Something that does not say what it shows or means; the message tells what is missing."""


def labelled_rows(table: Path, column: str) -> list[tuple[str, dict[str, str]]]:
    """The rows of a CSV in UTF-8 with the columns `column` and label, each behind the place where
    it ends, as messages name it.

    Raises Unlabelled, or OSError where it cannot be opened.
    """
    found = []
    usual = csv.field_size_limit(LONGEST)
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            columns = rows.fieldnames or []
            if not {column, "label"} <= set(columns):
                raise Unlabelled(
                    f"{table} must have the columns {column} and label; it has "
                    f"{one_line(', '.join(columns)) or 'none'}"
                )
            for row in rows:
                where = f"{table}, line {rows.line_num}"
                if None in row:
                    raise Unlabelled(
                        f"{where}: there are more fields than columns; one with commas in it "
                        "belongs between quotes"
                    )
                for name in (column, "label"):
                    if row[name] is None:
                        raise Unlabelled(f"{where}: the row lacks a {name}")
                found.append((where, row))
    except (csv.Error, UnicodeDecodeError) as error:
        raise Unlabelled(f"{table} cannot be read as CSV in UTF-8: {error}") from error
    finally:
        csv.field_size_limit(usual)
    return found
