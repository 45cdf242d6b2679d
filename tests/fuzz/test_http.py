"""Valid and invalid requests by the OpenAPI document get responses that conform to it."""

import re
from collections.abc import MutableMapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from examples import examples
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from running import RunningServer, wait_until_idle
from schemathesis import GenerationMode
from schemathesis.checks import (
    negative_data_rejection,
    not_a_server_error,
    positive_data_acceptance,
)
from schemathesis.schemas import APIOperation
from sounds import as_wav, tones

BOUNDED = settings(
    max_examples=examples(20), deadline=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
CLIP = as_wav(tones(0, 0.5))
# Bytes of no meaning are refused before the rest of a request matters.
SOUNDS = (CLIP, CLIP, CLIP[:5_000], CLIP[:44])
# uvicorn itself refuses longer ones, in its own form.
MAX_URL = 32_000
LINE_BREAK = re.compile("%0[AD]")
# Of a request, besides its options.
CONTENT = {"file", "text"}
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


@pytest.fixture(scope="module")
def operations(server: RunningServer) -> list[APIOperation]:
    """Every route with its methods, as the server describes them."""
    document: Any = schemathesis.openapi.from_url(f"{server.address}/openapi.json")
    return [found.ok() for found in document.get_all_operations()]


def check(case: schemathesis.Case, headers: dict[str, str]) -> int:
    """Sends a request; its answer must be as documented. Returns the status."""
    response = case.call(headers=headers, timeout=60)
    request = response.request
    url = request.url or ""
    # No route has a line break in its path.
    assume(len(url) < MAX_URL and not LINE_BREAK.search(url.partition("?")[0]))
    # A document cannot describe which bytes are audio; a deadline of the client's may pass.
    excluded = [positive_data_acceptance]
    # An empty parameter counts as not given, as forms of browsers send it.
    if "" in {str(value).strip() for value in (case.query or {}).values()}:
        excluded.append(negative_data_rejection)
    assemblyais = case.path.startswith("/v2/")
    if response.status_code == 504:
        assert assemblyais or response.json()["error"]["code"] == "deadline_exceeded"
        excluded.append(not_a_server_error)
    case.validate_response(response, excluded_checks=excluded, headers=headers)
    assert response.headers["x-request-id"]
    if response.status_code >= 400 and assemblyais:
        assert isinstance(response.json()["error"], str)
    elif response.status_code >= 400:
        assert response.json()["error"].keys() == {"message", "type", "param", "code"}
    return response.status_code


def has_input(operation: APIOperation) -> bool:
    return bool(list(operation.iter_parameters()) or list(operation.body))


def attempt(
    operation: APIOperation,
    mode: GenerationMode,
    headers: dict[str, str],
    *sounds: bytes,
    most_options: Sequence[int] = (0, 1, 2, 100),
) -> set[int]:
    """Sends many requests, with audio where sounds are given. Returns the statuses."""
    seen: set[int] = set()

    @BOUNDED
    @given(
        case=operation.as_strategy(generation_mode=mode),
        sound=st.sampled_from(sounds or [b""]),
        options=st.sampled_from(most_options),
    )
    def send(case: schemathesis.Case, sound: bytes, options: int) -> None:
        if sound and case.media_type == "multipart/form-data":
            assume(isinstance(case.body, dict))
            case.body["file"] = sound
        elif sound:
            case.body, case.media_type = sound, "application/octet-stream"
        if sound:
            # Almost any value of many options is refused, or contradicts that of another one.
            for fields in (case.headers, case.query, case.body):
                if isinstance(fields, MutableMapping):
                    for name in [name for name in fields if name not in CONTENT][options:]:
                        del fields[name]
        seen.add(check(case, headers))

    send()
    return seen


@pytest.mark.long
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_each_response_conforms_to_the_openapi_document(
    operations: list[APIOperation], mode: GenerationMode, authorised: dict[str, str]
) -> None:
    failures: list[Exception] = []
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and not has_input(operation):
            continue
        try:
            attempt(operation, mode, authorised)
        except Exception as failure:
            failure.add_note(operation.label)
            failures.append(failure)
    if failures:
        raise ExceptionGroup("answers that are not as documented", failures)


@pytest.mark.long
def test_random_parameters_with_audio_get_documented_responses(
    operations: list[APIOperation], authorised: dict[str, str]
) -> None:
    for operation in operations:
        types = {body.media_type for body in operation.body}
        if types & {"multipart/form-data", "application/octet-stream"}:
            attempt(operation, GenerationMode.POSITIVE, authorised, *SOUNDS)
            plain = attempt(operation, GenerationMode.POSITIVE, authorised, CLIP, most_options=[0])
            # Known speakers are off by default.
            assert plain & {200, 202} or operation.path == "/speakers", (operation.path, plain)


def test_other_methods_get_405_with_allow(
    operations: list[APIOperation], client: httpx.Client
) -> None:
    documented: dict[str, set[str]] = {}
    for operation in operations:
        documented.setdefault(operation.path, set()).add(operation.method.upper())
    for path, methods in documented.items():
        for method in METHODS - methods:
            answer = client.request(method, path)
            if path.startswith("/admin/"):
                # The key has not their scope, whatever the method.
                assert answer.status_code == 403
                continue
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["allow"].split(", ")) == methods
            openais = path.startswith("/v1/") and path != "/v1/listen"
            code = "method_not_supported" if openais else "method_not_allowed"
            error = answer.json()["error"]
            assert isinstance(error, str) if path.startswith("/v2/") else error["code"] == code


@BOUNDED
@given(
    path=st.text(st.characters(codec="utf-8", min_codepoint=33), max_size=40),
    method=st.sampled_from(["GET", "POST"]),
)
def test_any_path_and_header_gets_a_response(client: httpx.Client, path: str, method: str) -> None:
    # httpx accepts no path with `?` or `#` unescaped, nor one that begins with two slashes.
    url = "/" + quote(path, safe="/").lstrip("/")
    answer = client.request(method, url, headers={"x-request-timeout": "1"})
    assert answer.status_code < 500


def test_server_is_ready_after_fuzzing(client: httpx.Client) -> None:
    assert client.get("/health/ready").status_code == 200
    wait_until_idle(client)
    assert client.post("/transcribe", content=CLIP).json()["duration"] == 0.5
