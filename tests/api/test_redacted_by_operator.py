"""NORDLYD_REDACT masks in every transcript, whatever its request says."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from speller import Post, formatting_service

from app.errors import ConfigurationError
from app.operator_lists import read_operator_lists
from app.settings import load_settings

PHONE = "ni to to to tre tre fire fire"
SPOKEN = f"kari ring meg på {PHONE} takk"


@pytest.fixture(scope="module")
def answer() -> Iterator[Post]:
    with formatting_service(redact="phone") as post:
        yield post


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/transcribe", {}),
        ("/transcribe", {"n_best": 3, "format_text": "true", "language": "da"}),
        ("/v1/listen", {"redact": "false", "utterances": "true"}),
    ],
)
def test_text_is_masked_without_a_request_for_it(
    answer: Post, path: str, query: dict[str, object]
) -> None:
    response = answer(SPOKEN, path=path, **query)
    assert response.status_code == 200, response.text
    assert "[telefonnummer]" in response.text
    assert "fire" not in response.text


def test_growing_text_is_masked(answer: Post) -> None:
    form = {"model": "whisper-1", "stream": "true"}
    response = answer(SPOKEN, form, "/v1/audio/transcriptions")
    events = [
        json.loads(line.removeprefix("data: "))
        for line in response.text.splitlines()
        if line.startswith("data: {")
    ]
    assert events[-1]["text"] == "Kari ring meg på [telefonnummer] takk."
    assert "fire" not in response.text


def test_request_adds_to_what_is_masked(answer: Post) -> None:
    body = answer(SPOKEN, form={"redact": "names", "redact_names": "Kari"}).json()
    assert body["text"] == "[navn] ring meg på [telefonnummer] takk"
    assert [item["kind"] for item in body["redactions"]] == ["names", "phone"]


def test_language_without_rules_is_refused(answer: Post) -> None:
    refused = answer(SPOKEN, language="sv")
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "redact"


def test_all_without_names_masks_the_rest_without_a_warning() -> None:
    with formatting_service(redact="all") as answer:
        body = answer(SPOKEN).json()
    assert body["text"] == SPOKEN.replace(PHONE, "[telefonnummer]")
    assert body["warnings"] == []


def test_names_of_the_operator_are_masked(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("Kari")
    with formatting_service(redact="names", redact_names=names) as answer:
        assert answer(SPOKEN).json()["text"].startswith("[navn] ring")


@pytest.mark.parametrize("redact", ["names", "phone,names"])
def test_service_does_not_start_with_names_and_without_a_list(redact: str) -> None:
    with pytest.raises(ConfigurationError, match="NORDLYD_REDACT_NAMES"):
        read_operator_lists(load_settings({}, redact=redact))


def test_unknown_kind_is_refused_with_what_is_accepted() -> None:
    with pytest.raises(ConfigurationError, match=r"NORDLYD_REDACT.*accepted: national-id"):
        load_settings({}, redact="phones")
