"""Deepgram's own client and `callback`: the request's id at once, the transcript as a job."""

from collections.abc import Iterator

import pytest
from deepgram import DeepgramClient
from deepgram.errors import BadRequestError
from deepgram_client import ONCE, SPEECH, client_of, listen
from demo_model import sample_texts
from running import RunningServer
from web_server import WebServer

# The package looks up deprecated names of websockets.
pytestmark = pytest.mark.filterwarnings("ignore:websockets.* is deprecated:DeprecationWarning")


@pytest.fixture(scope="module")
def deepgram(demos: RunningServer) -> Iterator[DeepgramClient]:
    with client_of(demos) as client:
        yield client


def test_callback_is_answered_with_the_id_and_makes_a_job(
    demos: RunningServer, deepgram: DeepgramClient, archive: WebServer
) -> None:
    callback = archive.url("/done")
    with demos.client() as client:
        before = {job["id"] for job in client.get("/jobs").json()["jobs"]}
        accepted = listen(
            deepgram,
            SPEECH[0].read_bytes(),
            language="nb",
            smart_format=True,
            callback=callback,
            callback_method="PUT",
        )
        assert accepted.request_id
        made = [job for job in client.get("/jobs").json()["jobs"] if job["id"] not in before]
        assert [job["webhook_url"] for job in made] == [callback]
        ended = client.get(f"/jobs/{made[0]['id']}", params={"wait": 60}).json()
        assert ended["status"] == "completed", ended
        result = client.get(f"/jobs/{made[0]['id']}/result").json()
        assert result["text"] == sample_texts()[0]
        assert client.delete(f"/jobs/{made[0]['id']}").status_code == 204


def test_url_with_a_callback_is_accepted(deepgram: DeepgramClient, archive: WebServer) -> None:
    archive.files["/tale.flac"] = SPEECH[0].read_bytes()
    accepted = deepgram.listen.v1.media.transcribe_url(
        url=archive.url("/tale.flac"),
        callback=archive.url("/done"),
        keyterm=["lerretet"],
        request_options=ONCE,
    )
    assert accepted.request_id


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
