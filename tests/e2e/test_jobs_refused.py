"""What /jobs of a real server refuses, and how it answers jobs that failed."""

import httpx
import pytest
from job_requests import ended, hand_in, read_events
from test_http_refusals import assert_error


def test_one_refused_file_refuses_them_all(client: httpx.Client, clip) -> None:
    before = client.get("/jobs").json()["jobs"]
    files = [("file", ("a.wav", clip())), ("file", ("b.wav", b""))]
    assert_error(client.post("/jobs", files=files), 422, code="invalid_audio", param="file")
    assert client.get("/jobs").json()["jobs"] == before


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        ({"langauge": "nb"}, "langauge", "accepted: file, "),
        ({"characters": "true"}, "characters", "accepted: file, "),
        ({"decoder": "bream"}, "decoder", "accepted: auto"),
        ({"word_cues": "true"}, "word_cues", "response_format=vtt"),
        ({"metadata": "[1]"}, "metadata", "no JSON object"),
        ({"metadata": "{"}, "metadata", "no JSON object"),
        ({"metadata": '{"a": NaN}'}, "metadata", "no JSON object"),
        ({"metadata": '{"a": "\\ud800"}'}, "metadata", "no JSON object"),
        ({"metadata": '{"a": "' + "ø" * 2100 + '"}'}, "metadata", "at most 4096"),
        ({"expires_in": "0"}, "expires_in", "greater than 0"),
        ({"text": " "}, "text", "no `text`"),
    ],
)
def test_wrong_field_is_refused_in_the_query_and_in_the_form(
    client: httpx.Client, clip, fields: dict[str, str], param: str, message: str
) -> None:
    for place in ({"params": fields}, {"data": fields}):
        answer = client.post("/jobs", files={"file": clip()}, **place)
        assert message in assert_error(answer, 400, code="invalid_request", param=param)


def test_request_that_no_job_can_serve_is_refused(client: httpx.Client, clip) -> None:
    answer = client.post("/jobs?model=tiny-sv", content=clip())
    assert_error(answer, 404, code="model_not_found", param="model")
    answer = client.post("/jobs", data={"url": "https://example.org/a.wav"}, files={"a": b""})
    assert answer.status_code == 400
    answer = client.post("/jobs?webhook_url=https://example.org/done", content=clip())
    message = assert_error(answer, 400, code="url_not_allowed", param="webhook_url")
    assert "accepted: no webhook_url" in message
    two = [("file", clip()), ("file", clip())]
    answer = client.post("/jobs", files=two, data={"text": "a"})
    assert_error(answer, 400, code="invalid_request", param="file")
    assert_error(client.post("/jobs", content=b""), 422, code="invalid_audio", param="file")
    for query, param in (
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"status": "done"}, "status"),
        ({"after": "3"}, "after"),
        ({"page": "2"}, "page"),
    ):
        assert_error(client.get("/jobs", params=query), 400, code="invalid_request", param=param)


def test_wait_out_of_bounds_is_refused(client: httpx.Client, clip) -> None:
    job = hand_in(client, clip())
    for wait in ("61", "-1", "long", "nan"):
        answer = client.get(f"/jobs/{job['id']}", params={"wait": wait})
        assert_error(answer, 400, code="invalid_request", param="wait")


def test_failed_job_is_answered_with_its_own_error(client: httpx.Client) -> None:
    job = hand_in(client, b"no audio at all " * 100)
    failed = ended(client, job)
    assert failed["status"] == "failed"
    answer = client.get(f"/jobs/{job['id']}/result")
    assert_error(answer, 415, code="unsupported_audio", param=failed["error"]["param"])
    assert answer.json()["error"] == failed["error"]
    assert read_events(client, job["id"])[-1]["job"]["error"] == failed["error"]
