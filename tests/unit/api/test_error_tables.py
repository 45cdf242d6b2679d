"""Each protocol's table of errors: complete, and with the statuses that its clients know."""

import inspect
import json

import pytest

from app import errors
from app.api.errors import (
    RouteError,
    deepgram,
    error_detail,
    error_of_detail,
    openai,
    render_error,
)
from app.errors import NordlydError, OverloadedError, UnavailableError

ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, NordlydError)
]
OPENAI = {400, 401, 403, 404, 405, 408, 413, 429, 431, 499, 500, 503, 504}
ASSEMBLYAI = {400, 401, 403, 404, 405, 408, 413, 429, 431, 499, 500, 503, 504}
DEEPGRAM = {400, 401, 403, 408, 413, 422, 429, 431, 499, 500, 503, 504}


def made(kind: type[NordlydError]) -> NordlydError:
    """An error of a class, with whatever it needs."""
    if issubclass(kind, OverloadedError):
        return kind("because", retry_after=2.5)
    return kind("because")


@pytest.mark.parametrize("kind", ALL)
def test_every_error_has_a_row_in_every_table(kind: type[NordlydError]) -> None:
    assert kind in openai.TABLE
    assert kind in deepgram.TABLE
    assert openai.openai_status(made(kind)) in OPENAI
    assert deepgram.deepgram_status(made(kind)) in DEEPGRAM


@pytest.mark.parametrize("kind", ALL)
def test_assemblyai_routes_have_its_form_and_statuses(kind: type[NordlydError]) -> None:
    response = render_error(made(kind), "/v2/transcript", "id-1")
    assert response.status_code in ASSEMBLYAI
    assert json.loads(bytes(response.body)) == {"error": "because"}


@pytest.mark.parametrize("kind", ALL)
def test_error_of_a_job_is_the_same_again(kind: type[NordlydError]) -> None:
    detail = error_detail(NordlydError("because", param="file")).model_copy(
        update={"type": kind.type, "code": kind.code}
    )
    again = error_of_detail(detail)
    assert (again.message, again.param) == ("because", "file")
    if not issubclass(kind, OverloadedError | UnavailableError):
        assert (again.status, again.type, again.code) == (kind.status, kind.type, kind.code)


@pytest.mark.parametrize("kind", ALL)
def test_native_routes_keep_the_status_and_code_of_the_error(kind: type[NordlydError]) -> None:
    error = made(kind)
    response = render_error(error, "/transcribe", "id-1")
    assert response.status_code == error.status
    assert json.loads(bytes(response.body)) == {
        "error": {"message": "because", "type": error.type, "param": None, "code": error.code}
    }


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("", "native"),
        ("/v1", "native"),
        ("/stream", "native"),
        ("/v1/listen", "deepgram"),
        ("/v1/models", "openai"),
        ("/v1/realtime", "openai"),
        ("/v1/listener", "openai"),
    ],
)
def test_path_selects_the_error_form(path: str, form: str) -> None:
    response = render_error(errors.AuthenticationError("no key"), path, "id-1")
    body = json.loads(bytes(response.body))
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    match form:
        case "deepgram":
            assert list(body) == ["err_code", "err_msg", "request_id", "error"]
            assert (body["err_code"], body["request_id"]) == ("INVALID_AUTH", "id-1")
            assert response.headers["dg-request-id"] == "id-1"
        case "openai":
            assert body["error"]["type"] == "invalid_request_error"
        case _:
            assert body["error"]["type"] == "authentication_error"


@pytest.mark.parametrize("path", ["/transcribe", "/v1/listen", "/v1/audio/transcriptions"])
def test_every_error_form_has_retry_after(path: str) -> None:
    for error in (
        OverloadedError("full", retry_after=2.5),
        UnavailableError("loading", retry_after=2.5),
    ):
        headers = render_error(error, path, "").headers
        assert (headers["retry-after"], headers["retry-after-ms"]) == ("3", "2500")


def test_unknown_paths_have_the_codes_of_openai() -> None:
    for status, code in (
        (404, "unknown_url"),
        (405, "method_not_supported"),
        (418, "invalid_request"),
    ):
        error = RouteError("no", status=status, headers={"Allow": "GET"})
        response = render_error(error, "/v1/chat", "")
        assert response.status_code == status
        assert response.headers["allow"] == "GET"
        assert json.loads(bytes(response.body))["error"]["code"] == code
