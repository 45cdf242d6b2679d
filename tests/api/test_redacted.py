"""Redaction over HTTP: masked in every field and format, refused where it cannot be done."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from speller import Post, formatting_service

PHONE = "ni to to to tre tre fire fire"
SPOKEN = f"ring kari på {PHONE} da … takk"


@pytest.fixture(scope="module")
def answer() -> Iterator[Post]:
    with formatting_service() as post:
        yield post


def test_number_is_masked_in_every_field(answer: Post) -> None:
    body = answer(SPOKEN, redact="phone", format_text="true").json()
    assert body["text"] == "ring kari på [telefonnummer] da takk"
    assert [word["word"] for word in body["words"]] == body["text"].split()
    assert body["segments"][0]["text"] == "ring kari på [telefonnummer] da"
    assert body["formatted_text"] == "Ring kari på [telefonnummer] da. Takk."
    (redaction,) = body["redactions"]
    label = body["words"][3]
    assert redaction == {"kind": "phone", "start": label["start"], "end": label["end"]}
    whole = answer(SPOKEN).json()
    assert "redactions" not in whole
    numbers = [word for word in whole["words"] if word["word"] in PHONE.split()]
    assert (label["start"], label["end"]) == (numbers[0]["start"], numbers[-1]["end"])


@pytest.mark.parametrize("name", ["text", "srt", "vtt", "tsv", "textgrid", "eaf", "ctm", "stm"])
def test_number_is_masked_in_every_format(answer: Post, name: str) -> None:
    text = answer(SPOKEN, redact="all", response_format=name).text
    assert "telefonnummer" in text
    assert "fire" not in text


def test_alternatives_are_masked(answer: Post) -> None:
    body = answer(
        SPOKEN, redact="phone", n_best=3, prune_logp=-100, min_token_logp=-100, format_text="true"
    ).json()
    assert len(body["alternatives"]) == 3
    for hypothesis in body["alternatives"]:
        assert "[telefonnummer]" in hypothesis["text"]
        assert "fire" not in f"{hypothesis['text']} {hypothesis['formatted_text']}"
        assert " ".join(word["word"] for word in hypothesis["words"]) == hypothesis["text"]


def test_names_of_the_request_are_masked(answer: Post) -> None:
    body = answer(SPOKEN, form={"redact": "names", "redact_names": "Kari, Ola Nordmann"}).json()
    assert body["text"] == f"ring [navn] på {PHONE} da takk"
    assert body["warnings"] == []


def test_names_of_the_operator_are_masked_on_request(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("Kari\n", "utf-8")
    with formatting_service(redact_names=names) as answer:
        assert answer(SPOKEN, redact="names").json()["text"].startswith("ring [navn] på")
        assert answer(SPOKEN).json()["text"].startswith("ring kari på")


def test_all_without_names_masks_the_rest_with_a_warning(answer: Post) -> None:
    response = answer(SPOKEN, redact="all")
    assert response.json()["text"] == "ring kari på [telefonnummer] da takk"
    assert response.headers["x-nordlyd-warnings"] == "no_names"


@pytest.mark.parametrize(
    ("query", "param", "accepted"),
    [
        ({"redact": "phones"}, "redact", "national-id, phone, card, email, names or all"),
        ({"redact": "names"}, "redact_names", "NORDLYD_REDACT_NAMES"),
        ({"redact_names": "Kari"}, "redact_names", "redact=names or all"),
        ({"redact": "phone", "redact_names": "Kari"}, "redact_names", "redact=names or all"),
        ({"redact": "all", "redact_names": "a," * 1001}, "redact_names", "at most 1000"),
        ({"redact": "phone", "language": "sv"}, "redact", "da, nb, nn"),
    ],
)
def test_redaction_that_cannot_be_done_is_refused(
    answer: Post, query: dict[str, str], param: str, accepted: str
) -> None:
    refused = answer(SPOKEN, **query)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["param"] == param
    assert accepted in error["message"]
