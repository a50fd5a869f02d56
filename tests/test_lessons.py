"""What an epoch learns from: how much of which kind, in what turns, and with what labels."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest

from service.contract.text import TextEncoder
from training.batches import EncodedReviews, Ids, encode, in_turn
from training.datasets import Reviews
from training.lessons import Lessons, Mix, Teacher, probabilities
from training.nbsvm import Hints, out_of_fold
from training.vocabulary import build_tokenizer

SHARE = Mix(labelled=30, unlabelled=7, cut=11, made=4, written=3, true_label=0.7)
FEW_EPOCHS = range(1, 13)
FILLER = "Nobody else was here"


def numbered(name: str, count: int) -> Reviews:
    """So many reviews, those of odd number positive; one in ten says the opposite."""
    numbers = np.arange(count)
    labels = numbers % 2
    words = np.where(labels ^ (numbers % 20 < 2), "good", "bad")
    return Reviews([f"{FILLER}. {name} {i} was {word}." for i, word in enumerate(words)], labels)


TRAIN, VALIDATION = numbered("Train", 100), numbered("Validation", 60)
UNLABELLED = [
    *numbered("Unlabelled", 20).texts,
    *(f"{FILLER}. Unlabelled {i} was plain." for i in range(20, 30)),
]
MADE = Reviews([f"Made {i} up." for i in range(9)], np.arange(9) % 2)
WRITTEN = Reviews([f"Written {i} down." for i in range(8)], np.arange(8) % 2)

# Of every review that tells its mood, the sentence that does, unless the label is another.
CUT = [
    text.split(".")[1].strip().lower()
    for i, text in enumerate(TRAIN.texts + UNLABELLED[:20])
    if i >= len(TRAIN) or i % 20 >= 2
]

TOKENIZER = build_tokenizer(
    TRAIN.texts + VALIDATION.texts + UNLABELLED + MADE.texts + WRITTEN.texts, 1_000
)
ENCODER = TextEncoder(TOKENIZER, max_tokens=64)


@dataclass(frozen=True)
class Lesson:
    """One text, read back out of its ids."""

    text: str
    label: float

    @property
    def _sentence(self) -> list[str]:
        return self.text.removeprefix(f"{FILLER} ".lower()).split()

    @property
    def kind(self) -> str:
        name = self._sentence[0]
        return name if name in ("made", "written") or "nobody" in self.text else "cut"

    @property
    def number(self) -> int:
        return int(self._sentence[1])

    @property
    def praises(self) -> bool:
        return "good" in self.text


def text_of(row: Ids) -> str:
    return " ".join(str(TOKENIZER.id_to_token(int(number))) for number in row)


def read(lesson: EncodedReviews) -> list[Lesson]:
    pairs = zip(lesson.ids, lesson.labels, strict=True)
    return [Lesson(text_of(row), float(label)) for row, label in pairs]


@dataclass(frozen=True)
class Mixed:
    """Lessons of one mix."""

    lessons: Lessons
    mix: Mix

    def of_epoch(self, number: int, teacher: Teacher | None) -> EncodedReviews:
        return self.lessons.of_epoch(self.mix, number, teacher)


def lessons_of(share: Mix, unlabelled: Sequence[str] = UNLABELLED) -> Mixed:
    train, validation = encode(TRAIN, ENCODER), encode(VALIDATION, ENCODER)
    hints = Hints(train, ENCODER.vocabulary_size, seed=1)
    lessons = Lessons(train, validation, hints, seed=1)
    lessons.add_unlabelled(unlabelled, ENCODER, hints)
    lessons.add_cut([*TRAIN.texts, *unlabelled], ENCODER, hints)
    lessons.add_made(MADE, ENCODER)
    lessons.add_written(WRITTEN, ENCODER)
    return Mixed(lessons, share)


@pytest.fixture(scope="module")
def lessons() -> Mixed:
    return lessons_of(SHARE)


def of_kind(kind: str, lessons: Mixed, teacher: Teacher | None = None) -> list[list[Lesson]]:
    """All texts of a kind in each of a few epochs."""
    epochs = [read(lessons.of_epoch(number, teacher)) for number in FEW_EPOCHS]
    return [[each for each in epoch if each.kind == kind] for epoch in epochs]


def all_of_kind(kind: str, lessons: Mixed, teacher: Teacher | None = None) -> list[Lesson]:
    """The same in one list."""
    return [each for epoch in of_kind(kind, lessons, teacher) for each in epoch]


@pytest.mark.parametrize(("size", "count"), [(10, 3), (10, 10), (7, 2), (5, 1), (1, 1)])
def test_none_comes_again_before_all_have_come(size: int, count: int) -> None:
    turns = np.concatenate([in_turn(size, count, number, 1) for number in range(1, 3 * size + 1)])
    assert len(turns) == 3 * size * count
    for first in range(0, len(turns), size):
        assert sorted(turns[first : first + size]) == [*range(size)]


def test_the_seed_gives_the_order_of_the_turns() -> None:
    first, again, other = (in_turn(50, 50, 1, seed).tolist() for seed in (1, 1, 2))
    assert first == again
    assert first not in (other, sorted(first))


@pytest.mark.parametrize(
    ("kind", "share", "whole"),
    [
        ("train", SHARE.labelled, len(TRAIN)),
        ("unlabelled", SHARE.unlabelled, len(UNLABELLED)),
        ("cut", SHARE.cut, len(CUT)),
        ("made", SHARE.made, len(MADE)),
        ("written", SHARE.written, len(WRITTEN)),
    ],
)
def test_an_epoch_has_its_mix_of_each_kind_and_none_again_before_all_have_come(
    lessons: Mixed, kind: str, share: int, whole: int
) -> None:
    epochs = of_kind(kind, lessons)
    assert [len(epoch) for epoch in epochs] == [share] * len(FEW_EPOCHS)
    texts = [each.text for epoch in epochs for each in epoch]
    assert len(set(texts[:whole])) == min(whole, len(texts))
    assert set(texts[whole:]) <= set(texts[:whole])


def test_of_a_kind_with_fewer_texts_an_epoch_has_each_once() -> None:
    lessons = lessons_of(replace(SHARE, labelled=101, made=1_000))
    for kind, texts in (("train", TRAIN.texts), ("made", MADE.texts)):
        for epoch in of_kind(kind, lessons):
            assert len({each.text for each in epoch}) == len(epoch) == len(texts)


@pytest.mark.parametrize("believed", [1.0, 0.7, 0.0])
def test_the_label_of_a_review_is_believed_so_far_and_else_its_words(believed: float) -> None:
    """What its words say is known from other reviews: its own label has no part in it."""
    lessons = lessons_of(replace(SHARE, true_label=believed))
    for each in all_of_kind("train", lessons):
        told = each.label - believed * (each.number % 2)
        assert -1e-6 <= told <= 1 - believed + 1e-6
        assert believed == 1 or (told > (1 - believed) / 2) == each.praises


def test_what_the_words_of_a_review_say_is_told_by_a_model_that_was_not_fitted_to_it() -> None:
    """With one temperature for all."""
    lessons = lessons_of(replace(SHARE, labelled=len(TRAIN), true_label=0.0))
    told = {each.text: each.label for each in of_kind("train", lessons)[0]}
    train = encode(TRAIN, ENCODER)
    unseen = out_of_fold(train.ids, train.labels, ENCODER.vocabulary_size, seed=1)
    hints = np.array([told[text_of(row)] for row in train.ids])
    temperatures = unseen / np.log(hints / (1 - hints))
    assert temperatures == pytest.approx(temperatures[0], rel=1e-4)


def test_an_epoch_can_do_without_any_kind_but_one() -> None:
    none = Mix(labelled=0, unlabelled=0, cut=0, made=0, true_label=0.7)
    for kind in ("unlabelled", "cut", "made", "written"):
        lessons = lessons_of(replace(none, **{kind: 5}))
        assert [len(epoch) for epoch in of_kind(kind, lessons)] == [5] * len(FEW_EPOCHS)
        assert [len(lessons.of_epoch(number, None).ids) for number in (1, 2)] == [5, 5]


def test_made_written_and_cut_sentences_have_their_label_without_certainty(lessons: Mixed) -> None:
    negative, positive = probabilities(np.array([-3.0, 3.0]))
    for each in all_of_kind("made", lessons):
        assert each.label == (positive if MADE.labels[each.number] else negative)
    for each in all_of_kind("written", lessons):
        assert each.label == (positive if WRITTEN.labels[each.number] else negative)
    for each in all_of_kind("cut", lessons):
        assert each.label == (positive if each.praises else negative)


def test_sentences_are_cut_where_they_tell_the_mood_and_agree_with_their_review() -> None:
    lessons = lessons_of(replace(SHARE, cut=10_000))
    for epoch in of_kind("cut", lessons):
        assert sorted(each.text for each in epoch) == sorted(CUT)


def test_of_the_sentences_that_are_cut_half_praise_whatever_most_reviews_do() -> None:
    praising = [text for text in UNLABELLED if "good" in text]
    lessons = lessons_of(replace(SHARE, cut=10_000), UNLABELLED + 3 * praising)
    for epoch in of_kind("cut", lessons):
        assert 2 * sum(each.praises for each in epoch) == len(epoch) == len(CUT)


def test_an_unlabelled_review_is_first_labelled_by_its_words(lessons: Mixed) -> None:
    for each in all_of_kind("unlabelled", lessons):
        assert 0 < each.label < 1
        assert each.number >= 20 or (each.label > 0.5) == each.praises


def teacher(odds: Callable[[int], float]) -> Teacher:
    """A network that knows reviews by their number."""

    def predict(rows: Sequence[Ids]) -> npt.NDArray[np.float64]:
        return np.array([odds(Lesson(text_of(row), 0).number) for row in rows])

    return predict


def mostly_right(number: int) -> float:
    return 0.5 if (number % 2) ^ (number % 20 in (2, 3)) else -0.5


@pytest.mark.parametrize("side", [1, -1])
def test_then_by_an_ensemble_that_heeds_a_teacher_as_far_as_validation_bears_it_out(
    lessons: Mixed, side: int
) -> None:
    """One that is wrong as often as another is right tells as much."""
    network = teacher(lambda number: side * mostly_right(number))
    for each in all_of_kind("unlabelled", lessons, network):
        assert 0 < each.label < 1
        if each.number >= 20:  # its words tell nothing
            assert (each.label > 0.5) == (mostly_right(each.number) > 0)
        elif (mostly_right(each.number) > 0) == each.praises:
            assert (each.label > 0.5) == each.praises


def test_a_teacher_that_knows_nothing_leaves_what_the_words_say(lessons: Mixed) -> None:
    for each in all_of_kind("unlabelled", lessons, teacher(lambda _: 0.0)):
        assert each.number >= 20 or (each.label > 0.5) == each.praises


def test_lessons_that_were_kept_are_the_same_again(lessons: Mixed) -> None:
    again = Mixed(pickle.loads(pickle.dumps(lessons.lessons)), SHARE)  # noqa: S301 - our own
    for number in FEW_EPOCHS:
        assert read(again.of_epoch(number, None)) == read(lessons.of_epoch(number, None))


def test_only_unlabelled_reviews_are_taught(lessons: Mixed) -> None:
    alone, taught = (
        [each for each in read(lessons.of_epoch(3, network)) if each.kind != "unlabelled"]
        for network in (None, teacher(mostly_right))
    )
    assert alone == taught
