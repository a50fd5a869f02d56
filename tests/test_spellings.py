"""However a word is written, and whatever is hidden in it, it is read as that word."""

from __future__ import annotations

import random
import string

import pytest

from service.contract.text import TextEncoder
from training.vocabulary import build_tokenizer

VOCABULARY = (
    "a fine film don't film's deja cafe naive straße strasse office ii 1 2 100 istanbul good bad "
    "great so soo cool hm no yes br 8 1234567 "
    "! !! ? ?? :) :-) :') :( ;-( :/ =d :'( <3 </3 👍 ❤ 🇩 🇪 映画"
)

PIECES = [
    *VOCABULARY.split(),
    *("<br />", "<br>", "<BR>", "<br\n/>", "</P>", "<a href='x'>", "<Strong>", "<h1>", "<h7>"),
    *("<br ", "<b", "</", "<bad>", "<!--", "-->", "<i\0>", "<i_>", "<p class=", ">", "<a b >"),
    *(f"<p x ={'y' * letters}>" for letters in (199, 200, 201)),
    *("&#39;", "&#X27;", "&APOS;", "&amp;", "&QUOT;", "&nbsp;", "&lt;", "&#1", "&#123456;"),
    *("&#1234567;", "&;", "&#;", "&amp", "&am\0p;", "&lt;br&gt;", "&amp;#39;"),
    *(":)", ":-)", ":'(", "=]", ";[", ":D", ":d", ":dd", "=P", "=p2", ":/", "://", ":|", ":*"),
    *("<3", "</3", "<33", "<3!", ":\0)", "[UNK]", "[PAD]", "sooo", "Goood", "!!!", "????", "ooo"),
    *("oo", "cooool", "hmmm", "xxx", "000", "iii", "s\0o\x7foo", "don't've", "'", "''", "_", "z"),
]


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return TextEncoder(build_tokenizer([VOCABULARY], 1_000), max_tokens=1_000)


def ids(encoder: TextEncoder, text: str) -> list[int]:
    """Of the words of a text, with the unknown fraction checked against them."""
    encoded = encoder.encode(text)
    assert encoded.ids.tolist() == encoder.encode(text, with_offsets=True).ids.tolist()
    return encoded.ids.tolist() if encoded.tokens else []


@pytest.mark.parametrize(
    ("written", "read"),
    [
        # One letter in several ways.
        ("café déjà naïve", "cafe deja naive"),
        ("cafe\u0301 de\u0301ja\u0300 CAFE\u0301", "cafe deja cafe"),
        ("ﬁne oﬃce １００ ⅱ ②", "fine office 100 ii 2"),
        ("ＦＩＮＥ　ｆｉｌｍ！ ＧＲＥＡＴ：）", "fine film! great:)"),
        ("İSTANBUL Istanbul", "istanbul istanbul"),
        ("STRAẞE STRASSE", "straße strasse"),
        ("𝓰𝓸𝓸𝓭 𝐟𝐢𝐥𝐦 ⓑⓐⓓ", "good film bad"),
        ("g̵̨̛̺̝͑r̶͖̈́͝e̷͓͋a̸̭͌t̴͖̃ g\u0336o\u0336o\u0336d\u0336", "great good"),
        ("don’t DON‘T donʼt Ｄｏｎ＇ｔ film’s", "don't don't don't don't film's"),
        ("don&#39;t don&#x27;T DON&APOS;T", "don't don't don't"),
        ("don\x92t DON\x91T don`t DON´T `good´", "don't don't don't don't good"),
        # What does not show hides no word.
        ("g\0r\0e\0a\0t g\x01r\x08e\x0ea\x1bt\x7f", "great great"),
        ("gr\u200beat g\u200cr\u200de\u2060a\ufefft", "great great"),
        ("gr\u00adeat gre\u034fat", "great great"),
        ("gr\x81eat g\x8dr\x8fe\x90a\x9dt", "great great"),
        ("\u202egreat\u202c \u200fbad\u200e \u2067good\u2069 \u061cfine", "great bad good fine"),
        ("gr\u202eea\u202ct b\u200fad g\u2067oo\u2069d fi\u061cne", "great bad good fine"),
        ("b\ufe0fa\ufe00d go\u180eod fi\u3164ne f\U000e0067\U000e0001ilm", "bad good fine film"),
        ("👍\ufe0f 👍🏽 ❤\ufe0f ❤", "👍 👍 ❤ ❤"),
        ("1\ufe0f\u20e3 2\u20e3 🇩🇪", "1 2 🇩 🇪"),
        ("映\u200b画", "映画"),
        # What stands between words stays between them.
        ("good\tbad\nfine\x0bfilm\x0cno\ryes\x1cso\x1fa", "good bad fine film no yes so a"),
        ("good\x85bad\u00a0fine\u2028film\u3000no", "good bad fine film no"),
        ("\x93good\x94 bad\x97fine\x96film", "good bad fine film"),
        ("  ...good,\n\tbad; — fine/film", "good bad fine film"),
        # HTML.
        ("a<br /><br />film", "a film"),
        ("a<BR />film<bR>fine<br/>bad<br\n>good", "a film fine bad good"),
        ("<p>a</p><i>film</i> <A HREF='x' class=\"y\">fine</A><h2>bad</h2>", "a film fine bad"),
        ("so<em\0>good<st\u200brong>bad", "so good bad"),
        ("<br clear='all'><a\nhref = x>bad</a >", "bad"),
        ("<bad> <great film> <a great film> <A FILM!>", "bad great film a great film a film!"),
        ("bad <br", "bad br"),
        ("good&amp;bad&NBSP;fine&#8230;film&lt;so&gt;no&quot;", "good bad fine film so no"),
        ("&amp;bad;", "bad"),
        ("&#1 &1234567;", "1 1234567"),
        # Signs that carry mood.
        ("great! great!! great!!! great!!!!!!!!", "great ! great !! great !! great !!"),
        ("so?!?! no???", "so ? ! ? ! no ??"),
        (":) :-) :') good:) :)))", ":) :-) :') good :) :)"),
        (";-( =D =d 8:/ :/.", ";-( =d =d 8 :/ :/"),
        ("<3 </3 <3! good<3", "<3 </3 <3 ! good <3"),
        (":\u200b) :’(", ":) :'("),
        # Letters drawn out.
        ("sooo soooooooo SOOOO", "soo soo soo"),
        ("coool goooood greeeat baaaad nooo yesss", "cool good great bad no yes"),
        ("fiiiine fiiilm hmmmmm", "fine film hm"),
        ("coooolll ccccooool goooodddd baaaddd greeeeaaattt", "cool cool good bad great"),
        ("ｓｏｏｏｏ s\u0301ooo so\u200boo ⅲ", "soo soo soo ii"),
        ("don’tttt", "don't"),
    ],
)
def test_spellings_of_the_same_words_give_the_same_ids(
    encoder: TextEncoder, written: str, read: str
) -> None:
    assert ids(encoder, written) == ids(encoder, read)
    assert encoder.encode(read).unknown_fraction == 0


@pytest.mark.parametrize("word", VOCABULARY.split())
def test_every_word_of_the_vocabulary_is_one_word_of_its_own(
    encoder: TextEncoder, word: str
) -> None:
    """So that texts with the same ids above are not alike because nobody knows them."""
    encoded = encoder.encode(f"{word} {word.upper()}" if word != "straße" else f"{word} {word}")
    assert encoded.tokens == 2
    assert encoded.unknown_fraction == 0
    assert len(set(encoded.ids.tolist())) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("http://good https://bad", ["http", "good", "https", "bad"]),
        ("8:30 a:b so:do 1=2", ["8", "30", "a", "b", "so", "do", "1", "2"]),
        ("a=pb :dare =3 <30 </30", ["a", "pb", "dare", "3", "30", "30"]),
        ("(: ): ) ( [ ]", []),
        ("I'm 'good' o'", ["I'm", "good", "o"]),
        ("100 1000 10000", ["100", "1000", "10000"]),
        ("<img> <bread> <a-b", ["img", "bread", "a", "b"]),
        ("½ ﷺ", ["½", "½", "ﷺ", "ﷺ", "ﷺ", "ﷺ"]),
    ],
)
def test_what_only_looks_like_a_sign_is_none(
    encoder: TextEncoder, text: str, words: list[str]
) -> None:
    found = encoder.encode(text, with_offsets=True).offsets
    assert [text[start:end] for start, end in found] == words


def test_a_word_drawn_out_is_unknown_where_its_short_forms_are(encoder: TextEncoder) -> None:
    assert encoder.encode("zzzyx ooo 1000").unknown_fraction == 1


def test_digits_are_not_drawn_out(encoder: TextEncoder) -> None:
    assert ids(encoder, "100") != ids(encoder, "1000")
    assert encoder.encode("1000 1111").unknown_fraction == 1


@pytest.mark.parametrize("seed", range(20))
def test_plain_text_gives_the_same_words_with_and_without_the_tokenizer(seed: int) -> None:
    """Every word is known to the tokenizer, so that the same ids are the same words."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    pieces = [*PIECES, *map(chr, range(128)), *(string.ascii_letters + " <>&;:='-()/3!?") * 2]
    pieces = [each.encode("ascii", "ignore").decode() for each in pieces]
    texts = ["".join(chance.choices(pieces, k=chance.randint(0, 120))) for _ in range(50)]
    encoder = TextEncoder(build_tokenizer(texts, 100_000), max_tokens=1_000)
    for text in texts:
        plain, traced = encoder.encode(text), encoder.encode(text, with_offsets=True)
        assert plain.ids.tolist() == traced.ids.tolist()
        assert (plain.tokens, plain.truncated) == (len(traced.offsets), traced.truncated)
        assert plain.unknown_fraction == traced.unknown_fraction
