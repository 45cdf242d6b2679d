"""Formatted text over HTTP, beside the verbatim text, from a model that emits a given text."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from in_process import in_process
from speller import Post, formatting_service

from app.contract.answers import TRANSCRIPT_ADAPTER, Word
from app.itn import format_transcript


@pytest.fixture(scope="module")
def answer() -> Iterator[Post]:
    with formatting_service() as post:
        yield post


def test_formatted_text_is_beside_the_verbatim_text(answer: Post) -> None:
    plain = answer().json()
    body = answer(format_text="true").json()
    assert body["text"] == "det koster tolv tusen og åtte kroner eee ja faen"
    assert body["formatted_text"] == "Det koster 12\N{NO-BREAK SPACE}008 kroner. Eee ja. Faen."
    for name in ("text", "words", "segments"):
        assert body[name] == plain[name]
    assert set(body) - set(plain) == {"formatted_text", "formatted_words", "formatted_segments"}


def test_formatted_words_and_segments_have_the_times_of_the_spoken_words(answer: Post) -> None:
    body = answer(format_text="true").json()
    spoken = {word["word"]: word for word in body["words"]}
    written = {word["word"]: word for word in body["formatted_words"]}
    number = written["12\N{NO-BREAK SPACE}008"]
    assert (number["start"], number["end"]) == (spoken["tolv"]["start"], spoken["åtte"]["end"])
    assert " ".join(written) == body["formatted_text"]
    segments = body["formatted_segments"]
    assert [segment["text"] for segment in segments] == [
        "Det koster 12\N{NO-BREAK SPACE}008 kroner.", "Eee ja.", "Faen.",
    ]  # fmt: skip
    assert [segment["id"] for segment in segments] == [0, 1, 2]
    assert [segment["start"] for segment in segments] == [
        segment["start"] for segment in body["segments"]
    ]
    without = answer(format_text="true", words="false").json()
    assert (without["words"], without["formatted_words"]) == ([], [])
    assert without["formatted_segments"] == segments


def test_hesitations_are_removed_and_profanities_masked_on_request(answer: Post) -> None:
    price = "Det koster 12\N{NO-BREAK SPACE}008 kroner."
    options = {"format_text": "true", "remove_hesitations": "true"}
    body = answer(**options).json()
    assert body["formatted_text"] == f"{price} Ja. Faen."
    assert body["text"].endswith("eee ja faen")
    # Wherever the fields are given: some in the query, some in the form.
    body = answer(form={"format_text": "true"}, mask_profanities="true").json()
    assert body["formatted_text"] == f"{price} Eee ja. F***."
    assert body["text"].endswith("eee ja faen")


def test_word_list_of_the_operator_replaces_the_built_in_one(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("kron*  # not here\n", "utf-8")
    options = {"format_text": "true", "mask_profanities": "true"}
    with formatting_service(profanities=words) as answer:
        body = answer(**options).json()
        assert body["formatted_text"].endswith("k*****. Eee ja. Faen.")
        # Only on request.
        assert "kroner" in answer(format_text="true").json()["formatted_text"]


def test_each_language_has_its_own_rules(answer: Post) -> None:
    spoken = "klokken seksten femogtredive den tolvte maj nitten toogfyrre"
    body = answer(spoken, language="da", format_text="true").json()
    assert body["formatted_text"] == "Klokken 16.35 den 12. maj 1942."
    spoken = "klokka er kvart over sju tjuefem menneske"
    body = answer(spoken, language="nn", format_text="true").json()
    assert body["formatted_text"].startswith("Klokka er 7.15")


def test_every_alternative_is_formatted(answer: Post) -> None:
    body = answer(
        "fem hundre elever", n_best=3, format_text="true", prune_logp=-100, min_token_logp=-100
    ).json()
    hypotheses = body["alternatives"]
    assert len(hypotheses) == 3
    assert hypotheses[0]["formatted_text"] == body["formatted_text"] == "500 elever."
    for hypothesis in hypotheses:
        assert hypothesis["formatted_text"][0] in (hypothesis["text"][0].upper(), *"123456789")
        assert hypothesis["formatted_text"].endswith(".")
    bare = answer("fem hundre elever", n_best=3, min_token_logp=-100).json()
    assert all("formatted_text" not in hypothesis for hypothesis in bare["alternatives"])


def test_formatted_text_of_silence_is_empty(answer: Post) -> None:
    body = answer("", format_text="true", n_best=2).json()
    assert (body["formatted_text"], body["formatted_words"]) == ("", [])
    assert body["formatted_segments"] == []
    assert body["alternatives"][0]["formatted_text"] == ""


@pytest.mark.parametrize("name", ["remove_hesitations", "mask_profanities"])
def test_formatting_option_without_format_text_is_refused(answer: Post, name: str) -> None:
    refused = answer(**{name: "true"})
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["param"] == name
    assert "format_text=true" in error["message"]
    assert answer(**{name: "false"}).status_code == 200


def test_format_text_for_a_language_without_rules_is_refused(answer: Post) -> None:
    refused = answer(language="sv", format_text="true")
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["param"] == "format_text"
    assert "'sv'" in error["message"]
    assert "da, nb, nn" in error["message"]
    assert answer(language="sv").status_code == 200


def test_wrong_value_is_refused_with_its_param(answer: Post) -> None:
    error = answer(format_text="perhaps").json()["error"]
    assert (error["param"], error["code"]) == ("format_text", "invalid_request")
    assert "true, false" in error["message"]


def test_openapi_page_describes_formatted_text_and_its_example_is_right() -> None:
    async def run() -> dict:
        async with in_process() as running:
            return (await running.client.get("/openapi.json")).json()

    document = asyncio.run(run())
    schemas = document["components"]["schemas"]
    fields = schemas["TranscriptionBody"]["properties"]
    for name in ("formatted_text", "formatted_words", "formatted_segments"):
        assert "format_text" in fields["formatted_text"]["description"]
        assert fields[name]["description"]
    assert {"decoder", "lm", "alternatives"} <= set(fields)
    assert "formatted_text" in schemas["AlternativeBody"]["properties"]
    options = document["paths"]["/transcribe"]["post"]["parameters"]
    described = {field["name"]: field["description"] for field in options}
    assert all(
        described[name] for name in ("format_text", "remove_hesitations", "mask_profanities")
    )
    for example in schemas["TranscriptionBody"]["examples"]:
        TRANSCRIPT_ADAPTER.validate_python(example)
    example = schemas["TranscriptionBody"]["examples"][0]
    spoken = [Word(w["word"], w["start"], w["end"], w["confidence"]) for w in example["words"]]
    formatted = format_transcript(spoken, example["language"])
    assert formatted.text == example["formatted_text"]
    assert [word.word for word in formatted.words] == [
        word["word"] for word in example["formatted_words"]
    ]
