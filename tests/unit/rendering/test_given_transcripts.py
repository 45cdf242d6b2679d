"""Transcripts as callers send them: what they may leave out, and what is refused."""

import csv
import json
from typing import Any

import pytest
from pydantic import ValidationError

from app.contract.answers import Transcript
from app.rendering import GivenTranscript
from app.rendering.transcripts import render_json


def word(text: str, start: float, end: float, **fields: float) -> dict[str, Any]:
    return {"word": text, "start": start, "end": end, **fields}


# A pause of a second and more separates the last word.
WORDS = [word("Eg", 0.4, 0.5, confidence=0.5), word("kjem", 0.6, 0.9), word("– ja.", 2.5, 3.0)]


def parsed(**fields: Any) -> Transcript:
    return GivenTranscript.model_validate({"words": WORDS, "duration": 3.0} | fields).transcript()


def segment_texts(transcript: Transcript) -> list[str]:
    return [segment.text for segment in transcript.segments]


def test_omitted_fields_follow_from_the_words() -> None:
    transcript = parsed()
    assert transcript.text == "Eg kjem – ja."
    assert segment_texts(transcript) == ["Eg kjem", "– ja."]
    assert transcript.language == "und"
    assert transcript.confidence == pytest.approx((0.5 + 1 + 1) / 3, abs=0.1)
    assert transcript.formatted_text is None
    assert parsed(text="").text == ""


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        (["Eg", "kjem – ja."], ["Eg", "kjem – ja."]),
        (["", "Eg kjem – ja."], ["Eg kjem – ja."]),
        (["Eg  kjem\n–  ja."], ["Eg kjem – ja."]),
        # Those that do not fit the words are replaced by pauses.
        ([], ["Eg kjem", "– ja."]),
        (["Eg"], ["Eg kjem", "– ja."]),
        (["Eg", "kjem –", "ja."], ["Eg kjem", "– ja."]),
        (["Eg", "kjem – ja. og"], ["Eg kjem", "– ja."]),
        (["Eg", "kom – ja."], ["Eg kjem", "– ja."]),
    ],
)
def test_segments_take_the_words_of_their_text(given: list[str], texts: list[str]) -> None:
    assert segment_texts(parsed(segments=[{"text": text} for text in given])) == texts


def test_formatted_words_are_rendered_instead_of_the_others() -> None:
    body = json.dumps(
        {
            "words": WORDS,
            "duration": 3.0,
            "formatted_words": [word("Eg", 0.4, 0.5), word("kjem.", 0.6, 0.9), word("Ja!", 2, 3)],
            "formatted_segments": [{"text": "Eg"}, {"text": "kjem. Ja!"}],
        }
    ).encode()
    rendered = render_json(body, "tsv", recording="", word_cues=False)
    rows = list(csv.DictReader(rendered.text.splitlines(), delimiter="\t"))
    assert [row["text"] for row in rows] == ["Eg", "kjem. Ja!"]
    assert render_json(body, "text", recording="", word_cues=False).text.strip() == "Eg kjem. Ja!"


@pytest.mark.parametrize("name", ["words", "formatted_words"])
@pytest.mark.parametrize(
    ("words", "refused"),
    [
        ([word("a", 1, 2), word("b", 1, 1)], None),
        ([word("a", 1, 3), word("b", 2, 2.5)], None),
        ([word("a", 1, 2), word("b", 0.9, 3)], "1 ('b')"),
        ([word("a", 1, 0.9)], "0 ('a')"),
    ],
)
def test_words_are_in_order_and_end_after_they_begin(
    name: str, words: list[dict[str, Any]], refused: str | None
) -> None:
    if refused is None:
        parsed(**{name: words})
        return
    with pytest.raises(ValidationError) as caught:
        parsed(**{name: words})
    assert f"{name}.{refused} begins before the word before it" in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"duration": 1.1e7}, "duration"),
        ({"duration": -1}, "duration"),
        ({"duration": float("nan")}, "duration"),
        ({"words": [word("a", 0, 1.1e7)]}, "words.0.end"),
        ({"words": [word("a", 0, 1, confidence=1.1)]}, "words.0.confidence"),
        ({"words": [word("a", 0, 1, confidence=-0.1)]}, "words.0.confidence"),
    ],
)
def test_values_out_of_range_are_refused(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        parsed(**fields)
    assert [".".join(map(str, issue["loc"])) for issue in caught.value.errors()] == [place]
