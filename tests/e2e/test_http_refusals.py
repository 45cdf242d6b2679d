"""Requests that a real server refuses: each with its own error, and the next one is served."""

import audio_samples
import httpx
import pytest


def assert_error(answer: httpx.Response, status: int, *, code: str, param: str | None) -> str:
    """Checks the one error form; returns the message."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["error"]
    error = answer.json()["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert (error["code"], error["param"]) == (code, param)
    assert "Traceback" not in error["message"]
    return str(error["message"])


def assert_served(client: httpx.Client, wav: bytes) -> None:
    answer = client.post("/transcribe", files={"file": wav})
    assert answer.status_code == 200
    assert answer.json()["text"]


@pytest.mark.parametrize("name", audio_samples.REFUSED)
def test_bad_audio_is_refused_and_the_next_request_is_served(
    client: httpx.Client, clip, name: str
) -> None:
    answer = client.post("/transcribe", files={"file": (name, audio_samples.REFUSED[name]())})
    assert answer.status_code in {415, 422}, answer.text
    error = answer.json()["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert error["type"] == "invalid_request_error"
    assert error["code"] in {"invalid_audio", "unsupported_audio"}
    assert len(error["message"]) > 20
    assert_served(client, clip())


def test_decompression_bomb_is_refused(client: httpx.Client, clip) -> None:
    answer = client.post("/transcribe", content=audio_samples.flac_bomb())
    assert_error(answer, 413, code="too_large", param=None)
    assert_served(client, clip())


@pytest.mark.parametrize("place", ["params", "data"])
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"langauge": "nb"}, "accepted: file, model, language, decoder, beam_width"),
        ({"decoder": "bream"}, "accepted: auto, greedy, beam or greedy+lm"),
        ({"beam_width": "50", "decoder": "greedy"}, "accepted with it: decoder auto, beam"),
        ({"beam_width": "0"}, "greater than or equal to 1"),
        ({"n_best": "1000"}, "less than or equal to 100"),
        ({"hotwords": "ja:tungt"}, "accepted: a word, or word:weight"),
        ({"hotwords": "a:-1e308, ba:1e308"}, "must be -1000 to 1000"),
        ({"hotwords": "a" * 257}, "has 257 characters, at most 256"),
        ({"alpha": "-1e300"}, "greater than or equal to -10"),
        ({"beta": "1e300"}, "less than or equal to 100"),
        ({"prune_logp": "-1e30"}, "greater than or equal to -1000"),
        ({"min_token_logp": "-1e30"}, "greater than or equal to -100"),
        ({"lm": "parliament"}, "this model has no language model"),
        ({"words": "maybe"}, "accepted: true, false"),
        ({"rate": "fast"}, "accepted: a whole number"),
        ({"encoding": "s17le", "rate": "16000"}, "s16le"),
        ({"timeout": "0"}, "greater than 0"),
        ({"timeout": "soon"}, "number"),
        ({"language": "nb", "model": "tiny-da"}, "it serves: da"),
    ],
)
def test_wrong_parameter_is_named_with_the_accepted_values(
    client: httpx.Client, clip, fields: dict[str, str], message: str, place: str
) -> None:
    answer = client.post("/transcribe", files={"file": clip()}, **{place: fields})
    param = next(iter(fields))
    assert message in assert_error(answer, 400, code="invalid_request", param=param)
    assert_served(client, clip())


def test_raw_samples_need_a_rate(client: httpx.Client, clip) -> None:
    answer = client.post("/transcribe?encoding=s16le", content=clip())
    message = assert_error(answer, 400, code="invalid_request", param="rate")
    assert "rate=16000" in message


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"model": "tiny-sv"}, "loaded: tiny-nb, tiny-da"), ({"language": "sv"}, "served: nb")],
)
def test_unknown_model_or_language_is_404_with_those_loaded(
    client: httpx.Client, clip, fields: dict[str, str], message: str
) -> None:
    answer = client.post("/transcribe", files={"file": clip()}, data=fields)
    assert message in assert_error(answer, 404, code="model_not_found", param=next(iter(fields)))


def test_parameter_given_twice_is_refused(client: httpx.Client, clip) -> None:
    answer = client.post("/transcribe?language=nb", files={"file": clip()}, data={"language": "da"})
    assert_error(answer, 400, code="invalid_request", param="language")


@pytest.mark.parametrize("given", ["-1", "nan", "soon"])
def test_timeout_header_must_be_a_number_of_seconds(client: httpx.Client, clip, given: str) -> None:
    answer = client.post("/transcribe", content=clip(), headers={"x-request-timeout": given})
    assert_error(answer, 400, code="invalid_request", param="x-request-timeout")


def test_expired_deadline_is_504(client: httpx.Client, clip) -> None:
    for answer in (
        client.post("/transcribe", content=clip(), headers={"x-request-timeout": "0.0001"}),
        client.post("/transcribe?timeout=0.0001", content=clip()),
    ):
        assert_error(answer, 504, code="deadline_exceeded", param=None)
    assert_served(client, clip())


def test_deadline_during_encoding_is_504(client: httpx.Client, clip) -> None:
    recording = clip(seconds=600.0)
    timings = [client.post("/transcribe", content=recording).json()["timing"] for _ in range(2)]
    # On any machine not later than in the middle of the encoding.
    seconds = min(timing["encode"] for timing in timings) / 2
    answer = client.post(f"/transcribe?timeout={seconds:.3f}", content=recording)
    assert_error(answer, 504, code="deadline_exceeded", param=None)
    assert_served(client, clip())


def test_form_without_a_file_is_refused(client: httpx.Client, clip) -> None:
    answer = client.post("/transcribe", files={"audio": clip()})
    assert "`file`" in assert_error(answer, 400, code="invalid_request", param="audio")
    answer = client.post("/transcribe", files={"language": (None, "nb")})
    assert_error(answer, 400, code="invalid_request", param="file")
    answer = client.post("/transcribe", files={"file": (None, "text, not a file")})
    assert "curl" in assert_error(answer, 400, code="invalid_request", param="file")


def test_align_refuses_two_files(client: httpx.Client, clip) -> None:
    files = [("file", clip()), ("file", clip(1))]
    answer = client.post("/align", files=files, data={"text": "ja"})
    assert "more files than the 1" in assert_error(answer, 400, code="invalid_request", param=None)


def test_missing_body_and_empty_file_are_refused(client: httpx.Client) -> None:
    for answer in (
        client.post("/transcribe"),
        client.post("/transcribe", files={"file": ("empty.wav", b"")}),
    ):
        assert_error(answer, 422, code="invalid_audio", param="file")


def test_malformed_form_is_refused(client: httpx.Client) -> None:
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x"):
        answer = client.post(
            "/transcribe", content=b"no form", headers={"content-type": content_type}
        )
        assert_error(answer, 400, code="invalid_request", param=None)


def test_unknown_paths_and_methods_have_the_same_error_form(client: httpx.Client) -> None:
    assert_error(client.get("/nope"), 404, code="not_found", param=None)
    answer = client.get("/transcribe")
    assert_error(answer, 405, code="method_not_allowed", param=None)
    assert answer.headers["allow"] == "POST"
