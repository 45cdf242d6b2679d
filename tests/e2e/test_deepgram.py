"""Deepgram's own client against a real server: it is understood, and finds what it reads."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
import soundfile
from deepgram import AsyncDeepgramClient, DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from deepgram.errors import BadRequestError
from demo_model import DEMO, sample_texts
from running import RunningServer
from sounds import as_wav, tones
from web_server import WebServer

SPEECH = [DEMO / "samples" / f"sample-{number}.flac" for number in (1, 2, 3)]
DANISH = DEMO.parent / "demo-da" / "samples" / "sample-1.flac"
# Its package asks websockets for names of old, which says so.
pytestmark = pytest.mark.filterwarnings("ignore:websockets.* is deprecated:DeprecationWarning")

ONCE = {"max_retries": 0, "timeout_in_seconds": 120}


def environment(server: RunningServer) -> DeepgramClientEnvironment:
    base = server.address
    return DeepgramClientEnvironment(base=base, production=base, agent=base, agent_rest=base)


@contextmanager
def client_of(server: RunningServer, **keys: str) -> Iterator[DeepgramClient]:
    """Deepgram's client, on a connection that is closed."""
    with httpx.Client(timeout=120) as connection:
        yield DeepgramClient(
            environment=environment(server), httpx_client=connection, **(keys or {"api_key": "any"})
        )


@pytest.fixture(scope="module")
def deepgram(demos: RunningServer) -> Iterator[DeepgramClient]:
    with client_of(demos) as client:
        yield client


def listen(client: DeepgramClient, audio: bytes, **options: object):
    return client.listen.v1.media.transcribe_file(request=audio, request_options=ONCE, **options)


def best(answer):
    return answer.results.channels[0].alternatives[0]


def with_pause(*files: Path, seconds: float) -> bytes:
    """Recordings one after the other, with silence between them."""
    import numpy as np

    parts = []
    for file in files:
        samples, rate = soundfile.read(file)
        parts += [samples, np.zeros(round(seconds * rate))]
    return as_wav(np.concatenate(parts[:-1]), rate)


def test_the_client_reads_words_times_and_what_was_heard(deepgram: DeepgramClient) -> None:
    audio = SPEECH[0].read_bytes()
    answer = listen(deepgram, audio, model="nova-3", language="no")
    said = best(answer)
    assert said.transcript == sample_texts()[0]
    assert [word.word for word in said.words] == sample_texts()[0].split()
    assert 0.5 < said.confidence <= 1
    metadata = answer.metadata
    assert metadata.sha256 == hashlib.sha256(audio).hexdigest()
    assert (metadata.channels, metadata.models) == (1, ["demo-nb"])
    assert metadata.model_info["demo-nb"]["arch"] == "wav2vec2-ctc"
    assert abs(metadata.created - datetime.now(UTC)) < timedelta(hours=1)
    assert said.words[0].start > 0
    for word, following in pairwise(said.words):
        assert word.start < word.end <= following.start
    assert said.words[-1].end <= metadata.duration
    assert answer.results.utterances is None
    assert said.paragraphs is None


def test_the_asynchronous_client_is_answered_alike(demos: RunningServer) -> None:
    async def ask():
        async with httpx.AsyncClient(timeout=120) as connection:
            client = AsyncDeepgramClient(
                api_key="any", environment=environment(demos), httpx_client=connection
            )
            return await asyncio.gather(
                *(
                    client.listen.v1.media.transcribe_file(
                        request=file.read_bytes(), language="nb", request_options=ONCE
                    )
                    for file in SPEECH
                )
            )

    answers = asyncio.run(ask())
    assert [best(answer).transcript for answer in answers] == sample_texts()
    assert len({answer.metadata.request_id for answer in answers}) == len(answers)


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ({"language": "da"}, "demo-da"),
        ({"language": "da-DK", "model": "nova-2-general"}, "demo-da"),
        ({"language": "nb-NO", "model": "enhanced"}, "demo-nb"),
        ({"model": "demo-da"}, "demo-da"),
        ({"model": "whisper-large"}, "demo-nb"),
        ({}, "demo-nb"),
    ],
)
def test_a_model_of_deepgrams_leaves_the_choice_to_the_language(
    deepgram: DeepgramClient, options: dict[str, str], model: str
) -> None:
    answer = listen(deepgram, DANISH.read_bytes(), **options)
    assert answer.metadata.models == [model]


def test_punctuation_keeps_what_was_said_beside_what_is_written(deepgram: DeepgramClient) -> None:
    said = best(listen(deepgram, SPEECH[1].read_bytes(), language="nb", punctuate=True))
    text = sample_texts()[1]
    assert said.transcript == f"{text[0].upper()}{text[1:]}."
    assert [word.word for word in said.words] == text.split()
    assert " ".join(word.punctuated_word for word in said.words) == said.transcript


def test_smart_format_gives_paragraphs_and_utterances_part_at_pauses(
    deepgram: DeepgramClient,
) -> None:
    audio = with_pause(*SPEECH[:2], seconds=2.5)
    answer = listen(
        deepgram, audio, language="nb", smart_format=True, utterances=True, utt_split=1.0
    )
    said = best(answer)
    utterances = answer.results.utterances
    texts = sample_texts()[:2]
    assert [said.transcript for said in utterances] == [f"{text.capitalize()}." for text in texts]
    assert len({utterance.id for utterance in utterances}) == len(texts)
    for utterance in utterances:
        assert utterance.channel == 0
        assert utterance.start == utterance.words[0].start
        assert utterance.end == utterance.words[-1].end
        assert 0 < utterance.confidence <= 1
    paragraphs = said.paragraphs.paragraphs
    assert said.paragraphs.transcript.split("\n\n") == [
        " ".join(sentence.text for sentence in paragraph.sentences) for paragraph in paragraphs
    ]
    assert said.paragraphs.transcript.replace("\n\n", " ") == said.transcript
    assert [paragraph.num_words for paragraph in paragraphs] == [
        len(text.split()) for text in texts
    ]
    assert [len(paragraph.sentences) for paragraph in paragraphs] == [1, 1]
    assert paragraphs[1].start == utterances[1].start


@pytest.mark.parametrize(
    "options",
    [
        {"keyterm": "lerretet"},
        {"keyterm": ["Stortinget", "lerretet"]},
        {"keywords": ["lerretet:0.5", "votering"]},
        {"keywords": "lerretets:-1"},
    ],
)
def test_keywords_and_keyterms_are_hotwords(
    deepgram: DeepgramClient, options: dict[str, object]
) -> None:
    said = best(listen(deepgram, SPEECH[0].read_bytes(), language="nb", **options)).transcript
    assert said == sample_texts()[0].replace("lerretets", "lerretet")


def test_alternatives_are_readings(demos: RunningServer) -> None:
    with demos.client() as client:
        answer = client.post(
            "/v1/listen?language=nb&alternatives=5&punctuate=true", content=SPEECH[0].read_bytes()
        )
    alternatives = answer.json()["results"]["channels"][0]["alternatives"]
    text = sample_texts()[0].capitalize()
    assert [alternative["transcript"] for alternative in alternatives[:2]] == [
        f"{text}.",
        f"{text.replace('lerretets', 'lerretet')}.",
    ]
    for alternative in alternatives:
        assert 0 < alternative["confidence"] <= 1
        assert len(alternative["words"]) == len(alternative["transcript"].split())


@pytest.mark.parametrize(
    ("encoding", "subtype"), [("linear16", "PCM_16"), ("mulaw", "ULAW"), ("alaw", "ALAW")]
)
def test_raw_samples_are_read_as_they_are_declared(
    demos: RunningServer, tmp_path: Path, encoding: str, subtype: str
) -> None:
    samples, rate = soundfile.read(SPEECH[1])
    raw = tmp_path / "speech.raw"
    soundfile.write(raw, samples, rate, subtype=subtype, format="RAW")
    with demos.client() as client:
        answer = client.post(
            "/v1/listen",
            params={"encoding": encoding, "sample_rate": rate, "channels": 1, "language": "nb"},
            content=raw.read_bytes(),
        )
    assert (
        answer.json()["results"]["channels"][0]["alternatives"][0]["transcript"]
        == (sample_texts()[1])
    )
    assert answer.json()["metadata"]["duration"] == round(len(samples) / rate, 3)


def test_silence_has_no_words_and_no_confidence(deepgram: DeepgramClient) -> None:
    answer = listen(deepgram, as_wav(tones(0, 1.0) * 0), smart_format=True, utterances=True)
    said = best(answer)
    assert (said.transcript, said.words, said.confidence) == ("", [], 0.0)
    assert answer.results.utterances == []
    assert said.paragraphs.paragraphs == []


@pytest.mark.parametrize(
    ("query", "param", "said"),
    [
        ("diarize=true", "diarize", "speakers are not told apart"),
        ("diarize_model=latest", "diarize_model", "speakers"),
        ("summarize=v2", "summarize", "nothing is summarised"),
        ("callback=https://example.org/done", "callback", "goes to the caller alone"),
        ("redact=pci", "redact", "nothing is redacted"),
        ("multichannel=true", "multichannel", "heard as one"),
        ("detect_language=true", "detect_language", "`language`"),
        ("langauge=nb", "langauge", "accepted: model, language, punctuate"),
        ("punctuate=maybe", "punctuate", "accepted: true, false"),
        ("language=nb&language=da", "language", "given twice"),
        ("keywords=ja:tungt", "keywords", "word:intensifier"),
        ("encoding=g729&sample_rate=8000", "encoding", "accepted: linear16"),
        ("encoding=linear16", "sample_rate", "sample_rate=16000"),
        ("encoding=linear16&sample_rate=7", None, "7"),
        ("alternatives=0", "alternatives", "greater than or equal to 1"),
        ("utt_split=0", "utt_split", "greater than 0"),
    ],
)
def test_what_would_change_the_answer_is_refused_in_both_forms(
    demos: RunningServer, query: str, param: str | None, said: str
) -> None:
    with demos.client() as client:
        answer = client.post(f"/v1/listen?{query}", content=SPEECH[1].read_bytes())
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert list(body) == ["err_code", "err_msg", "request_id", "error"]
    assert said in body["err_msg"]
    assert body["error"]["message"] == body["err_msg"]
    assert body["error"]["param"] == param
    assert body["err_code"] == body["error"]["code"] == "invalid_request"
    assert body["request_id"] == answer.headers["x-request-id"]


def test_what_changes_nothing_is_passed_over(deepgram: DeepgramClient) -> None:
    answer = listen(
        deepgram,
        SPEECH[1].read_bytes(),
        language="nb",
        diarize=False,
        multichannel=False,
        detect_language=False,
        tag=["a", "b"],
        extra="key:value",
        version="latest",
        mip_opt_out=True,
    )
    assert best(answer).transcript == sample_texts()[1]


def test_errors_are_the_clients_own_and_the_next_request_is_served(
    deepgram: DeepgramClient,
) -> None:
    with pytest.raises(BadRequestError) as refused:
        listen(deepgram, SPEECH[1].read_bytes(), diarize=True)
    assert refused.value.body["err_code"] == "invalid_request"
    for audio, options, status, code in (
        (b"", {}, 422, "invalid_audio"),
        (b"no audio at all " * 100, {}, 415, "unsupported_audio"),
        (SPEECH[1].read_bytes(), {"model": "demo-sv"}, 404, "model_not_found"),
        (SPEECH[1].read_bytes(), {"language": "en"}, 404, "model_not_found"),
    ):
        with pytest.raises(ApiError) as caught:
            listen(deepgram, audio, **options)
        assert caught.value.status_code == status
        assert caught.value.body["err_code"] == code
        assert caught.value.body["err_msg"]
    assert best(listen(deepgram, SPEECH[1].read_bytes())).transcript == sample_texts()[1]


def test_a_form_is_sent_elsewhere(demos: RunningServer) -> None:
    with demos.client() as client:
        answer = client.post("/v1/listen", files={"file": SPEECH[1].read_bytes()})
    assert answer.status_code == 400
    assert "/transcribe" in answer.json()["err_msg"]


@pytest.mark.parametrize(
    "body",
    ["[]", "{}", '{"url": 1}', "{", '{"url": "a", "model": "b"}', "", '{"url": "\\ud800"}'],
)
def test_json_that_names_no_url_is_refused(demos: RunningServer, body: str) -> None:
    with demos.client() as client:
        answer = client.post(
            "/v1/listen", content=body, headers={"content-type": "application/json"}
        )
    assert answer.status_code == 400
    assert '{"url": "https://…"}' in answer.json()["err_msg"]


def listen_to(client: DeepgramClient, url: str, **options: object):
    return client.listen.v1.media.transcribe_url(url=url, request_options=ONCE, **options)


def test_a_url_is_fetched_where_the_operator_allows(
    deepgram: DeepgramClient, archive: WebServer
) -> None:
    audio = SPEECH[1].read_bytes()
    archive.files |= {"/speech.flac": audio, "/empty": b""}
    answer = listen_to(deepgram, archive.url("/speech.flac"), language="nb", punctuate=True)
    assert best(answer).transcript == f"{sample_texts()[1].capitalize()}."
    assert answer.metadata.sha256 == hashlib.sha256(audio).hexdigest()
    for path, code in (("/empty", "invalid_audio"), ("/none", "url_failed")):
        with pytest.raises(ApiError) as caught:
            listen_to(deepgram, archive.url(path))
        assert caught.value.body["err_code"] == code
    with pytest.raises(BadRequestError) as refused:
        listen_to(deepgram, archive.url("/speech.flac", host="localhost"))
    assert refused.value.body["err_code"] == "url_not_allowed"


def test_a_url_is_refused_where_none_is_allowed(server: RunningServer, archive: WebServer) -> None:
    asked = len(archive.asked)
    with client_of(server) as client, pytest.raises(BadRequestError) as refused:
        listen_to(client, archive.url("/speech.flac"))
    assert "fetches nothing" in refused.value.body["err_msg"]
    assert len(archive.asked) == asked


@pytest.mark.parametrize("keys", [{"api_key": "key-0"}, {"access_token": "key-0"}])
def test_a_key_is_sent_as_token_or_as_bearer(
    guarded: RunningServer, clip, keys: dict[str, str]
) -> None:
    with client_of(guarded, **keys) as client:
        assert best(listen(client, clip())).transcript


def test_a_wrong_key_is_refused(guarded: RunningServer, clip) -> None:
    with client_of(guarded, api_key="key-1") as stranger, pytest.raises(ApiError) as refused:
        listen(stranger, clip())
    assert refused.value.status_code == 401
    assert refused.value.body["error"]["code"] == "invalid_api_key"


def test_a_body_over_the_limit_is_refused(guarded: RunningServer) -> None:
    with client_of(guarded, api_key="key-0") as client, pytest.raises(ApiError) as refused:
        listen(client, bytes(3 * 2**20))
    assert refused.value.status_code == 413
    assert refused.value.body["err_code"] == "too_large"


def test_the_openapi_document_tells_its_parameters(demos: RunningServer) -> None:
    with demos.client() as client:
        operation = client.get("/openapi.json").json()["paths"]["/v1/listen"]["post"]
    names = {parameter["name"] for parameter in operation["parameters"]}
    assert {"model", "language", "keywords", "keyterm", "utt_split"} <= names
    assert "application/json" in operation["requestBody"]["content"]
