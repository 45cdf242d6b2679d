"""Deepgram's own client and a real server: errors, keys and URLs."""

import hashlib
from collections.abc import Iterator

import pytest
from deepgram import DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.errors import BadRequestError
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


@pytest.mark.parametrize(
    ("query", "param", "message"),
    [
        ("diarize=true&multichannel=true", "diarize", "accepted: one of them"),
        ("diarize_model=latest", "diarize_model", "diarize=true"),
        ("summarize=v2", "summarize", "there are no summaries"),
        ("callback_method=get", "callback_method", "accepted: POST or PUT"),
        ("redact=pci", "redact", "accepted: ssn, credit_card"),
        ("multichannel=maybe", "multichannel", "accepted: true, false"),
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
def test_unsupported_parameters_are_refused_in_both_forms(
    demos: RunningServer, query: str, param: str | None, message: str
) -> None:
    with demos.client() as client:
        answer = client.post(f"/v1/listen?{query}", content=SPEECH[1].read_bytes())
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert list(body) == ["err_code", "err_msg", "request_id", "error"]
    assert message in body["err_msg"]
    assert body["error"]["message"] == body["err_msg"]
    assert body["error"]["param"] == param
    assert (body["err_code"], body["error"]["code"]) == ("Bad Request", "invalid_request")
    assert body["request_id"] == answer.headers["x-request-id"]


def test_client_raises_bad_requests_and_the_next_request_is_served(
    deepgram: DeepgramClient,
) -> None:
    with pytest.raises(BadRequestError) as refused:
        listen(deepgram, SPEECH[1].read_bytes(), diarize=True, multichannel=True)
    assert refused.value.body["err_code"] == "Bad Request"
    for audio, options, code in (
        (b"", {}, "invalid_audio"),
        (b"no audio at all " * 100, {}, "unsupported_audio"),
        (SPEECH[1].read_bytes(), {"model": "demo-sv"}, "model_not_found"),
        (SPEECH[1].read_bytes(), {"language": "en"}, "model_not_found"),
    ):
        with pytest.raises(BadRequestError) as caught:
            listen(deepgram, audio, **options)
        assert caught.value.body["err_code"] == "Bad Request"
        assert caught.value.body["error"]["code"] == code
        assert caught.value.body["err_msg"]
    assert best(listen(deepgram, SPEECH[1].read_bytes())).transcript == sample_texts()[1]


def test_multipart_form_is_refused(demos: RunningServer) -> None:
    with demos.client() as client:
        answer = client.post("/v1/listen", files={"file": SPEECH[1].read_bytes()})
    assert answer.status_code == 400
    assert "/transcribe" in answer.json()["err_msg"]


@pytest.mark.parametrize(
    "body",
    ["[]", "{}", '{"url": 1}', "{", '{"url": "a", "model": "b"}', "", '{"url": "\\ud800"}'],
)
def test_json_without_a_url_is_refused(demos: RunningServer, body: str) -> None:
    with demos.client() as client:
        answer = client.post(
            "/v1/listen", content=body, headers={"content-type": "application/json"}
        )
    assert answer.status_code == 400
    assert '{"url": "https://…"}' in answer.json()["err_msg"]


def listen_to(client: DeepgramClient, url: str, **options: object):
    return client.listen.v1.media.transcribe_url(url=url, request_options=ONCE, **options)


def test_url_on_an_allowed_host_is_fetched(deepgram: DeepgramClient, archive: WebServer) -> None:
    audio = SPEECH[1].read_bytes()
    archive.files |= {"/speech.flac": audio, "/empty": b""}
    answer = listen_to(deepgram, archive.url("/speech.flac"), language="nb", punctuate=True)
    assert best(answer).transcript == f"{sample_texts()[1].capitalize()}."
    assert answer.metadata.sha256 == hashlib.sha256(audio).hexdigest()
    for path, code in (("/empty", "invalid_audio"), ("/none", "url_failed")):
        with pytest.raises(BadRequestError) as caught:
            listen_to(deepgram, archive.url(path))
        assert caught.value.body["error"]["code"] == code
    with pytest.raises(BadRequestError) as refused:
        listen_to(deepgram, archive.url("/speech.flac", host="localhost"))
    assert refused.value.body["err_code"] == "REMOTE_CONTENT_ERROR"
    assert refused.value.body["error"]["code"] == "url_not_allowed"


def test_url_is_refused_where_no_host_is_allowed(server: RunningServer, archive: WebServer) -> None:
    before = len(archive.requests)
    with client_of(server) as client, pytest.raises(BadRequestError) as refused:
        listen_to(client, archive.url("/speech.flac"))
    assert "fetches nothing" in refused.value.body["err_msg"]
    assert len(archive.requests) == before


@pytest.mark.parametrize("keys", [{"api_key": "key-0"}, {"access_token": "key-0"}])
def test_key_is_accepted_as_token_and_as_bearer(
    guarded: RunningServer, clip, keys: dict[str, str]
) -> None:
    with client_of(guarded, **keys) as client:
        assert best(listen(client, clip())).transcript


def test_wrong_key_is_refused(guarded: RunningServer, clip) -> None:
    with client_of(guarded, api_key="key-1") as stranger, pytest.raises(ApiError) as refused:
        listen(stranger, clip())
    assert refused.value.status_code == 401
    assert refused.value.body["err_code"] == "INVALID_AUTH"
    assert refused.value.body["error"]["code"] == "invalid_api_key"


def test_body_over_the_limit_is_refused(guarded: RunningServer) -> None:
    with client_of(guarded, api_key="key-0") as client, pytest.raises(ApiError) as refused:
        listen(client, bytes(3 * 2**20))
    assert refused.value.status_code == 413
    assert refused.value.body["err_code"] == "PAYLOAD_TOO_LARGE"
    assert refused.value.body["error"]["code"] == "too_large"
