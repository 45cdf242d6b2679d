"""Several files in one call to a real server: a line for each as it is done."""

import json
import socket
import threading
from base64 import b64encode

import httpx
import pytest
from running import RunningServer, wait_until_idle, wait_until_queued
from test_http_refusals import assert_error

LINES = {"accept": "application/x-ndjson"}


def parts(*files: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("file", file) for file in files]


def lines(answer: httpx.Response) -> list[dict]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.text.endswith("\n")
    return sorted(map(json.loads, answer.text.splitlines()), key=lambda line: line["index"])


def test_batch_result_of_each_file_equals_its_single_request(client: httpx.Client, clip) -> None:
    clips = [clip(seed, 0.8 + 0.2 * seed) for seed in range(9)]
    alone = [client.post("/transcribe?language=da", content=wav).json() for wav in clips]
    answer = client.post(
        "/transcribe",
        files=parts(*((f"opptak {index}.wav", wav) for index, wav in enumerate(clips))),
        data={"language": "da"},
        headers={"x-request-id": "many"},
    )
    together = lines(answer)
    assert answer.headers["x-request-id"] == "many"
    for index, (line, single) in enumerate(zip(together, alone, strict=True)):
        assert list(line) == ["index", "name", "status", "result"]
        assert (line["index"], line["name"], line["status"]) == (index, f"opptak {index}.wav", 200)
        assert line["result"]["request_id"] == f"many/{index}"
        for key in ("text", "words", "segments", "duration", "model", "language"):
            assert line["result"][key] == single[key]


def test_invalid_files_of_a_batch_fail_and_the_others_succeed(client: httpx.Client, clip) -> None:
    wav = clip()
    text, empty, good, cut = lines(
        client.post(
            "/transcribe",
            files=parts(
                ("text.wav", b"not audio at all"), ("empty.wav", b""), ("good.wav", wav),
                ("cut.wav", wav[:30]),
            ),
        )
    )  # fmt: skip
    assert [text["status"], empty["status"], good["status"], cut["status"]] == [415, 422, 200, 422]
    assert list(text) == ["index", "name", "status", "error"]
    assert text["error"]["code"] == "unsupported_audio"
    assert list(empty["error"]) == ["message", "type", "param", "code"]
    assert (empty["name"], empty["error"]["param"]) == ("empty.wav", "file")
    assert good["result"]["text"]


def test_lines_are_sent_in_order_of_completion(client: httpx.Client, clip) -> None:
    files = parts(("long.wav", clip(1, 400.0)), ("short.wav", clip()))
    with client.stream("POST", "/transcribe", files=files) as answer:
        first, second = map(json.loads, answer.iter_lines())
    assert (first["name"], second["name"]) == ("short.wav", "long.wav")
    assert second["result"]["duration"] == 400.0


def test_single_file_with_accept_ndjson_is_one_line(client: httpx.Client, clip) -> None:
    posted = client.post("/transcribe", files=parts(("x.wav", clip())), headers=LINES)
    (line,) = lines(posted)
    assert (line["index"], line["name"], line["status"]) == (0, "x.wav", 200)
    accept = {"accept": "application/json;q=0.5, application/x-ndjson"}
    (line,) = lines(client.post("/transcribe", content=clip(), headers=accept))
    assert (line["name"], line["status"]) == ("", 200)
    assert client.post("/transcribe", content=clip()).json()["text"] == line["result"]["text"]


def test_batch_lines_contain_the_requested_format(client: httpx.Client, clip) -> None:
    files = parts(("møte.m4a", clip()), ("b", clip(1)))
    alone = client.post("/transcribe?response_format=vtt", files={"file": clip()})
    first, second = lines(client.post("/transcribe?response_format=vtt", files=files))
    assert first["result"] == {
        "content": alone.text, "media_type": "text/vtt; charset=utf-8", "file_name": "møte.vtt",
    }  # fmt: skip
    assert second["result"]["file_name"] == "b.vtt"
    alone = client.post("/transcribe?response_format=stl", files={"file": ("b", clip(1))})
    _, stl = lines(client.post("/transcribe?response_format=stl", files=files))
    assert stl["result"] == {
        "content": b64encode(alone.content).decode(), "base64": True,
        "media_type": "application/x-ebu-stl", "file_name": "b.stl",
    }  # fmt: skip


def test_invalid_batch_parameter_is_a_single_error_response(client: httpx.Client, clip) -> None:
    files = parts(("a.wav", clip()), ("b.wav", clip()))
    for fields, status, code in (
        ({"decoder": "bream"}, 400, "invalid_request"),
        ({"model": "tiny-sv"}, 404, "model_not_found"),
        ({"language": "sv"}, 404, "model_not_found"),
    ):
        answer = client.post("/transcribe", files=files, data=fields, headers=LINES)
        assert_error(answer, status, code=code, param=next(iter(fields)))
    answer = client.post("/transcribe", files=[*files, ("fiel", ("c.wav", clip()))])
    assert_error(answer, 400, code="invalid_request", param="fiel")


def test_batch_of_a_hundred_files_returns_a_line_for_each(client: httpx.Client, clip) -> None:
    clips = [clip(seed, 0.5) for seed in range(3)]
    files = parts(*((f"{index}.wav", clips[index % 3]) for index in range(100)))
    answers = lines(client.post("/transcribe", files=files))
    assert [line["index"] for line in answers] == list(range(100))
    texts = [line["result"]["text"] for line in answers]
    assert texts == [texts[index % 3] for index in range(100)]


def test_single_request_is_served_while_a_batch_runs(client: httpx.Client, clip) -> None:
    done: list[httpx.Response] = []
    files = parts(*((f"{index}.wav", clip(index, 90.0)) for index in range(6)))
    sender = threading.Thread(target=lambda: done.append(client.post("/transcribe", files=files)))
    sender.start()
    wait_until_queued(client)
    assert client.post("/transcribe", content=clip()).status_code == 200
    still_running = not done
    sender.join()
    assert still_running
    assert {line["status"] for line in lines(done[0])} == {200}


@pytest.mark.long
@pytest.mark.parametrize("read_first", [False, True])
def test_disconnect_cancels_the_remaining_files_of_a_batch(
    server: RunningServer, client: httpx.Client, clip, read_first: bool
) -> None:
    files = parts(*((f"{index}.wav", clip(index, 300.0)) for index in range(5)))
    if read_first:
        files.insert(0, ("file", ("short.wav", clip())))
    request_id = f"hung-up-{read_first}"
    request = httpx.Request(
        "POST", server.address + "/transcribe", files=files, headers={"x-request-id": request_id}
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((request.url.host, request.url.port), timeout=20) as connection:
        connection.sendall(f"POST /transcribe HTTP/1.1\r\n{head}\r\n".encode() + request.read())
        received = b""
        # A line is there while the others are still at work.
        while b"200 OK" not in received or (read_first and b"short.wav" not in received):
            received += connection.recv(65_536)
        wait_until_queued(client)
    wait_until_idle(client)
    line = server.log_line(request_id)
    assert (line["status"], line["code"]) == (200, "client_disconnected")
    assert client.post("/transcribe", content=clip()).status_code == 200
