"""Two speakers without a pause between them, as the clients of other protocols get them."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from blank_transcript import blank_transcript

from app.api.assemblyai.answer import paragraphs_body, sentences_body, transcript_body
from app.api.assemblyai.parameters import parse_transcript, restore_parameters
from app.api.deepgram.answer import render
from app.api.deepgram.parameters import parse_listen
from app.api.openai.speakers import diarized_json
from app.api.speakers import speaker_letters
from app.contract.answers import Speaker, Word
from app.contract.jobs import Job
from app.errors import InvalidRequestError
from app.itn import FormattingOptions
from app.pipeline.speakers import with_speakers
from app.pipeline.text import with_words
from app.speakers import Turn

WORDS = [
    Word(text, index * 0.3, index * 0.3 + 0.25, 0.9)
    for index, text in enumerate(["er", "du", "klar", "ja", "det", "er", "jeg"])
]
BLANK = blank_transcript(2.5)
TRANSCRIPT = with_speakers(
    with_words(BLANK, WORDS, None), (Turn(0.0, 0.88, 3), Turn(0.88, 2.4, 1)), FormattingOptions()
)
JOB = Job.model_construct(
    id="job_1", status="completed", language="nb", duration=2.5, webhook_url=None, error=None
)


def test_openai_gets_letters() -> None:
    body = json.loads(diarized_json(TRANSCRIPT))
    assert [(item["speaker"], item["text"]) for item in body["segments"]] == [
        ("A", "Er du klar."),
        ("B", "Ja det er jeg."),
    ]
    assert [item["id"] for item in body["segments"]] == ["seg_0", "seg_1"]


def test_deepgram_gets_numbers_and_utterances_of_one_speaker() -> None:
    query = [(name, "true") for name in ("diarize", "utterances", "paragraphs", "smart_format")]
    created = datetime(2026, 11, 29, tzinfo=UTC)
    body = render(TRANSCRIPT, parse_listen(query), request_id="id", sha256="", created=created)
    assert [(item.speaker, item.transcript) for item in body.results.utterances or ()] == [
        (0, "Er du klar."),
        (1, "Ja det er jeg."),
    ]
    (best,) = body.results.channels[0].alternatives
    assert [word.speaker for word in best.words] == [0, 0, 0, 1, 1, 1, 1]
    assert best.paragraphs is not None
    assert [paragraph.speaker for paragraph in best.paragraphs.paragraphs] == [0, 1]


def test_assemblyai_gets_utterances_of_one_speaker() -> None:
    body = transcript_body(JOB, {"audio_url": ""}, TRANSCRIPT)
    turns = [("A", "Er du klar."), ("B", "Ja det er jeg.")]
    assert [(item.speaker, item.text) for item in body.utterances or ()] == turns
    assert [word.speaker for word in body.words or ()] == ["A"] * 3 + ["B"] * 4
    sentences = sentences_body(JOB, TRANSCRIPT).sentences
    assert [(item.speaker, item.text) for item in sentences] == turns
    paragraphs = paragraphs_body(JOB, TRANSCRIPT).paragraphs
    assert [(item.speaker, item.text) for item in paragraphs] == turns


def test_answers_without_speakers_have_none() -> None:
    plain = with_words(BLANK, WORDS, None)
    body = transcript_body(JOB, {"audio_url": ""}, plain)
    assert body.utterances is None
    assert {word.speaker for word in body.words or ()} == {None}
    assert len(paragraphs_body(JOB, plain).paragraphs) == 1


def test_more_speakers_than_letters() -> None:
    speakers = tuple(Speaker(f"speaker {index}", 1.0) for index in range(1, 29))
    letters = speaker_letters(replace(TRANSCRIPT, speakers=speakers))
    assert [letters[f"speaker {index}"] for index in (1, 26, 27, 28)] == ["A", "Z", "AA", "AB"]


def test_numbers_of_speakers_of_assemblyai_are_those_of_a_job() -> None:
    sent = {
        "audio_url": "https://example.org/a.wav",
        "speaker_labels": True,
        "speaker_options": {"min_speakers_expected": 2, "max_speakers_expected": 4},
    }
    parameters, kept = parse_transcript(json.dumps(sent).encode())
    options = parameters.transcribe_options()
    assert (options.diarize, options.min_speakers, options.max_speakers) == (True, 2, 4)
    assert restore_parameters(kept) == parameters
    alone, _ = parse_transcript(json.dumps(sent | {"speaker_labels": False}).encode())
    assert alone.transcribe_options().model_dump(exclude_unset=True) == {}
    with pytest.raises(InvalidRequestError, match="speaker_options"):
        parse_transcript(json.dumps(sent | {"speaker_options": {"most": 4}}).encode())


def test_deepgram_refuses_speakers_within_channels() -> None:
    with pytest.raises(InvalidRequestError, match="accepted: one of them"):
        parse_listen([("diarize", "true"), ("multichannel", "true")])
