"""A text becomes word ids that can be traced back to the text as it was sent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from service.contract.text import CHARACTERS_PER_TOKEN, TextEncoder, pad
from training.vocabulary import UNKNOWN_ID, build_tokenizer

VOCABULARY = (
    "a fine film don't film's déjà café naïve straße office ii 1 2 100 ! ? 😀 i̇stanbul 映画 "
    "good bad"
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return build_tokenizer([VOCABULARY], 1_000)


@pytest.fixture(scope="module")
def encoder(tokenizer: Tokenizer) -> TextEncoder:
    return TextEncoder(tokenizer, max_tokens=64)


def words(encoder: TextEncoder, text: str) -> list[str]:
    """What the offsets cut out of the text as sent."""
    return [text[start:end] for start, end in encoder.encode(text, with_offsets=True).offsets]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A fine film", ["A", "fine", "film"]),
        ("a<br />film<br/><br>film", ["a", "film", "film"]),
        ("😀film 😀!", ["😀", "film", "😀", "!"]),
        ("déjà café naïve", ["déjà", "café", "naïve"]),
        ("de\u0301ja\u0300 cafe\u0301! bad", ["de\u0301ja\u0300", "cafe\u0301", "!", "bad"]),
        ("cafe\u0301", ["cafe\u0301"]),
        ("fi\u0332lm\u0332 good", ["fi\u0332lm\u0332", "good"]),  # marks that nothing takes in
        ("ＦＩＮＥ　ｆｉｌｍ！", ["ＦＩＮＥ", "ｆｉｌｍ", "！"]),
        ("don’t film’s 'film'", ["don’t", "film’s", "film"]),
        ("don&#39;t", ["don&#39;t"]),
        ("g\0o\x1bo\x7fd\0 film", ["g\0o\x1bo\x7fd", "film"]),
        ("go\u200bod \u202ebad\u202c", ["go\u200bod", "bad"]),
        ("ba\u00add fi\ufe0flm\U000e0067\U000e007f!", ["ba\u00add", "fi\ufe0flm", "!"]),
        ("ba\u0300\u0301\u200d\u0302d\u0336\u0489", ["ba\u0300\u0301\u200d\u0302d\u0336\u0489"]),
        ("ﬁne oﬃce ⅱ ②", ["ﬁne", "oﬃce", "ⅱ", "②"]),
        ("½ film", ["½", "½", "film"]),  # one sign, two words: 1 and 2
        ("İSTANBUL film", ["İSTANBUL", "film"]),
        ("\ufefffilm\r\nfine\u2028bad\x85good\x1fa", ["film", "fine", "bad", "good", "a"]),
        ("映画! 👩‍👧 영화 good", ["映画", "!", "👩", "👧", "영화", "good"]),
        ("👍\ufe0f👍🏽 1\ufe0f\u20e3 🇩🇪", ["👍\ufe0f", "👍", "1\ufe0f\u20e3", "🇩", "🇪"]),
        ("...(good)--- <bad>", ["good", "bad"]),
        ("goood!!!! bad?!", ["goood", "!!!!", "bad", "?", "!"]),
        ("good:-) bad </3=D", ["good", ":-)", "bad", "</3", "=D"]),
        ("\u0301 good", ["good"]),
        ("good \u0301\u0302 bad", ["good", "bad"]),
    ],
)
def test_offsets_point_at_the_words_of_the_text_as_sent(
    encoder: TextEncoder, text: str, expected: list[str]
) -> None:
    assert words(encoder, text) == expected


def test_upper_and_lower_case_give_the_same_ids(encoder: TextEncoder) -> None:
    np.testing.assert_array_equal(
        encoder.encode(VOCABULARY.upper().replace("STRASSE", "STRAßE")).ids,
        encoder.encode(VOCABULARY).ids,
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\n\t\r", "\0", "<br />", "... -- ,;:", "\u200b\ufeff", "&amp;&#8230;"),
        *("\u0301\ufe0f", "\u202e\u202c", "™©", "</p>", "( ]"),
    ],
)
def test_a_text_without_words_is_one_unknown_token(encoder: TextEncoder, text: str) -> None:
    encoded = encoder.encode(text)
    assert encoded.ids.tolist() == [UNKNOWN_ID]
    assert (encoded.tokens, encoded.offsets, encoded.truncated) == (0, [], False)
    assert encoded.unknown_fraction == 0


def test_the_names_of_special_tokens_are_ordinary_words(encoder: TextEncoder) -> None:
    """A client cannot write padding into a text."""
    encoded = encoder.encode("good [PAD] [UNK] good")
    assert words(encoder, "good [PAD] [UNK] good") == ["good", "PAD", "UNK", "good"]
    assert encoded.ids.tolist()[1:3] == [UNKNOWN_ID] * 2
    assert encoded.unknown_fraction == 0.5


def test_unknown_fraction_is_the_share_of_words_that_training_never_saw(
    encoder: TextEncoder,
) -> None:
    assert encoder.encode("good film").unknown_fraction == 0
    assert encoder.encode("good zyx film xyz").unknown_fraction == 0.5
    assert encoder.encode("zyx").unknown_fraction == 1


@pytest.mark.parametrize("limit", [1, 2, 7, 64])
def test_a_long_text_keeps_its_head_and_its_tail(tokenizer: Tokenizer, limit: int) -> None:
    text = " ".join(VOCABULARY.split() * 4)  # 84 words
    everything = TextEncoder(tokenizer, 1_000).encode(text, with_offsets=True)
    assert not everything.truncated
    encoded = TextEncoder(tokenizer, limit).encode(text, with_offsets=True)
    assert encoded.truncated
    assert encoded.tokens == len(encoded.offsets) == len(encoded.ids) == limit
    head, tail = limit - limit // 2, limit // 2
    kept = [*range(head), *range(everything.tokens - tail, everything.tokens)]
    assert encoded.ids.tolist() == [everything.ids[i] for i in kept]
    assert encoded.offsets == [everything.offsets[i] for i in kept]


def test_marks_behind_what_is_read_belong_to_no_word(encoder: TextEncoder) -> None:
    text = "good \u0301film" + "\u0301" * 5_000_000
    read = encoder.max_tokens * CHARACTERS_PER_TOKEN // 2
    assert all(end <= read for _, end in encoder.encode(text, with_offsets=True).offsets)


def test_a_text_of_exactly_as_many_words_as_are_read_is_whole(tokenizer: Tokenizer) -> None:
    encoder = TextEncoder(tokenizer, 5)
    assert not encoder.encode("good " * 5).truncated
    assert encoder.encode("good " * 6).truncated


def test_a_text_too_long_to_tokenise_keeps_both_ends_with_their_offsets(
    tokenizer: Tokenizer,
) -> None:
    encoder = TextEncoder(tokenizer, 8)
    filler = "film " * 8 * CHARACTERS_PER_TOKEN
    text = "good fine 😀 " + filler + "cafe\u0301 bad!"
    encoded = encoder.encode(text, with_offsets=True)
    assert encoded.truncated
    found = [text[start:end] for start, end in encoded.offsets]
    assert found == ["good", "fine", "😀", "film", "film", "cafe\u0301", "bad", "!"]


@pytest.mark.parametrize(
    "piece",
    [
        *("good ", "g", "go", "zyx ", "é ", "ooo ", " ", "\0", "ﷺ", "😀", "🇩", "👍🏽"),
        *("e\u0301", "\u0301", "\u200b", "\u202e", "\U000e0067", "\ufe0f"),
        *("<br />", "<br ", "<br x", "<", "&#1", "&#39;", "&", "=)", ":-", "</3", "!", "?!", "'"),
    ],
)
def test_ten_million_characters_give_a_bounded_answer(encoder: TextEncoder, piece: str) -> None:
    text = (piece * (10_000_000 // len(piece) + 1))[:10_000_000]
    encoded = encoder.encode(text, with_offsets=True)
    assert encoded.truncated
    assert 1 <= len(encoded.ids) <= encoder.max_tokens
    assert len(encoded.offsets) == encoded.tokens <= encoder.max_tokens
    read = encoder.max_tokens * CHARACTERS_PER_TOKEN // 2
    assert all(
        0 <= start < end <= read or len(text) - read <= start < end <= len(text)
        for start, end in encoded.offsets
    )


def test_a_tokenizer_that_knows_no_unknown_is_none_of_ours() -> None:
    with pytest.raises(ValueError, match="UNK"):
        TextEncoder(Tokenizer(WordLevel({"word": 0}, unk_token="word")), 10)  # noqa: S106


def test_a_tokenizer_that_was_saved_reads_as_before(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    loaded = TextEncoder.load(tmp_path / "tokenizer.json", 64)
    before = TextEncoder(tokenizer, 64).encode(VOCABULARY, with_offsets=True)
    after = loaded.encode(VOCABULARY, with_offsets=True)
    np.testing.assert_array_equal(after.ids, before.ids)
    assert after.offsets == before.offsets


def test_rows_are_padded_with_zero_to_the_longest() -> None:
    batch = pad([np.array([5, 6, 7]), np.array([8])])
    np.testing.assert_array_equal(batch["ids"], [[5, 6, 7], [8, 0, 0]])
    np.testing.assert_array_equal(batch["lengths"], [3, 1])
    assert (str(batch["ids"].dtype), str(batch["lengths"].dtype)) == ("int64", "int32")
