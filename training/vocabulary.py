"""The tokenizer artifact of a sentiment model, learnt from training texts only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import NFKD, Lowercase, Replace, Sequence, StripAccents
from tokenizers.pre_tokenizers import Split

from service.contract.text import PADDING, UNKNOWN, drawn_out

UNKNOWN_ID = 1

# What shows nothing and stands inside of words: controls, joiners, direction marks, variations.
INVISIBLE = (
    r"[\x00-\x08\x0e-\x1b\x7f\u0081\u008d\u008f\u0090\u009d\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    r"\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20e3\u3164\ufe00-\ufe0f\ufeff\uffa0"
    r"\ufff9-\ufffb\x{e0000}-\x{e0fff}]"
)
TAG = (
    r"(?i)</?(?:br|p|div|span|i|b|u|em|strong|ul|ol|li|a|h[1-6]|hr)"
    r"(?:[\t-\r ]+[a-z:-]+[\t-\r ]*=[^<>]{0,200})?[\t-\r ]*/?>"
)
APOSTROPHE = r"(?i)&(?:#39|#x27|apos);|[`´\u0091\u0092‘’ʼ＇]"
ENTITY = r"(?i)&(?:amp|quot|nbsp|lt|gt|#\d{1,6});|[©®™℠]"

# Words keep an inner apostrophe (don't, film's); of the signs only those that carry mood stay.
WORD = (
    r"[\p{L}\p{N}\p{M}]+(?:'\p{L}+)*|!+|\?+|\p{So}"
    r"|[:;=]['-]?(?:[()\[\]]|[dp/|*](?![\p{L}\p{N}/]))|</?3(?!\p{N})"
)


def build_tokenizer(texts: Iterable[str], vocabulary_size: int) -> Tokenizer:
    """The `vocabulary_size` most frequent words in lower case, behind padding (0), unknown (1).

    Words with a letter drawn out are left to be read as those that are not.
    """
    tokenizer = Tokenizer(WordLevel({PADDING: 0, UNKNOWN: UNKNOWN_ID}, unk_token=UNKNOWN))
    tokenizer.normalizer = Sequence(
        [
            Replace(Regex(INVISIBLE), ""),
            Replace(Regex(TAG), " "),
            Replace(Regex(APOSTROPHE), "'"),
            Replace(Regex(ENTITY), " "),
            NFKD(),
            Lowercase(),
            StripAccents(),
        ]
    )
    tokenizer.pre_tokenizer = Split(Regex(WORD), behavior="removed", invert=True)
    counts = Counter(word for text in texts for word in words_of(tokenizer, text))
    kept = sorted((word for word in counts if not drawn_out(word)), key=lambda w: (-counts[w], w))
    vocabulary = {PADDING: 0, UNKNOWN: UNKNOWN_ID}
    vocabulary |= {word: i for i, word in enumerate(kept[:vocabulary_size], start=2)}
    tokenizer.model = WordLevel(vocabulary, unk_token=UNKNOWN)
    return tokenizer


def words_of(tokenizer: Tokenizer, text: str) -> list[str]:
    """The words of a text as the vocabulary has them, known or not."""
    normalized = tokenizer.normalizer.normalize_str(text)
    return [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normalized)]
