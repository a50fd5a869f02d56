"""What the words of a text do to its mood: a weight for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from service.contract.text import EncodedText, phrase
from service.schemas import ExplainedSentimentAnswer, WeighedWord
from service.sentiment import Phrase, Sentiment

PHRASES = 16
"""Phrases of a run. More would take hardly less time, and hold up longer what runs beside it."""

KEPT = 30_000
"""Pairs of words whose log-odds are kept, some MB: of a review, every fourth is among them."""

Run = Callable[[Sequence[EncodedText]], list[list[float]]]


@dataclass(frozen=True, slots=True)
class Weighed:
    """A text and the weights of its words."""

    encoded: EncodedText
    words: list[WeighedWord]


def split(task: Sentiment, run: Run, text: str) -> tuple[Weighed, list[EncodedText]]:
    """The words of a text, weighed, and the row to run for its answer.

    A word weighs what it says in log-odds, in the mean of three times: alone, beside the word
    before and beside the word behind. Beside another it says what the two say, which is a mean over
    both, twice, less what the other says alone; so "bad" weighs less behind "not".
    """
    encoded = task.decode_with_offsets(text)
    ids = encoded.ids.tolist()[: encoded.tokens]
    pairs = list(pairwise(ids))
    if encoded.truncated:  # head and tail are no neighbours
        pairs[(len(ids) + 1) // 2 - 1 : (len(ids) + 1) // 2] = [(-1, -1)]
    alone = task.alone
    alone |= _log_odds(task, run, {(word,) for word in ids if (word,) not in alone})
    beside = _beside(task, run, {pair for pair in pairs if min(pair) >= 0})
    said = [[alone[word,]] for word in ids]
    for i, pair in enumerate(pairs):
        if pair in beside:
            said[i].append(2 * beside[pair] - alone[pair[1],])
            said[i + 1].append(2 * beside[pair] - alone[pair[0],])
    words: list[WeighedWord] = [
        {"word": text[start:end], "start": start, "end": end, "weight": sum(each) / len(each)}
        for each, (start, end) in zip(said, encoded.offsets, strict=True)
    ]
    return Weighed(encoded, words), [encoded]


def merge(
    task: Sentiment, weighed: Weighed, logits: Sequence[list[float]]
) -> ExplainedSentimentAnswer:
    """The usual answer with the words."""
    return {**task.postprocess(logits[0], weighed.encoded), "words": weighed.words}


def _beside(task: Sentiment, run: Run, pairs: set[Phrase]) -> dict[Phrase, float]:
    kept = task.beside
    found = {pair: kept[pair] for pair in pairs if pair in kept}
    new = _log_odds(task, run, pairs - kept.keys())
    if len(kept) + len(new) > KEPT:
        kept.clear()
    kept |= new
    return found | new


def _log_odds(task: Sentiment, run: Run, phrases: set[Phrase]) -> dict[Phrase, float]:
    """Of phrases of one length, each by itself, at the temperature of the answers."""
    ordered = sorted(phrases)
    odds: dict[Phrase, float] = {}
    for start in range(0, len(ordered), PHRASES):
        block = ordered[start : start + PHRASES]
        logits = run([phrase(ids) for ids in block])
        odds |= {ids: row[0] / task.temperature for ids, row in zip(block, logits, strict=True)}
    return odds
