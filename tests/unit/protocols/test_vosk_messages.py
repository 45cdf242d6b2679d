"""Vosk's JSON to the byte, and several utterances joined to one result."""

import json

import pytest

from app.decoding import Hotword
from app.errors import InvalidRequestError
from app.protocols.vosk_messages import VoskConfig, config_of_path, final, partial_result, read_text
from app.streaming import FinalResult, LiveWord


def words(*spans: tuple[str, float, float]) -> tuple[LiveWord, ...]:
    return tuple(LiveWord(text, start, end, 1.0, stable=True) for text, start, end in spans)


WHAT_ZERO = FinalResult(0, 0.5, 2.0, words(("what", 0.87, 1.11), ("zero", 1.11, 1.53)), 1.0)
EIGHT = FinalResult(
    1,
    2.0,
    3.0,
    words(("åtte", 2.25, 2.5)),
    1.0,
    alternatives=(
        ("åtte", -1.5, words(("åtte", 2.25, 2.5))),
        ("ått", -2.75, words(("ått", 2.25, 2.4))),
    ),
)
NOTHING = FinalResult(2, 3.0, 4.0, (), None)


def test_final_result_has_the_spacing_of_vosk() -> None:
    assert final((WHAT_ZERO,), words=True, max_alternatives=0) == (
        "{\n"
        '  "result" : [{\n'
        '      "conf" : 1.000000,\n'
        '      "end" : 1.110000,\n'
        '      "start" : 0.870000,\n'
        '      "word" : "what"\n'
        "    }, {\n"
        '      "conf" : 1.000000,\n'
        '      "end" : 1.530000,\n'
        '      "start" : 1.110000,\n'
        '      "word" : "zero"\n'
        "    }],\n"
        '  "text" : "what zero"\n'
        "}"
    )


def test_partial_result_has_the_spacing_of_vosk() -> None:
    assert partial_result("å \"si\"") == '{\n  "partial" : "å \\"si\\""\n}'  # fmt: skip


def test_words_are_left_out_on_request() -> None:
    assert final((WHAT_ZERO,), words=False, max_alternatives=0) == ('{\n  "text" : "what zero"\n}')


@pytest.mark.parametrize("results", [(), (NOTHING,), (NOTHING, NOTHING)])
def test_empty_results_have_the_form_of_vosk(results: tuple[FinalResult, ...]) -> None:
    assert final(results, words=True, max_alternatives=0) == '{"text": ""}'
    assert final(results, words=True, max_alternatives=3) == (
        '{"alternatives" : [{"text": "", "confidence" : 1.0}] }'
    )


def test_several_utterances_are_joined_to_one_result() -> None:
    written = final((WHAT_ZERO, NOTHING, EIGHT), words=True, max_alternatives=0)
    result = json.loads(written)
    assert result["text"] == "what zero åtte"
    assert [word["start"] for word in result["result"]] == [0.87, 1.11, 2.25]


def test_alternatives_of_several_utterances_are_joined_by_rank() -> None:
    written = final((WHAT_ZERO, EIGHT), words=True, max_alternatives=5)
    alternatives = json.loads(written)["alternatives"]
    assert [each["text"] for each in alternatives] == ["what zero åtte", "what zero ått"]
    assert [each["confidence"] for each in alternatives] == [-0.5, -1.75]
    assert alternatives[1]["result"][-1] == {"end": 2.4, "start": 2.25, "word": "ått"}
    one = json.loads(final((EIGHT,), words=False, max_alternatives=1))
    assert one == {"alternatives": [{"confidence": -1.5, "text": "åtte"}]}


def test_config_updates_the_fields_it_names() -> None:
    config = read_text('{"config": {"sample_rate": "16000", "words": 0}}', VoskConfig())
    assert config == VoskConfig(sample_rate=16_000, words=False)
    assert isinstance(config, VoskConfig)
    later = read_text('{"config": {"phrase_list": ["Ås", " ", "[unk]"], "x": {}}}', config)
    assert later == VoskConfig(sample_rate=16_000, words=False, phrases=("Ås",))
    assert isinstance(later, VoskConfig)
    assert later.decoding().hotwords == (Hotword("Ås"),)


@pytest.mark.parametrize(("requested", "listed"), [(0, 1), (1, 2), (20, 20), (10**6, 100)])
def test_alternatives_need_two_hypotheses_and_have_a_maximum(requested: int, listed: int) -> None:
    config = VoskConfig().updated({"max_alternatives": requested})
    assert config.decoding().n_best == listed


def test_address_names_a_language_or_a_model() -> None:
    assert config_of_path("/") == VoskConfig()
    assert config_of_path("/asr/?language=nn") == VoskConfig(language="nn")
    assert config_of_path("?model=demo-nb&language=") == VoskConfig(model="demo-nb")


@pytest.mark.parametrize(
    "text",
    ["", "null", "1", '"eof"', "[" * 10**5, '{"eof": 0}', '{"config": []}', "{}", "\x00"],
)
def test_unknown_message_is_refused_with_the_accepted_ones(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="accepted: ") as refused:
        read_text(text, VoskConfig())
    assert len(refused.value.message) < 250


def test_too_many_phrases_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="at most 1000"):
        VoskConfig().updated({"phrase_list": ["ja"] * 1001})
