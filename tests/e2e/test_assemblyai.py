"""AssemblyAI's own client and a real server: uploads, transcripts, exports, lists, deletion."""

import asyncio
import json
import time
from collections.abc import Iterator
from itertools import pairwise

import assemblyai
import httpx
import pytest
import srt
import webvtt
from assemblyai.types import TranscriptError
from demo_model import DEMO, sample_texts
from running import KEY, RunningServer
from web_server import WebServer

SPEECH = [DEMO / "samples" / f"sample-{number}.flac" for number in (1, 2, 3)]
MISSING = "job_" + "0" * 32
Config = assemblyai.TranscriptionConfig
# The package uses deprecated names of pydantic.
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20")


def settings_of(server: RunningServer, key: str = "any") -> assemblyai.Settings:
    return assemblyai.Settings(
        base_url=server.address, api_key=key, http_timeout=120.0, polling_interval=0.05
    )


@pytest.fixture(scope="module")
def client(demos: RunningServer) -> Iterator[assemblyai.Client]:
    """The client that the package uses by default, as its users configure it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("base_url", "api_key", "http_timeout", "polling_interval"):
            patch.setattr(assemblyai.settings, name, getattr(settings_of(demos), name))
        patch.setattr(assemblyai.Client, "_default", None)
        made = assemblyai.Client.get_default()
        with made.http_client:
            yield made


@pytest.fixture(scope="module")
def transcriber(client: assemblyai.Client) -> assemblyai.Transcriber:
    return assemblyai.Transcriber(client=client)


def test_file_is_uploaded_and_transcribed(transcriber: assemblyai.Transcriber) -> None:
    transcript = transcriber.transcribe(str(SPEECH[0]), Config(language_code="nb"))
    assert transcript.status == assemblyai.TranscriptStatus.completed, transcript.error
    spoken = sample_texts()[0]
    assert transcript.text == f"{spoken[0].upper()}{spoken[1:]}."
    assert transcript.words
    assert " ".join(word.text for word in transcript.words) == transcript.text
    for word, following in pairwise(transcript.words):
        assert word.start < word.end <= following.start
    assert transcript.words[-1].end <= 1000 * (transcript.audio_duration + 1)
    assert transcript.words[-1].end > 1000
    assert 0.5 < transcript.confidence <= 1
    response = transcript.json_response
    assert response["language_code"] == "nb"
    assert response["speech_model_used"] == "demo-nb"
    assert response["error"] is None
    assert "/v2/upload/" in transcript.audio_url


def test_text_is_word_for_word_without_punctuation(transcriber: assemblyai.Transcriber) -> None:
    transcript = transcriber.transcribe(
        SPEECH[1].read_bytes(), Config(language_code="nb_NO", punctuate=False, speech_model="best")
    )
    assert transcript.text == sample_texts()[1]
    assert transcript.json_response["punctuate"] is False
    assert transcript.json_response["format_text"] is False


def test_boosted_words_and_keyterms_are_hotwords(transcriber: assemblyai.Transcriber) -> None:
    for expected in (
        Config(word_boost=["lerretet", "Stortinget"], boost_param="high"),
        Config(keyterms_prompt=["lerretet", "votering, ja"]),
    ):
        expected.language_code = "nb"
        expected.punctuate = False
        transcript = transcriber.transcribe(SPEECH[0].read_bytes(), expected)
        assert transcript.text == sample_texts()[0].replace("lerretets", "lerretet")


def test_address_on_an_allowed_host_is_fetched(
    transcriber: assemblyai.Transcriber, archive: WebServer
) -> None:
    archive.files["/tale.flac"] = SPEECH[2].read_bytes()
    url = archive.url("/tale.flac")
    transcript = transcriber.transcribe(url, Config(punctuate=False))
    assert (transcript.text, transcript.audio_url) == (sample_texts()[2], url)
    with pytest.raises(TranscriptError, match="may not fetch from evil") as refused:
        transcriber.transcribe("https://evil.example/tale.flac")
    assert refused.value.status_code == 400


def test_sentences_paragraphs_and_subtitles_have_every_word(
    transcriber: assemblyai.Transcriber,
) -> None:
    transcript = transcriber.transcribe(SPEECH[0].read_bytes(), Config(language_code="nb"))
    for passages in (transcript.get_sentences(), transcript.get_paragraphs()):
        assert " ".join(passage.text for passage in passages) == transcript.text
        assert [word for passage in passages for word in passage.words] == transcript.words
        assert passages[0].start == transcript.words[0].start
        assert passages[-1].end == transcript.words[-1].end
    subtitles = list(srt.parse(transcript.export_subtitles_srt()))
    assert " ".join(each.content for each in subtitles).split() == transcript.text.split()
    cues = webvtt.from_string(transcript.export_subtitles_vtt(chars_per_caption=24))
    assert " ".join(cue.text for cue in cues).split() == transcript.text.split()
    assert all(len(cue.text) <= 24 for cue in cues)


def test_searched_words_and_phrases_are_found_in_any_case(
    transcriber: assemblyai.Transcriber,
) -> None:
    transcript = transcriber.transcribe(SPEECH[0].read_bytes(), Config(language_code="nb"))
    said = sample_texts()[0].split()
    phrase = f"{said[0].upper()} {said[1]}"
    matches = transcript.word_search([said[-1], phrase, "finnesikke"])
    assert {match.text for match in matches} == {said[-1], phrase}
    for match in matches:
        assert match.count == len(match.timestamps) == len(match.indexes)
        for (start, end), place in zip(match.timestamps, match.indexes, strict=True):
            last = place + len(match.text.split()) - 1
            assert start == transcript.words[place].start
            assert end == transcript.words[last].end


def test_recording_that_is_no_audio_is_an_error(transcriber: assemblyai.Transcriber) -> None:
    transcript = transcriber.transcribe(b"no audio at all " * 100)
    assert transcript.status == assemblyai.TranscriptStatus.error
    assert "Accepted are WAV" in transcript.error
    with pytest.raises(TranscriptError):
        transcript.get_sentences()


def test_pages_list_every_transcript_once_and_the_newest_first(
    transcriber: assemblyai.Transcriber, demos: RunningServer
) -> None:
    made = [
        transcriber.transcribe(path.read_bytes(), Config(punctuate=False)).id for path in SPEECH
    ]
    params = assemblyai.ListTranscriptParameters(limit=2)
    page = transcriber.list_transcripts(params)
    assert [item.id for item in page.transcripts] == made[:0:-1]
    assert (page.page_details.limit, page.page_details.result_count) == (2, 2)
    seen = [item.id for item in page.transcripts]
    while page.page_details.before_id_of_prev_url is not None:
        params.before_id = page.page_details.before_id_of_prev_url
        page = transcriber.list_transcripts(params)
        seen += [item.id for item in page.transcripts]
    assert seen[:3] == made[::-1]
    assert len(seen) == len(set(seen))
    newer = transcriber.list_transcripts(assemblyai.ListTranscriptParameters(after_id=made[0]))
    assert [item.id for item in newer.transcripts] == made[:0:-1]
    closest = transcriber.list_transcripts(
        assemblyai.ListTranscriptParameters(after_id=made[0], limit=1)
    )
    assert [item.id for item in closest.transcripts] == [made[1]]
    for nothing in (made[-1], MISSING):
        page = transcriber.list_transcripts(assemblyai.ListTranscriptParameters(after_id=nothing))
        assert page.transcripts == []
    item = newer.transcripts[0]
    assert item.status == assemblyai.TranscriptStatus.completed
    with httpx.Client() as plain:
        assert plain.get(item.resource_url).json()["id"] == item.id
        failed = plain.get(f"{demos.address}/v2/transcript", params={"status": "error"}).json()
        assert {each["status"] for each in failed["transcripts"]} <= {"error"}
        none = plain.get(
            f"{demos.address}/v2/transcript", params={"created_on": "2001-01-01"}
        ).json()
        assert none["transcripts"] == []
        wrong = plain.get(f"{demos.address}/v2/transcript", params={"limit": 201})
        assert (wrong.status_code, list(wrong.json())) == (400, ["error"])


def test_webhook_has_the_id_the_status_and_the_header_that_was_given(
    transcriber: assemblyai.Transcriber, archive: WebServer
) -> None:
    expected = Config(language_code="nb").set_webhook(
        archive.url("/transcribed"), auth_header_name="X-Secret", auth_header_value="tyst"
    )
    transcript = transcriber.transcribe(SPEECH[0].read_bytes(), expected)
    assert transcript.json_response["webhook_auth"] is True
    assert transcript.json_response["webhook_auth_header_value"] is None
    sent = archive.sent_to("/transcribed")
    assert json.loads(sent.body) == {"transcript_id": transcript.id, "status": "completed"}
    assert sent.headers["x-secret"] == "tyst"
    until = time.monotonic() + 60
    while True:
        again = assemblyai.Transcript.get_by_id(transcript.id)
        if again.json_response["webhook_status_code"] is not None:
            break
        assert time.monotonic() < until
        time.sleep(0.05)
    assert again.json_response["webhook_status_code"] == 200


def test_deleted_transcript_is_gone(
    transcriber: assemblyai.Transcriber,
) -> None:
    made = transcriber.transcribe(SPEECH[0].read_bytes())
    deleted = assemblyai.Transcript.delete_by_id(made.id)
    assert deleted.id == made.id
    assert deleted.text == "Deleted by user."
    assert deleted.audio_url == "http://deleted_by_user"
    with pytest.raises(TranscriptError) as gone:
        assemblyai.Transcript.get_by_id(made.id)
    assert gone.value.status_code == 404
    assert made.id not in str(transcriber.list_transcripts())


def test_upload_serves_one_transcript_of_its_own_key(guarded: RunningServer, clip) -> None:
    ours = assemblyai.Client(settings=settings_of(guarded, "key-0"))
    theirs = httpx.Client(
        base_url=guarded.address, headers={"authorization": KEY.encode()}, timeout=120
    )
    with ours.http_client, theirs:
        transcriber = assemblyai.Transcriber(client=ours)
        url = transcriber.upload_file(clip())
        assert url.startswith(f"{guarded.address}/speech/v2/upload/up_")
        refused = theirs.post("/v2/transcript", json={"audio_url": url})
        assert refused.status_code == 400
        assert "There is no such upload" in refused.json()["error"]
        transcript = transcriber.transcribe(url)
        assert transcript.status == assemblyai.TranscriptStatus.completed
        for path in ("", "/sentences", "/srt"):
            answer = theirs.get(f"/v2/transcript/{transcript.id}{path}")
            assert answer.status_code == 404
            assert list(answer.json()) == ["error"]
        assert theirs.get("/v2/transcript").json()["transcripts"] == []
        with pytest.raises(TranscriptError, match="There is no such upload"):
            transcriber.transcribe(url)


def test_wrong_key_is_refused_in_the_form_of_assemblyai(guarded: RunningServer, clip) -> None:
    stranger = assemblyai.Client(settings=settings_of(guarded, "key-1"))
    with stranger.http_client, pytest.raises(TranscriptError) as refused:
        assemblyai.Transcriber(client=stranger).transcribe(clip())
    assert refused.value.status_code == 401
    with guarded.client() as plain:
        answer = plain.get("/v2/transcript")
    assert answer.status_code == 401
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"speaker_labels": True, "speakers_expected": 0}, "speakers_expected"),
        ({"language_detection": True}, "`language_code`"),
        ({"redact_pii": True}, "accepted: credit_card_number"),
        ({"redact_pii": True, "redact_pii_policies": ["person_name"]}, "person_name"),
        ({"redact_pii": True, "redact_pii_return_unredacted": True}, "not kept"),
        ({"redact_pii": True, "redact_pii_sub": "x"}, "redact_pii_sub"),
        ({"summarization": True, "summary_type": "bullets"}, "no summaries"),
        ({"audio_start_from": 1000}, "transcribed whole"),
        ({"custom_spelling": [{"from": ["a"], "to": "b"}]}, "not replaced"),
        ({"language_code": "en_us"}, "en"),
        ({"langauge_code": "nb"}, "accepted: audio_url, language_code"),
        ({"punctuate": "yes"}, "punctuate"),
        ({"punctuate": False, "format_text": True}, "punctuate=true"),
        ({"word_boost": [""]}, "word_boost"),
        ({"word_boost": ["\ud800"]}, "unicode"),
        ({"webhook_url": "https://evil.example/done"}, "NORDLYD_URL_HOSTS"),
        ({"webhook_auth_header_name": "x-secret"}, "together"),
        ({"audio_url": "https://evil.example/v2/upload/up_12"}, "no such upload"),
        ({"audio_url": None}, "There is no audio_url"),
        ({"speech_model": "demo-sv"}, "demo-sv"),
    ],
)
def test_request_that_cannot_be_honoured_is_refused(
    demos: RunningServer, archive: WebServer, fields: dict[str, object], message: str
) -> None:
    with demos.client() as client:
        body = json.dumps({"audio_url": archive.url("/a.wav")} | fields)
        answer = client.post("/v2/transcript", content=body)
        assert answer.status_code in {400, 404}, answer.text
        assert list(answer.json()) == ["error"]
        assert message in answer.json()["error"]


@pytest.mark.parametrize("body", ["", "[]", "{", '"a"'])
def test_body_that_is_no_object_is_refused(demos: RunningServer, body: str) -> None:
    with demos.client() as client:
        answer = client.post("/v2/transcript", content=body)
    assert answer.status_code == 400
    assert '{"audio_url": "https://…"}' in answer.json()["error"]


def test_upload_that_is_empty_or_a_form_is_refused(demos: RunningServer, clip) -> None:
    with demos.client() as client:
        for answer in (
            client.post("/v2/upload", content=b""),
            client.post("/v2/upload", files={"file": clip()}),
        ):
            assert answer.status_code == 400
            assert isinstance(answer.json()["error"], str)
        missing = client.get(f"/v2/transcript/{MISSING}")
        assert (missing.status_code, list(missing.json())) == (404, ["error"])


def test_asynchronous_client_gets_the_same_transcripts(demos: RunningServer) -> None:
    async def transcribe() -> list[str]:
        async with assemblyai.AsyncClient(settings=settings_of(demos)) as client:
            transcriber = assemblyai.AsyncTranscriber(client=client)
            made = await asyncio.gather(
                *(
                    transcriber.transcribe(path.read_bytes(), Config(punctuate=False))
                    for path in SPEECH
                )
            )
            return [transcript.text for transcript in made]

    assert asyncio.run(transcribe()) == sample_texts()
