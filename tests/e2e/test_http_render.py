"""POST /render: transcripts of the caller in other formats, without recognising them again."""

import json
import socket
import time
from contextlib import ExitStack, suppress
from typing import Any

import httpx
import psutil
import pytest
import srt
from running import RunningServer
from test_http_refusals import assert_error

TRANSCRIPT: dict[str, Any] = {
    "words": [
        {"word": "Eg", "start": 0.4, "end": 0.5, "confidence": 0.98},
        {"word": "kjem", "start": 0.6, "end": 0.9},
        {"word": "– ja.", "start": 2.0, "end": 2.4},
    ],
    "segments": [{"text": "Eg kjem"}, {"text": "– ja."}],
    "language": "nn",
    "duration": 3.0,
}


def render(client: httpx.Client, transcript: Any, **parameters: object) -> httpx.Response:
    return client.post("/render", json=transcript, params=parameters)  # type: ignore[arg-type]


def test_response_of_transcribe_renders_like_a_direct_request(client: httpx.Client, clip) -> None:
    audio = clip(seconds=3.0)
    query = {"language": "nb", "format_text": "true"}
    known = client.post("/transcribe", content=audio, params=query).json()
    for name in ("text", "md", "docx", "f4", "srt", "vtt", "ttml", "stl", "tsv", "textgrid", "ctm"):
        at_once = client.post(
            "/transcribe", content=audio, params=query | {"response_format": name}
        )
        later = render(client, known, response_format=name)
        # Sent without a name, the recording is `audio` to both.
        assert later.content == at_once.content
        assert later.headers["content-type"] == at_once.headers["content-type"]


def test_handwritten_transcript_is_rendered(client: httpx.Client) -> None:
    answer = render(client, TRANSCRIPT, response_format="srt", recording="møte.m4a")
    cues = " ".join(cue.content for cue in srt.parse(answer.text))
    assert cues == "Eg kjem – ja."
    assert "m%C3%B8te.srt" in answer.headers["content-disposition"]
    rows = render(client, TRANSCRIPT, response_format="tsv").text.splitlines()[1:]
    assert [row.split("\t")[2] for row in rows] == ["Eg kjem", "– ja."]


def test_segments_that_do_not_match_the_words_are_replaced_by_pauses(client: httpx.Client) -> None:
    for segments in ([{"text": "Noko anna"}], [{"text": "Eg"}], None):
        rows = render(client, TRANSCRIPT | {"segments": segments}, response_format="tsv").text
        assert [row.split("\t")[2] for row in rows.splitlines()[1:]] == ["Eg kjem", "– ja."]


def test_empty_transcript_is_rendered(client: httpx.Client) -> None:
    empty = {"words": [], "duration": 1.5}
    assert render(client, empty, response_format="text").text == ""
    assert render(client, empty, response_format="vtt").text.startswith("WEBVTT")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"words": None}, "words"),
        ({"words": [{"word": "a", "start": -1, "end": 2}]}, "words.0.start"),
        ({"words": [{"word": "a", "start": 2, "end": 1}]}, "ends before it begins"),
        ({"words": [*TRANSCRIPT["words"], TRANSCRIPT["words"][0]]}, "before the word before it"),
        ({"duration": "long"}, "duration"),
    ],
)
def test_invalid_transcript_is_refused(
    client: httpx.Client, change: dict[str, Any], reason: str
) -> None:
    refused = render(client, TRANSCRIPT | change)
    assert refused.status_code == 400
    assert reason in refused.json()["error"]["message"]


def test_invalid_requests_are_refused(client: httpx.Client, guarded: RunningServer) -> None:
    no_json = client.post("/render", content=b"no json")
    assert_error(no_json, 400, code="invalid_request", param="body")
    unknown = render(client, TRANSCRIPT, response_format="odt")
    assert "srt" in assert_error(unknown, 400, code="invalid_request", param="response_format")
    wrong = render(client, TRANSCRIPT, response_format="srt", word_cues="true")
    assert "vtt" in assert_error(wrong, 400, code="invalid_request", param="word_cues")
    with guarded.client() as unknown:
        assert render(unknown, TRANSCRIPT).status_code == 401


def long_transcript(words: int) -> dict[str, Any]:
    """A transcript that takes seconds to write as subtitles."""
    spoken = [{"word": "ord", "start": n * 0.4, "end": n * 0.4 + 0.3} for n in range(words)]
    return {"words": spoken, "duration": words * 0.4}


def writers(server: RunningServer) -> list[psutil.Process]:
    """The busy rendering processes of the server."""
    found = []
    for child in psutil.Process(server.process.pid).children():
        with suppress(psutil.NoSuchProcess):
            if "app.rendering.worker" in child.cmdline() and child.cpu_percent(0.2) > 5:
                found.append(child)
    return found


@pytest.mark.long
def test_long_rendering_blocks_nothing_and_ends_with_its_client(
    server: RunningServer, client: httpx.Client, clip
) -> None:
    body = json.dumps(long_transcript(100_000)).encode()
    url = httpx.URL(server.address)
    head = (
        "POST /render?response_format=srt HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with ExitStack() as stack:
        for _ in range(6):
            connection = stack.enter_context(
                socket.create_connection((url.host, url.port), timeout=20)
            )
            connection.sendall(head.encode() + body)
        until = time.monotonic() + 20
        while not writers(server):
            assert time.monotonic() < until
        assert client.get("/health/ready").status_code == 200
        assert client.post("/transcribe", content=clip()).status_code == 200
        # As many as are configured, however many requests there are.
        assert len(writers(server)) == 1
    while writers(server):
        assert time.monotonic() < until + 20
    assert render(client, TRANSCRIPT, response_format="srt").status_code == 200


def test_transcript_over_the_limit_is_refused(client: httpx.Client) -> None:
    answer = client.post("/render", content=b" " * (17 * 2**20))
    assert "16 MiB" in assert_error(answer, 413, code="too_large", param=None)


def test_deeply_nested_json_is_a_400(client: httpx.Client) -> None:
    answer = client.post("/render", content=b"[" * 100_000)
    assert_error(answer, 400, code="invalid_request", param="body")
