"""Deepgram's own client and `callback`: the request's id at once, the answer sent later."""

import json
from collections.abc import Iterator

import pytest
from deepgram import DeepgramClient
from deepgram.errors import BadRequestError
from deepgram.types.listen_v1response import ListenV1Response
from deepgram_client import ONCE, SPEECH, best, client_of, listen
from demo_model import sample_texts
from running import RunningServer
from web_server import WebServer

# The package looks up deprecated names of websockets.
pytestmark = pytest.mark.filterwarnings("ignore:websockets.* is deprecated:DeprecationWarning")


@pytest.fixture(scope="module")
def deepgram(demos: RunningServer) -> Iterator[DeepgramClient]:
    with client_of(demos) as client:
        yield client


def test_answer_is_sent_to_the_callback_in_the_form_of_deepgram(
    demos: RunningServer, deepgram: DeepgramClient, archive: WebServer
) -> None:
    audio = SPEECH[0].read_bytes()
    callback = archive.url("/put-here")
    accepted = listen(
        deepgram,
        audio,
        language="nb",
        smart_format=True,
        callback=callback,
        callback_method="PUT",
    )
    assert accepted.request_id
    sent = archive.sent_to("/put-here")
    assert sent.method == "PUT"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["dg-request-id"] == accepted.request_id
    answer = ListenV1Response.model_validate_json(sent.body)
    direct = listen(deepgram, audio, language="nb", smart_format=True)
    assert best(answer).transcript == best(direct).transcript
    # Emissions are kept in half precision, so the confidences may differ in the last digit.
    assert [(word.punctuated_word, word.start, word.end) for word in best(answer).words] == [
        (word.punctuated_word, word.start, word.end) for word in best(direct).words
    ]
    assert best(answer).paragraphs == best(direct).paragraphs
    assert answer.metadata.request_id == accepted.request_id
    assert answer.metadata.sha256 == direct.metadata.sha256
    with demos.client() as client:
        jobs = client.get("/jobs").json()["jobs"]
        (job,) = [job for job in jobs if job["webhook_url"] == callback]
        result = client.get(f"/jobs/{job['id']}/result").json()
        assert result["text"] == sample_texts()[0]
        assert client.delete(f"/jobs/{job['id']}").status_code == 204


def test_error_is_sent_to_the_callback_in_the_form_of_deepgram(
    deepgram: DeepgramClient, archive: WebServer
) -> None:
    accepted = listen(deepgram, b"no audio at all " * 100, callback=archive.url("/failed"))
    body = json.loads(archive.sent_to("/failed").body)
    assert body["request_id"] == accepted.request_id
    assert body["err_code"] == "Bad Request"
    assert body["error"]["code"] == "unsupported_audio"


def test_recording_at_a_url_is_answered_to_the_callback(
    deepgram: DeepgramClient, archive: WebServer
) -> None:
    archive.files["/tale.flac"] = SPEECH[0].read_bytes()
    accepted = deepgram.listen.v1.media.transcribe_url(
        url=archive.url("/tale.flac"),
        callback=archive.url("/fetched"),
        keyterm=["lerretet"],
        language="nb",
        request_options=ONCE,
    )
    answer = ListenV1Response.model_validate_json(archive.sent_to("/fetched").body)
    assert answer.metadata.request_id == accepted.request_id
    assert best(answer).transcript == sample_texts()[0].replace("lerretets", "lerretet")


@pytest.mark.parametrize(
    ("options", "param", "code"),
    [
        ({"callback": "https://evil.example/done"}, "callback", "url_not_allowed"),
        ({"callback": "ws://127.0.0.1/done"}, "callback", "url_not_allowed"),
        ({"callback_method": "GET"}, "callback_method", "invalid_request"),
    ],
)
def test_callback_that_cannot_be_honoured_is_refused(
    deepgram: DeepgramClient, options: dict[str, str], param: str, code: str
) -> None:
    with pytest.raises(BadRequestError) as refused:
        listen(deepgram, SPEECH[0].read_bytes(), **options)
    assert refused.value.body["error"]["param"] == param
    assert refused.value.body["error"]["code"] == code


def test_empty_recording_is_refused_at_once(deepgram: DeepgramClient, archive: WebServer) -> None:
    with pytest.raises(BadRequestError) as refused:
        listen(deepgram, b"", callback=archive.url("/done"))
    assert refused.value.body["error"]["code"] == "invalid_audio"
