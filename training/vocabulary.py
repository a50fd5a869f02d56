"""The tokenizer artifact of a sentiment model, learnt from training texts only."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import NFKC, Lowercase, Replace, Sequence
from tokenizers.pre_tokenizers import Split
from tokenizers.trainers import WordLevelTrainer

from service.contract.text import PADDING, UNKNOWN

UNKNOWN_ID = 1

# Words keep an inner apostrophe (don't, film's); of the signs only those that carry mood stay.
WORD = r"[\p{L}\p{N}\p{M}]+(?:'\p{L}+)*|[!?]|\p{So}"


def build_tokenizer(texts: Iterable[str], vocabulary_size: int) -> Tokenizer:
    """The `vocabulary_size` most frequent words in lower case, behind padding (0), unknown (1)."""
    tokenizer = Tokenizer(WordLevel({PADDING: 0, UNKNOWN: UNKNOWN_ID}, unk_token=UNKNOWN))
    tokenizer.normalizer = Sequence(
        [Replace(Regex(r"<br\s*/?>"), " "), NFKC(), Replace("’", "'"), Lowercase()]
    )
    tokenizer.pre_tokenizer = Split(Regex(WORD), behavior="removed", invert=True)
    trainer = WordLevelTrainer(
        vocab_size=vocabulary_size + 2, special_tokens=[PADDING, UNKNOWN], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
