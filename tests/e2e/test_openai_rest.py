"""OpenAI's own client against a real server: every form of answer, and every field it may send."""

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import openai
import pysubs2
import pytest
import soundfile
import webvtt
from demo_model import DEMO, sample_texts
from openai import AsyncOpenAI, OpenAI
from running import KEY, RunningServer

SPEECH = DEMO / "samples" / "sample-1.flac"
DANISH = DEMO.parent / "demo-da" / "samples" / "sample-1.flac"
SPOKEN = sample_texts()[0]
WRITTEN = SPOKEN[0].upper() + SPOKEN[1:] + "."


def client_of(server: RunningServer, key: str = "any") -> OpenAI:
    return OpenAI(base_url=f"{server.address}/v1", api_key=key, max_retries=0)


@pytest.fixture(scope="module")
def client(demos: RunningServer) -> Iterator[OpenAI]:
    with client_of(demos) as connected:
        yield connected


def transcribe(client: OpenAI, file: object = SPEECH, model: str = "whisper-1", **fields: object):
    return client.audio.transcriptions.create(file=file, model=model, **fields)  # type: ignore[call-overload]


def test_client_works_with_the_base_url_alone(client: OpenAI) -> None:
    answer = transcribe(client)
    assert answer.text == WRITTEN
    assert answer.usage.type == "duration"
    assert answer.usage.seconds == pytest.approx(soundfile.info(SPEECH).duration, abs=0.001)
    assert answer.logprobs is None


def test_asynchronous_client_gets_the_same_answer(demos: RunningServer) -> None:
    async def run() -> str:
        url = f"{demos.address}/v1"
        async with AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client:
            answer = await client.audio.transcriptions.create(file=SPEECH, model="whisper-1")
            return answer.text

    assert asyncio.run(run()) == WRITTEN


@pytest.mark.parametrize("named", [False, True])
def test_format_is_detected_from_the_content(client: OpenAI, named: bool) -> None:
    data = SPEECH.read_bytes()
    file = ("speech.mp4", data, "video/mp4") if named else io.BytesIO(data)
    assert transcribe(client, file).text == WRITTEN


def test_text_and_subtitles_have_the_same_text(client: OpenAI) -> None:
    assert transcribe(client, response_format="text").strip() == WRITTEN
    subtitles = pysubs2.SSAFile.from_string(transcribe(client, response_format="srt"))
    assert " ".join(cue.plaintext.replace("\n", " ") for cue in subtitles) == WRITTEN
    captions = webvtt.from_string(transcribe(client, response_format="vtt"))
    assert " ".join(cue.text.replace("\n", " ") for cue in captions) == WRITTEN
    timed = transcribe(client, response_format="vtt", timestamp_granularities=["word"])
    assert timed.count("<00:0") >= len(SPOKEN.split()) - 2


@pytest.mark.parametrize(
    ("form", "content_type"),
    [
        ("json", "application/json"),
        ("verbose_json", "application/json"),
        ("text", "text/plain; charset=utf-8"),
        ("srt", "text/plain; charset=utf-8"),
        ("vtt", "text/vtt; charset=utf-8"),
    ],
)
def test_every_response_format_has_its_content_type(
    client: OpenAI, form: str, content_type: str
) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(
        file=SPEECH, model="whisper-1", response_format=form
    )
    assert raw.headers["content-type"] == content_type
    assert raw.request_id
    assert int(raw.headers["x-compute-time"]) > 0


def test_verbose_json_has_segments_unless_only_words_are_requested(client: OpenAI) -> None:
    segments = transcribe(client, response_format="verbose_json")
    assert (segments.task, segments.language, segments.words) == ("transcribe", "nb", None)
    (segment,) = segments.segments
    assert set(segment.to_dict()) >= {
        "id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob",
        "compression_ratio", "no_speech_prob",
    }  # fmt: skip
    assert segment.text == segments.text == WRITTEN
    assert -1 < segment.avg_logprob < 0
    assert segment.compression_ratio > 0
    words = transcribe(client, response_format="verbose_json", timestamp_granularities=["word"])
    assert words.segments is None
    assert " ".join(word.word for word in words.words) == WRITTEN
    assert all(word.start < word.end <= words.duration for word in words.words)
    assert all(0 < word.confidence <= 1 for word in words.words)
    both = transcribe(
        client, response_format="verbose_json", timestamp_granularities=["segment", "word"]
    )
    assert both.words
    assert both.segments


@pytest.mark.parametrize(
    "name", ["timestamp_granularities", "timestamp_granularities[]", "timestamp_granularities[0]"]
)
def test_list_fields_are_accepted_with_and_without_brackets(
    demos: RunningServer, name: str
) -> None:
    with demos.client() as plain:
        answer = plain.post(
            "/v1/audio/transcriptions",
            files={"file": SPEECH.read_bytes()},
            data={"model": "whisper-1", "response_format": "verbose_json", name: "word"},
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["words"]
        assert "segments" not in answer.json()


def test_joined_logprob_tokens_are_the_text(client: OpenAI) -> None:
    answer = transcribe(client, model="gpt-4o-transcribe", include=["logprobs"])
    assert "".join(token.token for token in answer.logprobs) == answer.text
    for token in answer.logprobs:
        assert bytes(map(int, token.bytes)).decode() == token.token
        assert -5 < token.logprob <= 0


def test_format_text_false_gives_the_text_word_for_word(client: OpenAI) -> None:
    assert transcribe(client, extra_body={"format_text": False}).text == SPOKEN
    verbose = transcribe(
        client,
        response_format="verbose_json",
        timestamp_granularities=["word"],
        extra_body={"format_text": "false"},
    )
    assert [word.word for word in verbose.words] == SPOKEN.split()


def test_language_chooses_the_model(client: OpenAI) -> None:
    def chosen(**fields: object) -> tuple[str, str]:
        answer = transcribe(client, DANISH, response_format="verbose_json", **fields)
        return answer.language, answer.model

    assert chosen(language="da") == ("da", "demo-da")
    assert chosen(model="gpt-4o-mini-transcribe-2025-12-15", language="da-DK")[1] == "demo-da"
    assert chosen(model="demo-da") == ("da", "demo-da")
    assert chosen(languages=["sv", "da", "nb"]) == ("da", "demo-da")
    assert chosen(model="demo-nb", languages=["da", "no"]) == ("no", "demo-nb")
    assert transcribe(client, DANISH, languages=["fi", "da"]).languages[0].code == "da"


def test_keywords_are_hotwords(client: OpenAI) -> None:
    plain = transcribe(client, extra_body={"format_text": False})
    # Made of the letters of one spoken word.
    requested = transcribe(client, keywords=["sjakk", "mønster"], extra_body={"format_text": False})
    assert "sjakkmønster" in plain.text.split()
    assert {"sjakk", "mønster"} <= set(requested.text.split())
    many = [f"ord{'a' * number}" for number in range(200)]
    assert transcribe(client, keywords=many).text


def test_unused_fields_and_our_own_fields_are_accepted(client: OpenAI) -> None:
    answer = transcribe(
        client,
        prompt="Om bilder.",
        temperature=0.4,
        chunking_strategy={"type": "server_vad", "threshold": 0.6, "silence_duration_ms": 200},
        extra_body={"beam_size": 20, "decoder": "beam", "alpha": 0.4},
    )
    assert answer.text
    assert transcribe(client, chunking_strategy="auto").text == WRITTEN


def test_raw_samples_are_decoded_as_described(client: OpenAI) -> None:
    samples, rate = soundfile.read(SPEECH, dtype="int16")
    fields = {"encoding": "s16le", "rate": rate, "channels": 1}
    assert transcribe(client, samples.tobytes(), extra_body=fields).text == WRITTEN


def test_silence_has_no_text(client: OpenAI) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(32_000), 16_000, format="WAV")
    silence = buffer.getvalue()
    assert transcribe(client, silence, include=["logprobs"]).text == ""
    verbose = transcribe(client, silence, response_format="verbose_json")
    assert (verbose.text, verbose.segments, verbose.duration) == ("", [], 2.0)
    assert transcribe(client, silence, response_format="srt") == ""
    assert transcribe(client, silence, response_format="text") == ""


def test_models_are_listed_and_described(client: OpenAI) -> None:
    listed = client.models.list()
    assert [model.id for model in listed.data] == ["demo-nb", "demo-da"]
    assert listed.object == "list"
    model = client.models.retrieve("demo-da")
    assert (model.id, model.object, model.owned_by) == ("demo-da", "model", "nordlyd")
    assert isinstance(model.created, int)
    assert client.models.retrieve("whisper-1").id == "whisper-1"
    with pytest.raises(openai.NotFoundError) as unknown:
        client.models.retrieve("a/b")
    assert unknown.value.code == "model_not_found"


def test_key_is_needed_where_keys_are_set(guarded: RunningServer, clip) -> None:
    with client_of(guarded, "wrong") as stranger:
        with pytest.raises(openai.AuthenticationError) as refused:
            transcribe(stranger, clip())
        assert refused.value.code == "invalid_api_key"
        assert refused.value.request_id
        with pytest.raises(openai.AuthenticationError):
            stranger.models.list()
    with client_of(guarded, "key-0") as known:
        assert known.models.list().data
        assert isinstance(transcribe(known, clip()).text, str)
    header = {"authorization": b"Bearer " + KEY.encode()}
    assert httpx.get(f"{guarded.address}/v1/models", headers=header).status_code == 200  # type: ignore[arg-type]


REFUSED: list[tuple[dict[str, object], type[openai.APIStatusError], str, str]] = [
    ({"model": "whisper-9"}, openai.NotFoundError, "model", "demo-nb, demo-da"),
    ({"language": "sv"}, openai.BadRequestError, "language", "served"),
    ({"model": "demo-nb", "language": "da"}, openai.BadRequestError, "language", "serves: nb"),
    ({"languages": ["sv", "fi"]}, openai.BadRequestError, "language", "'sv'"),
    ({"extra_body": {"diarize": True}}, openai.BadRequestError, "diarize", "diarized_json"),
    ({"response_format": "xml"}, openai.BadRequestError, "response_format", "verbose_json"),
    ({"temperature": 1.5}, openai.BadRequestError, "temperature", "less than or equal to 1"),
    ({"include": ["tokens"]}, openai.BadRequestError, "include", "logprobs"),
    (
        {"include": ["logprobs"], "response_format": "text"},
        openai.BadRequestError,
        "include",
        "json",
    ),
    (
        {"timestamp_granularities": ["word"]},
        openai.BadRequestError,
        "timestamp_granularities",
        "verbose_json",
    ),
    (
        {"timestamp_granularities": ["letter"], "response_format": "verbose_json"},
        openai.BadRequestError,
        "timestamp_granularities",
        "word or segment",
    ),
    (
        {"stream": True, "response_format": "srt"},
        openai.BadRequestError,
        "response_format",
        "json, text",
    ),
    ({"known_speaker_names": ["Kari"]}, openai.BadRequestError, "known_speaker_names", "speakers"),
    ({"extra_body": {"beam_with": 5}}, openai.BadRequestError, "beam_with", "beam_width"),
    ({"extra_body": {"beam_width": "x"}}, openai.BadRequestError, "beam_width", "whole number"),
    (
        {"extra_body": {"beam_width": 5, "beam_size": 6}},
        openai.BadRequestError,
        "beam_width",
        "twice",
    ),
    (
        {"keywords": ["ord"], "extra_body": {"decoder": "greedy"}},
        openai.BadRequestError,
        "hotwords",
        "beam",
    ),
    ({"file": b"no audio at all"}, openai.BadRequestError, "file", "WAV"),
    ({"file": b""}, openai.BadRequestError, "file", "empty"),
]


@pytest.mark.parametrize(("fields", "kind", "param", "message"), REFUSED)
def test_refused_requests_raise_the_errors_of_the_client(
    client: OpenAI,
    fields: dict[str, object],
    kind: type[openai.APIStatusError],
    param: str,
    message: str,
) -> None:
    with pytest.raises(kind) as refused:
        transcribe(client, **fields)
    error = refused.value
    assert isinstance(error.body, dict)
    assert set(error.body) == {"message", "type", "param", "code"}
    assert str(error.param) == param
    assert message in error.message
    assert error.code
    assert error.type == "invalid_request_error"
    assert error.request_id


def test_body_that_is_not_a_form_is_refused(demos: RunningServer) -> None:
    with demos.client() as plain:
        answer = plain.post("/v1/audio/transcriptions", content=Path(SPEECH).read_bytes())
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "file"
        nothing = plain.post("/v1/audio/transcriptions", files={"model": (None, "whisper-1")})
        assert nothing.status_code == 400
        assert "no `file`" in nothing.json()["error"]["message"]


def test_translation_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused, pytest.deprecated_call():
        client.audio.translations.create(file=SPEECH, model="whisper-1")
    assert "/v1/audio/transcriptions" in refused.value.message
    assert refused.value.code == "unknown_url"
