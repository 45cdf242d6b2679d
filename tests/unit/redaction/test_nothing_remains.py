"""Whatever is spoken around it: nothing of what is masked is left, and all else stays."""

import re
from dataclasses import replace

import numpy as np
import pytest
from blank_transcript import blank_transcript
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from spoken_words import said

from app.contract.answers import Word
from app.contract.redaction import REDACT_KINDS
from app.decoding import DecodingOptions
from app.decoding.types import Hypothesis
from app.formats import FORMATS, render
from app.itn import FormattingOptions
from app.pipeline.text import decode_text
from app.redaction import RedactionOptions, mask_hypotheses

FILLERS = ("ja", "vi", "kan", "møtes", "eller", "nummeret", "bilen", "deres", "hos", "kaffe")
NAMES = ("Gunvor", "Ole Brumm")
NUMBERS = ("13097248022", "53097248016", "0412583410", "92223344", "5555555555554444")
ADDRESS = "fredrik punktum olsen krøllalfa firma punktum no"
LABELS = re.compile(r"\[[\w-]+\]")
NOT_TEXT = ("json", "docx", "stl")
TAGS = re.compile(r"<[^<>]*>")
BLANK = blank_transcript(100.0, decoder="", request_id="")

secrets = st.one_of(
    st.tuples(st.sampled_from(NUMBERS), st.booleans()),
    st.sampled_from([*(name.lower() for name in NAMES), ADDRESS]),
)
parts = st.lists(st.one_of(st.sampled_from(FILLERS), secrets), max_size=8)


class Scripted:
    """Decodes everything into given hypotheses."""

    def __init__(self, *hypotheses: Hypothesis) -> None:
        self.hypotheses = hypotheses

    def decode(self, *_: object, **__: object) -> tuple[Hypothesis, ...]:
        return self.hypotheses


def speak(content: list, language: str, pauses: list[float]) -> tuple[list[Word], set[str]]:
    """Returns the words of some parts, each followed by an ordinary word, and which are secret."""
    words: list[Word] = []
    hidden: set[str] = set()
    now = 0.0
    for index, part in enumerate(content):
        if isinstance(part, tuple):
            texts = said(part[0], language, pairs=part[1]).split()
        else:
            texts = part.split()
        if part not in FILLERS:
            hidden.update(texts)
        for text in [*texts, "altså"]:
            words.append(Word(text, now, now + 0.2, 0.9))
            now += 0.2 + pauses[index % len(pauses)]
    return words, hidden - {"no"}


@settings(max_examples=examples(40), deadline=None)
@given(
    parts,
    st.sampled_from(["da", "nb", "nn"]),
    st.lists(st.sampled_from([0.0, 0.1, 0.8]), min_size=1, max_size=3),
)
def test_nothing_masked_is_left_in_any_text_and_the_rest_is_unchanged(
    content: list, language: str, pauses: list[float]
) -> None:
    words, hidden = speak(content, language, pauses)
    other = [replace(word, start=word.start + 0.01, end=word.end + 0.01) for word in words]
    hypotheses = [
        Hypothesis(" ".join(w.word for w in each), tuple(each), -float(i))
        for i, each in enumerate((words, other))
    ]
    transcript = decode_text(
        Scripted(*hypotheses),  # type: ignore[arg-type]
        np.zeros((0, 0), dtype=np.float32),
        DecodingOptions(n_best=2),
        replace(BLANK, language=language),
        frame_seconds=0.02,
        formatting=FormattingOptions(),
        redaction=RedactionOptions(frozenset(REDACT_KINDS), NAMES),
    )
    texts = {name: render(transcript, name).text for name in FORMATS if name not in NOT_TEXT}
    # JSON's own null is spelled like the number word.
    texts["json"] = transcript.to_json().replace(":null", "")
    for name, text in texts.items():
        left = {token.lower() for token in re.findall(r"\w+", LABELS.sub(" ", TAGS.sub(" ", text)))}
        assert not hidden & left, name
    kept = [word for word in transcript.words if not LABELS.fullmatch(word.word)]
    assert kept == [word for word in words if word.word in (*FILLERS, "altså")]
    expected = sum(part not in FILLERS for part in content)
    assert len(transcript.redactions or ()) == len(transcript.words) - len(kept) == expected


@settings(max_examples=examples(50), deadline=None)
@given(
    st.lists(
        st.sampled_from([*FILLERS, "en", "to", "tjue", "og", "tolvte", "mai", "at", "punktum"]),
        max_size=7,
    ),
    st.sampled_from(["da", "nb", "nn"]),
)
def test_too_few_digits_for_any_number_change_nothing(texts: list[str], language: str) -> None:
    words = [Word(text, i * 0.3, i * 0.3 + 0.2, 0.9) for i, text in enumerate(texts)]
    options = RedactionOptions(frozenset({"national-id", "card", "phone"}))
    (masked,), redactions = mask_hypotheses([words], language, options)
    digits = sum(2 if text in ("tjue", "tolvte", "mai") else 1 for text in texts)
    if digits < 8:
        assert list(masked) == words
        assert redactions == ()


@pytest.mark.parametrize("kind", sorted({"national-id", "phone", "card", "email", "names"}))
def test_no_words_have_nothing_to_mask(kind: str) -> None:
    options = RedactionOptions(frozenset({kind}), NAMES)  # type: ignore[arg-type]
    assert mask_hypotheses([[]], "nb", options) == ([()], ())
