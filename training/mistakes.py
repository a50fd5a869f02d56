"""The worst mistakes of an evaluation on digits, ready for a contact sheet."""

from __future__ import annotations

import base64
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.asking import Client
from training.contact_sheet import Cell
from training.digit_figures import Outcome
from training.picture_kinds import Kind, Sample

MOST = 24  # of each sort
FIRST = 4  # of each kind
PNG_URI = "data:image/png;base64,"

WRONG = "Digits read wrongly, the most confident first"
ACCEPTED = "Pictures of no digit that were given one"
ABSTAINED = "Digits read rightly, but not believed"


@dataclass(frozen=True)
class Mistake:
    """A picture and what was made of it."""

    kind: str
    sample: Sample
    outcome: Outcome


class Mistakes:
    """Keeps the worst of each sort and kind only, since uploads can be large."""

    def __init__(self) -> None:
        self._worst: dict[tuple[str, str], list[tuple[float, int, Mistake]]] = {}
        self._seen = 0

    def add(self, kind: Kind, sample: Sample, outcome: Outcome) -> None:
        """Takes any outcome; of mistakes that are as bad, the earlier ones stay."""
        if (found := _sort_and_weight(outcome)) is None:
            return
        sort, weight = found
        self._seen += 1
        heap = self._worst.setdefault((sort, kind.name), [])
        heapq.heappush(heap, (weight, -self._seen, Mistake(kind.name, sample, outcome)))
        if len(heap) > MOST:
            heapq.heappop(heap)

    def worst(self) -> Mapping[str, Sequence[Mistake]]:
        """By sort, the worst first; a sort of which there are none is left out.

        More than FIRST of one kind only where the other kinds leave room.
        """
        chosen: dict[str, list[Mistake]] = {}
        for sort in (WRONG, ACCEPTED, ABSTAINED):
            first, further = [], []
            for heap in (heap for (of, _), heap in self._worst.items() if of == sort):
                ranked = sorted(heap, key=_worst_first)
                first += ranked[:FIRST]
                further += ranked[FIRST:]
            kept = sorted(first, key=_worst_first) + sorted(further, key=_worst_first)
            if kept:
                chosen[sort] = [each for *_, each in sorted(kept[:MOST], key=_worst_first)]
        return chosen


def cells(mistakes: Sequence[Mistake], client: Client) -> list[Cell]:
    """For each the picture as it was sent, and as the model saw it where the service tells."""
    return [_cell(mistake, _seen(client, mistake.sample.picture)) for mistake in mistakes]


def _worst_first(entry: tuple[float, int, Mistake]) -> tuple[float, int]:
    weight, order, _ = entry
    return -weight, -order


def _sort_and_weight(outcome: Outcome) -> tuple[str, float] | None:
    if outcome.label is None:
        score = outcome.confidence if outcome.digit_score is None else outcome.digit_score
        return (ACCEPTED, score) if outcome.believed else None
    if outcome.believed and not outcome.right:
        return WRONG, outcome.confidence
    if outcome.right and not outcome.believed:
        return ABSTAINED, outcome.confidence
    return None


def _cell(mistake: Mistake, seen: bytes | None) -> Cell:
    outcome = mistake.outcome
    if outcome.label is None:
        title = f"no digit, read as {outcome.read}"
    elif outcome.right:
        title = f"{outcome.label}, {outcome.reason}"
    else:
        title = f"{outcome.label}, read as {outcome.read}"
    figures = f"{outcome.confidence:.1%} sure"
    if outcome.digit_score is not None:
        figures += f", digit_score {outcome.digit_score:.3f}"
    lines = (figures, f"{mistake.kind}: {mistake.sample.name}")
    return Cell(mistake.sample.picture, seen, title, lines)


def _seen(client: Client, picture: bytes) -> bytes | None:
    reply = client.ask("/digits?explain=true", picture, "application/octet-stream")
    uri = reply.content.get("seen")
    if not isinstance(uri, str) or not uri.startswith(PNG_URI):
        return None
    return base64.b64decode(uri.removeprefix(PNG_URI))
