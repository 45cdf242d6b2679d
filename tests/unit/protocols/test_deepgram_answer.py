"""Deepgram's words and options: spoken words beside punctuated ones, and formatting options."""

from datetime import UTC, datetime

import pytest
from blank_transcript import blank_transcript

from app.api.deepgram.answer import render
from app.api.deepgram.parameters import parse_listen
from app.contract.answers import Word
from app.decoding import Hotword
from app.itn import FormattingOptions
from app.itn.formatting import format_transcript
from app.pipeline.text import with_words

SPOKEN = tuple(
    Word(text, start, start + 0.3, 0.5 + start / 100)
    for text, start in (
        ("eee", 0.2), ("vi", 0.6), ("møtes", 1.0), ("tredje", 1.5), ("mai", 1.9),
        ("klokka", 3.0), ("halv", 3.4), ("åtte", 3.8), ("da", 6.5), ("er", 6.9), ("det", 7.3),
        ("tjuefem", 7.7), ("prosent", 8.1),
    )
)  # fmt: skip


def answer(query: list[tuple[str, str]]) -> dict:
    """The results of a request for those words."""
    options = parse_listen(query)
    formatted_words = None
    if options.formatting is not None:
        formatted_words = format_transcript(SPOKEN, "nb", options.formatting).words
    blank = blank_transcript(8.4)
    transcript = with_words(blank, SPOKEN, formatted_words)
    created = datetime(2026, 11, 28, 12, tzinfo=UTC)
    body = render(transcript, options, request_id="id", sha256="00", created=created)
    return body.model_dump(exclude_none=True)["results"]


def test_punctuated_word_stands_beside_its_spoken_words() -> None:
    (best,) = answer([("smart_format", "true")])["channels"][0]["alternatives"]
    pairs = [(word["punctuated_word"], word["word"]) for word in best["words"]]
    assert pairs == [
        ("Vi", "vi"), ("møtes", "møtes"), ("3.", "tredje"), ("mai.", "mai"),
        ("Klokka", "klokka"), ("7.30.", "halv åtte"), ("Da", "da"), ("er", "er"),
        ("det", "det"), ("25", "tjuefem"), ("prosent.", "prosent"),
    ]  # fmt: skip
    assert best["transcript"] == " ".join(written for written, _ in pairs)
    first, second = best["paragraphs"]["paragraphs"]
    # The full stop of the ordinal ends no sentence.
    assert [sentence["text"] for sentence in first["sentences"]] == [
        "Vi møtes 3. mai.",
        "Klokka 7.30.",
    ]
    assert (second["start"], second["end"]) == (6.5, 8.4)


def test_filler_words_stay_on_request_and_without_sentences() -> None:
    for query, there in (
        ([], True),
        ([("punctuate", "true")], False),
        ([("punctuate", "true"), ("filler_words", "true")], True),
    ):
        (best,) = answer(query)["channels"][0]["alternatives"]
        assert ("eee" in best["transcript"].lower()) is there


def test_punctuate_alone_leaves_numbers_in_words() -> None:
    (best,) = answer([("punctuate", "true")])["channels"][0]["alternatives"]
    assert best["transcript"] == (
        "Vi møtes tredje mai. Klokka halv åtte. Da er det tjuefem prosent."
    )


def test_utterances_split_at_pauses_longer_than_utt_split() -> None:
    texts = [
        [one["transcript"] for one in answer([("utterances", "true"), *more])["utterances"]]
        for more in ([("utt_split", "0.5")], [])
    ]
    assert [len(each) for each in texts] == [3, 2]
    assert " ".join(texts[0]) == " ".join(texts[1]) == " ".join(word.word for word in SPOKEN)


@pytest.mark.parametrize(
    ("query", "formatting"),
    [
        ([], None),
        ([("filler_words", "true")], None),
        ([("punctuate", "false"), ("smart_format", "false")], None),
        ([("punctuate", "true")], FormattingOptions(numbers=False, remove_hesitations=True)),
        ([("smart_format", "true")], FormattingOptions(remove_hesitations=True)),
        (
            [("numerals", "true"), ("filler_words", "true")],
            FormattingOptions(),
        ),
        (
            [("profanity_filter", "true")],
            FormattingOptions(numbers=False, remove_hesitations=True, mask_profanities=True),
        ),
    ],
)
def test_each_option_sets_its_own_formatting(
    query: list[tuple[str, str]], formatting: FormattingOptions | None
) -> None:
    assert parse_listen(query).formatting == formatting


def test_intensifier_scales_the_weight_of_a_keyword() -> None:
    query = [
        ("keywords", "Ås"), ("keywords", "votering:2"), ("keyterm", "Jens: Stoltenberg"),
        ("keywords", ""),
    ]  # fmt: skip
    assert parse_listen(query).decoding.hotwords == (
        Hotword("Ås", 10.0),
        Hotword("votering", 20.0),
        Hotword("Jens: Stoltenberg", 10.0),
    )
