"""Deepgram's own client and a real server: options, answers and their times."""

import asyncio
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
import soundfile
from deepgram import AsyncDeepgramClient, DeepgramClient
from deepgram_client import ONCE, SPEECH, best, client_of, environment, listen
from demo_model import DEMO, sample_texts
from running import RunningServer
from sounds import as_wav, tones

DANISH = DEMO.parent / "demo-da" / "samples" / "sample-1.flac"
# The package looks up deprecated names of websockets.
pytestmark = pytest.mark.filterwarnings("ignore:websockets.* is deprecated:DeprecationWarning")


@pytest.fixture(scope="module")
def deepgram(demos: RunningServer) -> Iterator[DeepgramClient]:
    with client_of(demos) as client:
        yield client


def with_pause(*files: Path, seconds: float) -> bytes:
    """Recordings one after the other, with silence between them."""
    import numpy as np

    parts = []
    for file in files:
        samples, rate = soundfile.read(file)
        parts += [samples, np.zeros(round(seconds * rate))]
    return as_wav(np.concatenate(parts[:-1]), rate)


def test_answer_has_words_times_and_metadata(deepgram: DeepgramClient) -> None:
    audio = SPEECH[0].read_bytes()
    answer = listen(deepgram, audio, model="nova-3", language="no")
    alternative = best(answer)
    assert alternative.transcript == sample_texts()[0]
    assert [word.word for word in alternative.words] == sample_texts()[0].split()
    assert 0.5 < alternative.confidence <= 1
    metadata = answer.metadata
    assert metadata.sha256 == hashlib.sha256(audio).hexdigest()
    assert (metadata.channels, metadata.models) == (1, ["demo-nb"])
    assert metadata.model_info["demo-nb"]["arch"] == "wav2vec2-ctc"
    assert abs(metadata.created - datetime.now(UTC)) < timedelta(hours=1)
    assert alternative.words[0].start > 0
    for word, following in pairwise(alternative.words):
        assert word.start < word.end <= following.start
    assert alternative.words[-1].end <= metadata.duration
    assert answer.results.utterances is None
    assert alternative.paragraphs is None


def test_asynchronous_client_gets_the_same_answers(demos: RunningServer) -> None:
    async def transcribe_both():
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

    answers = asyncio.run(transcribe_both())
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
def test_model_name_of_deepgram_leaves_the_choice_to_the_language(
    deepgram: DeepgramClient, options: dict[str, str], model: str
) -> None:
    answer = listen(deepgram, DANISH.read_bytes(), **options)
    assert answer.metadata.models == [model]


def test_punctuate_adds_punctuated_words_beside_the_spoken_ones(deepgram: DeepgramClient) -> None:
    alternative = best(listen(deepgram, SPEECH[1].read_bytes(), language="nb", punctuate=True))
    text = sample_texts()[1]
    assert alternative.transcript == f"{text[0].upper()}{text[1:]}."
    assert [word.word for word in alternative.words] == text.split()
    assert " ".join(word.punctuated_word for word in alternative.words) == alternative.transcript


def test_smart_format_adds_paragraphs_and_utterances_split_at_pauses(
    deepgram: DeepgramClient,
) -> None:
    audio = with_pause(*SPEECH[:2], seconds=2.5)
    answer = listen(
        deepgram, audio, language="nb", smart_format=True, utterances=True, utt_split=1.0
    )
    alternative = best(answer)
    utterances = answer.results.utterances
    texts = sample_texts()[:2]
    assert [utterance.transcript for utterance in utterances] == [
        f"{text.capitalize()}." for text in texts
    ]
    assert len({utterance.id for utterance in utterances}) == len(texts)
    for utterance in utterances:
        assert utterance.channel == 0
        assert utterance.start == utterance.words[0].start
        assert utterance.end == utterance.words[-1].end
        assert 0 < utterance.confidence <= 1
    paragraphs = alternative.paragraphs.paragraphs
    assert alternative.paragraphs.transcript.split("\n\n") == [
        " ".join(sentence.text for sentence in paragraph.sentences) for paragraph in paragraphs
    ]
    assert alternative.paragraphs.transcript.replace("\n\n", " ") == alternative.transcript
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
    text = best(listen(deepgram, SPEECH[0].read_bytes(), language="nb", **options)).transcript
    assert text == sample_texts()[0].replace("lerretets", "lerretet")


def test_alternatives_list_further_hypotheses(demos: RunningServer) -> None:
    danish = DEMO.with_name("demo-da") / "samples/sample-2.flac"
    with demos.client() as client:
        answer = client.post(
            "/v1/listen?language=da&alternatives=5&punctuate=true", content=danish.read_bytes()
        )
    alternatives = answer.json()["results"]["channels"][0]["alternatives"]
    assert [alternative["transcript"] for alternative in alternatives[:2]] == [
        "Som standard bruges det sidste element i menuhierarkiet.",
        "Som standard bruges de sidste element i menuhierarkiet.",
    ]
    for alternative in alternatives:
        assert 0 < alternative["confidence"] <= 1
        assert len(alternative["words"]) == len(alternative["transcript"].split())


@pytest.mark.parametrize(
    ("encoding", "subtype"), [("linear16", "PCM_16"), ("mulaw", "ULAW"), ("alaw", "ALAW")]
)
def test_raw_samples_are_decoded_as_declared(
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


def test_silence_has_no_words_and_zero_confidence(deepgram: DeepgramClient) -> None:
    answer = listen(deepgram, as_wav(tones(0, 1.0) * 0), smart_format=True, utterances=True)
    alternative = best(answer)
    assert (alternative.transcript, alternative.words, alternative.confidence) == ("", [], 0.0)
    assert answer.results.utterances == []
    assert alternative.paragraphs.paragraphs == []


def test_parameters_without_effect_are_ignored(deepgram: DeepgramClient) -> None:
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


def test_openapi_document_lists_the_parameters(demos: RunningServer) -> None:
    with demos.client() as client:
        operation = client.get("/openapi.json").json()["paths"]["/v1/listen"]["post"]
    names = {parameter["name"] for parameter in operation["parameters"]}
    assert {"model", "language", "keywords", "keyterm", "utt_split"} <= names
    assert "application/json" in operation["requestBody"]["content"]
