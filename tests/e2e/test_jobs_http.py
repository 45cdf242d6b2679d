"""/jobs of a real server: recordings are handed in, followed, fetched and erased."""

from collections.abc import Iterator

import httpx
import pytest
from demo_model import DEMO, sample_texts
from job_requests import ended, hand_in, read_events
from running import KEY, RunningServer
from sounds import tones
from test_http_refusals import assert_error
from web_server import WebServer

SPEECH = DEMO / "samples" / "sample-1.flac"
MISSING = "job_" + "0" * 32


@pytest.fixture(scope="module")
def keyed(guarded: RunningServer) -> Iterator[httpx.Client]:
    """A client of the guarded server with one of its keys."""
    with guarded.client(headers={"authorization": "Bearer key-0"}) as client:
        yield client


def test_recording_is_handed_in_and_its_result_is_that_of_transcribe(
    client: httpx.Client, clip
) -> None:
    answer = client.post(
        "/jobs",
        files={"file": ("møte.wav", clip())},
        data={"language": "nb", "metadata": '{"case": "2026/118", "pages": [1, null]}'},
    )
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers["location"] == f"/jobs/{job['id']}"
    assert answer.headers["x-request-id"]
    assert "idempotent-replayed" not in answer.headers
    assert (job["status"], job["kind"], job["name"]) == ("queued", "transcribe", "møte.wav")
    assert (job["model"], job["language"]) == ("tiny-nb", "nb")
    done = ended(client, job)
    assert done["status"] == "completed"
    assert done["metadata"] == {"case": "2026/118", "pages": [1, None]}
    assert (done["progress"], done["duration"], done["error"]) == (1, 1.5, None)
    assert done["created_at"] <= done["started_at"] <= done["completed_at"]
    result = client.get(f"/jobs/{job['id']}/result")
    assert result.status_code == 200
    assert result.headers["content-disposition"].endswith("filename*=UTF-8''m%C3%B8te.json")
    direct = client.post("/transcribe", files={"file": clip()}, data={"language": "nb"}).json()
    assert [(word["word"], word["start"], word["end"]) for word in result.json()["words"]] == [
        (word["word"], word["start"], word["end"]) for word in direct["words"]
    ]
    assert result.json()["text"] == direct["text"]


def test_result_comes_in_every_format_and_by_default_in_that_of_the_job(
    client: httpx.Client, clip
) -> None:
    job = hand_in(client, clip(), response_format="vtt", word_cues="true", words="false")
    ended(client, job)
    url = f"/jobs/{job['id']}/result"
    by_default = client.get(url)
    assert by_default.headers["content-type"] == "text/vtt; charset=utf-8"
    assert "<c>" in by_default.text
    assert "<c>" not in client.get(url, params={"word_cues": "false"}).text
    for name, start in {
        "text": "", "srt": "1\n", "tsv": "start\t", "textgrid": "File type", "eaf": "<?xml",
        "ctm": "audio 1", "md": "# audio\n", "docx": "PK", "stl": "850STL25.01",
    }.items():  # fmt: skip
        answer = client.get(url, params={"response_format": name})
        assert answer.status_code == 200, answer.text
        assert answer.text.startswith(start)
        direct = client.post(f"/transcribe?response_format={name}", content=clip())
        assert answer.headers["content-type"] == direct.headers["content-type"]
    assert client.get(url, params={"response_format": "json"}).json()["words"] == []
    with_words = client.get(url, params={"response_format": "json", "words": "true"}).json()
    assert with_words["words"]
    for query, param in (
        ({"response_format": "xml"}, "response_format"),
        ({"response_format": "srt", "word_cues": "true"}, "word_cues"),
        ({"response_format": "srt", "times": "false"}, "times"),
        ({"characters": "true"}, "characters"),
        ({"langauge": "nb"}, "langauge"),
    ):
        assert_error(client.get(url, params=query), 400, code="invalid_request", param=param)


def test_text_makes_a_job_an_alignment(client: httpx.Client, clip) -> None:
    answer = client.post(
        "/jobs",
        files={"file": ("a.wav", clip())},
        data={"text": "a ba", "characters": "true", "response_format": "json"},
    )
    assert answer.status_code == 202, answer.text
    assert answer.json()["kind"] == "align"
    ended(client, answer.json())
    url = f"/jobs/{answer.json()['id']}/result"
    words = client.get(url).json()["words"]
    assert [word["word"] for word in words] == ["a", "ba"]
    assert words[0]["characters"]
    assert "characters" not in client.get(url, params={"characters": "false"}).json()["words"][0]
    direct = client.post(
        "/align", files={"file": clip()}, data={"text": "a ba", "characters": "true"}
    )
    assert words == direct.json()["words"]
    assert_error(
        client.get(url, params={"words": "false"}), 400, code="invalid_request", param="words"
    )


def test_several_files_are_jobs_in_their_order(client: httpx.Client, clip) -> None:
    files = [("file", (f"{number}.wav", clip(number))) for number in range(3)]
    answer = client.post("/jobs", files=files, headers={"idempotency-key": "three"})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == "/jobs"
    jobs = answer.json()["jobs"]
    assert [job["name"] for job in jobs] == ["0.wav", "1.wav", "2.wav"]
    again = client.post("/jobs", files=files, headers={"idempotency-key": "three"})
    assert [job["id"] for job in again.json()["jobs"]] == [job["id"] for job in jobs]
    assert again.headers["idempotent-replayed"] == "true"
    for others in (files[:2], files[:1], [*files, files[0]]):
        answer = client.post("/jobs", files=others, headers={"idempotency-key": "three"})
        assert_error(answer, 422, code="idempotency_conflict", param="Idempotency-Key")
    for job in jobs:
        assert ended(client, job)["status"] == "completed"
    first = client.get("/jobs", params={"limit": 2}).json()
    assert [job["name"] for job in first["jobs"]] == ["2.wav", "1.wav"]
    second = client.get("/jobs", params={"limit": 1, "after": first["next"]}).json()
    assert [job["name"] for job in second["jobs"]] == ["0.wav"]
    completed = client.get("/jobs", params={"status": "completed"}).json()["jobs"]
    assert {job["status"] for job in completed} == {"completed"}


def test_idempotency_key_repeats_the_answer_and_refuses_another_request(
    client: httpx.Client, clip
) -> None:
    def post(audio: bytes, **options: str) -> httpx.Response:
        return client.post(
            "/jobs", content=audio, params=options, headers={"idempotency-key": "møte-1".encode()}
        )

    assert_error(post(clip()), 400, code="invalid_request", param="Idempotency-Key")

    def hand_in_once(audio: bytes, **options: str) -> httpx.Response:
        return client.post(
            "/jobs", content=audio, params=options, headers={"idempotency-key": "meeting-1"}
        )

    first = hand_in_once(clip())
    again = hand_in_once(clip())
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["id"] == first.json()["id"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    for other in (hand_in_once(clip(1)), hand_in_once(clip(), n_best="2")):
        assert_error(other, 422, code="idempotency_conflict", param="Idempotency-Key")


def test_events_end_with_the_job_and_continue_after_the_last_event_id(
    client: httpx.Client, clip
) -> None:
    job = hand_in(client, clip(3))
    events = read_events(client, job["id"])
    states = [event["job"]["status"] for event in events if event["event"] == "status"]
    assert states == ["queued", "processing", "completed"]
    ids = [event["id"] for event in events]
    assert ids == sorted(set(ids))
    rest = read_events(client, job["id"], **{"last-event-id": str(ids[0])})
    assert rest == events[1:]
    url = f"/jobs/{job['id']}/events"
    over = client.get(url, headers={"last-event-id": str(ids[-1])})
    assert (over.status_code, over.content) == (204, b"")
    answer = client.get(url, headers={"last-event-id": "first"})
    assert_error(answer, 400, code="invalid_request", param="Last-Event-ID")


def test_deleted_job_is_gone(client: httpx.Client, clip) -> None:
    job = hand_in(client, clip())
    ended(client, job)
    url = f"/jobs/{job['id']}"
    answer = client.delete(url)
    assert (answer.status_code, answer.content) == (204, b"")
    for again in (
        client.get(url),
        client.get(url, params={"wait": 1}),
        client.get(f"{url}/result"),
        client.get(f"{url}/events"),
        client.delete(url),
        client.get(f"/jobs/{MISSING}"),
        client.get("/jobs/%00"),
        client.get("/jobs/ø"),
    ):
        assert_error(again, 404, code="job_not_found", param="id")
    assert job["id"] not in client.get("/jobs").text


def test_jobs_are_seen_with_the_key_they_were_handed_in_with_alone(
    guarded: RunningServer, keyed: httpx.Client, clip
) -> None:
    answer = keyed.post("/speech/jobs", content=clip())
    job = answer.json()
    url = f"/speech/jobs/{job['id']}"
    assert answer.headers["location"] == url
    assert ended(keyed, job)["status"] == "completed"
    with guarded.client(headers={"authorization": f"Bearer {KEY}".encode()}) as other:
        for refused in (
            other.get(url),
            other.get(f"{url}/result"),
            other.get(f"{url}/events"),
            other.delete(url),
        ):
            assert_error(refused, 404, code="job_not_found", param="id")
        assert other.get("/jobs").json() == {"jobs": [], "next": None}
    with guarded.client() as stranger:
        for refused in (stranger.get(url), stranger.get("/jobs"), stranger.delete(url)):
            assert_error(refused, 401, code="invalid_api_key", param=None)
    assert keyed.delete(url).status_code == 204


def test_page_of_a_listed_origin_may_delete(guarded: RunningServer) -> None:
    headers = {
        "origin": "https://app.example.org",
        "access-control-request-method": "DELETE",
        "access-control-request-headers": "authorization, idempotency-key, last-event-id",
    }
    with guarded.client() as client:
        answer = client.options(f"/speech/jobs/{MISSING}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert "DELETE" in answer.headers["access-control-allow-methods"]


def test_head_is_answered_without_a_body(client: httpx.Client, clip) -> None:
    job = hand_in(client, clip())
    for path in ("/jobs", f"/jobs/{job['id']}", f"/jobs/{job['id']}/events"):
        answer = client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")


def test_samples_declared_by_the_content_type_are_read_as_declared(client: httpx.Client) -> None:
    samples = (tones(0, 1.5) * 32767).astype(">i2").tobytes()
    headers = {"content-type": "audio/L16;rate=16000"}
    answer = client.post("/jobs", content=samples, headers=headers)
    assert answer.status_code == 202, answer.text
    assert ended(client, answer.json())["duration"] == 1.5
    result = client.get(f"/jobs/{answer.json()['id']}/result").json()
    assert (
        result["text"]
        == client.post("/transcribe", content=samples, headers=headers).json()["text"]
    )
    answer = client.post("/jobs", content=samples, headers={"content-type": "audio/L16"})
    assert_error(answer, 400, code="invalid_request", param="rate")


def test_recording_at_an_allowed_url_is_fetched(demos: RunningServer, archive: WebServer) -> None:
    archive.files["/arkiv/tale.flac"] = SPEECH.read_bytes()
    with demos.client() as client:
        answer = client.post("/jobs", params={"url": archive.url("/arkiv/tale.flac")})
        assert answer.status_code == 202, answer.text
        job = ended(client, answer.json())
        assert (job["status"], job["name"]) == ("completed", "tale.flac")
        result = client.get(f"/jobs/{job['id']}/result").json()
        assert result["text"] == sample_texts()[0]
        missing = client.post("/jobs", params={"url": archive.url("/arkiv/none.flac", "localhost")})
        assert_error(missing, 400, code="url_not_allowed", param="url")
        webhook = {"webhook_url": "https://evil.example/done"}
        refused = client.post("/jobs", params=webhook, content=SPEECH.read_bytes())
        assert_error(refused, 400, code="url_not_allowed", param="webhook_url")
