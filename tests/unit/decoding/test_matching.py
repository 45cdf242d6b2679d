"""Verbalisation of a written text: which words there are, and the tokens they may be spoken as."""

import pytest
from spoken import VOCABULARY

from app.decoding.matching import WrittenWord, written_words
from app.vocabulary import Vocabulary


def spoken_forms(word: WrittenWord, vocabulary: Vocabulary = VOCABULARY) -> list[str]:
    return [
        "".join(vocabulary.tokens[token] for part in parts for token in part.tokens)
        for parts in word.verbalisations
    ]


def only_word(text: str, language: str | None, vocabulary: Vocabulary = VOCABULARY) -> WrittenWord:
    (word,) = written_words(text, vocabulary, language=language)
    return word


@pytest.mark.parametrize(
    ("language", "written", "forms"),
    [
        ("nb", "0", ["null"]),
        ("nb", "7", ["sju", "syv"]),
        ("nn", "7", ["sju"]),
        ("da", "7", ["syv"]),
        ("nb", "21", ["tjueen", "tyveen", "toen"]),
        ("nn", "21", ["tjueein", "toein"]),
        ("nb", "3.", ["tredje", "tre"]),
        ("nb", "3.,", ["tre"]),
        ("nb", "112", ["etthundreogtolv", "enento"]),
        (
            "nn",
            "1998",
            ["eitttusennihundreognittiåtte", "nittenhundreognittiåtte", "nittennittiåtte",
             "einniniåtte"],
        ),
        ("da", "1200", ["ettusindtohundrede", "tolvhundrede", "tolvnul", "entonulnul"]),
        ("nn", "2198", ["totuseneitthundreognittiåtte", "toeinniåtte", "tjueeinnittiåtte"]),
        ("nn", "12345678", ["eintotrefirefemsekssjuåtte", "tolvtrettifirefemtisekssyttiåtte"]),
        ("nn", "112.", ["eitthundreogtolv", "eineinto"]),
        ("nb", "1.200", ["etttusentohundre", "entonullnull"]),
        ("nb", "1.20", ["entjue", "entyve", "entonull"]),
        ("nb", "1,5", ["enkommafem", "enfem"]),
        ("nn", "12:30", ["tolvtretti", "eintotrenull"]),
    ],
)  # fmt: skip
def test_number_has_its_spoken_forms_likeliest_first(
    language: str, written: str, forms: list[str]
) -> None:
    assert spoken_forms(only_word(written, language)) == forms


def test_every_form_of_a_language_without_numerals_is_unknown() -> None:
    for language in ("sv", None):
        word = only_word("21", language)
        assert (word.text, word.verbalisations, word.certain) == ("21", (), False)
        assert only_word("hus21", language).verbalisations == ()


@pytest.mark.parametrize(
    ("written", "forms"),
    [
        ("2-3", ["totre"]),
        ("20-30-årene", ["tjuetrettiårene", "tyvetredveårene", "tonulltrenullårene"]),
        # The second number has one form only, which all forms of the word share.
        ("21/5", ["tjueenfem", "tyveenfem", "toenfem"]),
        ("5/21", ["femtjueen", "femtyveen", "femtoen"]),
    ],
)
def test_numbers_of_one_word_are_spoken_in_the_same_style(written: str, forms: list[str]) -> None:
    assert spoken_forms(only_word(written, "nb")) == forms


def test_word_with_a_number_that_cannot_be_spelled_is_unknown() -> None:
    digits = Vocabulary(("|", *"entofm", "[PAD]"), 7, 0, frozenset({7}))
    assert spoken_forms(only_word("1/2", "nb", digits), digits) == ["ento"]
    assert only_word("1/3", "nb", digits).verbalisations == ()


@pytest.mark.parametrize(
    ("language", "written", "parts"),
    [
        ("nb", "«Hei»,", [("H", "h"), ("e", "e"), ("i", "i")]),
        ("nb", "7-åring", [("7", "sju"), *((letter, letter) for letter in "åring")]),
        ("nb", "kl.12:30!", [("k", "k"), ("l", "l"), ("12:30", "tolvtretti")]),
        ("nb", "A4", [("A", "a"), ("4", "fire")]),
        ("nb", "5%", [("5", "fem"), ("%", "prosent")]),
        ("nn", "§5", [("§", "paragraf"), ("5", "fem")]),
        ("da", "5%", [("5", "fem"), ("%", "procent")]),
        ("da", "2+2", [("2", "to"), ("+", "plus"), ("2", "to")]),
        ("nn", "2+2", [("2", "to"), ("+", "pluss"), ("2", "to")]),
        ("nb", "B&B", [("B", "b"), ("&", "og"), ("B", "b")]),
        ("sv", "B&B", [("B", "b"), ("B", "b")]),
        ("nb", "Idé", [("I", "i"), ("d", "d"), ("é", "e")]),
        ("nb", "Ide\N{COMBINING ACUTE ACCENT}", [("I", "i"), ("d", "d"), ("é", "e")]),
        ("nb", "żół", [("ż", "z"), ("ó", "o")]),
        ("nb", "Bjørk", [(letter, letter.lower()) for letter in "Bjørk"]),
        ("sv", "Ö", [("Ö", "ø")]),
        ("sv", "är", [("ä", "æ"), ("r", "r")]),
        ("nb", "жук", []),
    ],
)
def test_characters_and_numbers_keep_their_writing_beside_their_tokens(
    language: str, written: str, parts: list[tuple[str, str]]
) -> None:
    word = only_word(written, language)
    assert word.text == written
    first = word.verbalisations[0] if word.verbalisations else ()
    assert [
        (part.text, "".join(VOCABULARY.tokens[token] for token in part.tokens)) for part in first
    ] == parts


def test_vocabulary_of_capitals_matches_either_case() -> None:
    capitals = Vocabulary(("|", *"ABDEFHIKLMNOPRSTUVYÅ", "[PAD]"), 21, 0, frozenset({21}))
    for written, forms in {
        "hei": ["HEI"],
        "Åse": ["ÅSE"],
        "idé": ["IDE"],
        "3": ["TRE"],
        "5%": ["FEMPROSENT"],
    }.items():
        assert spoken_forms(only_word(written, "nb", capitals), capitals) == forms


def test_exact_character_is_preferred_to_another_case_or_a_plain_one() -> None:
    both = Vocabulary(("|", "E", "e", "é", "É", "[PAD]"), 5, 0, frozenset({5}))
    assert spoken_forms(only_word("EeéÉ", "nb", both), both) == ["EeéÉ"]
    lower = Vocabulary(("|", "e", "é", "[PAD]"), 3, 0, frozenset({3}))
    assert spoken_forms(only_word("EeéÉ", "nb", lower), lower) == ["eeéé"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" – … \n", []),
        ("hei  du\n", ["hei", "du"]),
        ("hei – du !", ["hei –", "du !"]),
        ("– « hei ? !", ["– « hei ? !"]),
        ("ja жук - nei", ["ja", "жук -", "nei"]),
        # A sign that is spoken in this language is a word.
        ("du & jeg", ["du", "&", "jeg"]),
    ],
)
def test_what_is_never_spoken_belongs_to_the_word_before_it(text: str, words: list[str]) -> None:
    found = written_words(text, VOCABULARY, language="nb")
    assert [word.text for word in found] == words


def test_mark_after_a_word_leaves_its_forms_as_they_are() -> None:
    assert only_word("21 –", "nb").verbalisations == only_word("21", "nb").verbalisations
    assert only_word("– 21", "nb").verbalisations == only_word("21", "nb").verbalisations


def test_words_joined_by_spaces_are_the_text_with_normalised_white_space() -> None:
    text = " –\tHei , du !  Ja\u00a0– 21 % … жук ; "
    words = written_words(text, VOCABULARY, language="da")
    assert " ".join(word.text for word in words) == " ".join(text.split())


def test_word_is_certain_only_with_a_single_form() -> None:
    assert [word.certain for word in written_words("hei 5 7 жук", VOCABULARY, language="nb")] == [
        True,
        True,
        False,
        False,
    ]
