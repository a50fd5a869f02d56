"""Results as a table for people, in Markdown, which reads well on a terminal, too."""

from __future__ import annotations

from statistics import median

from loadtest.bench.results import Results, Row


def as_markdown(results: Results, other: str = "reference") -> str:
    """Aligned columns; each figure is the median of the rounds, the spread the least and most.
    `other` heads the figures of what ours is compared with; without targets, no column for them."""
    header = ["part", "figure", "ours", other, "ratio (spread)", "target", "met"]
    lines = [header, *map(_cells, results.rows)]
    if not any(row.target for row in results.rows):
        lines = [line[:-2] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * width for width in widths]
    table = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in (lines[0], rule, *lines[1:])
    ]
    about = "; ".join(f"{name}: {value}" for name, value in results.about.items())
    remarks = [f"- {remark}" for remark in results.remarks]
    return "\n".join([about, "", *table, *(["", *remarks] if remarks else [])]) + "\n"


def _cells(row: Row) -> list[str]:
    ours, ratio = _shown(row.ours, row.unit), _shown(row.ratios, "x")
    if not row.ratios:
        ours, ratio = ours + _spread(row.ours, row.unit), "-"
    else:
        ratio += _spread(row.ratios, "x")
    target = "-"
    if row.target:
        unit = "x" if row.target.of == "ratio" else row.unit
        target = f"{row.target.bound} {_shown([row.target.value], unit)}"
    met = {True: "yes", False: "NO", None: "-"}[row.met]
    return [row.part, row.figure, ours, _shown(row.reference, row.unit), ratio, target, met]


def _shown(figures: list[float], unit: str) -> str:
    """The median with its unit, three digits or more."""
    return _number(median(figures), unit) if figures else "-"


def _spread(figures: list[float], unit: str) -> str:
    if len(figures) < 2:
        return ""
    return f" ({_number(min(figures), unit)} to {_number(max(figures), unit)})"


def _number(figure: float, unit: str) -> str:
    if unit == "%":
        return f"{100 * figure:.1f}%"
    digits = 0 if figure >= 100 or figure == int(figure) else 1 if figure >= 10 else 2
    if unit == "x":
        digits = max(digits, 2)
    number = f"{figure:,.{digits}f}"
    return f"{number}{'' if unit in ('x', '/s') else ' '}{unit}".strip()
