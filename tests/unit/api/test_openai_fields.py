"""Arbitrary fields and events of OpenAI's clients are accepted or refused without a crash."""

import base64
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.openai.names import is_alias, live_model, routed_model
from app.api.openai.parameters import OUR_FIELDS, OpenAIParameters, read_form
from app.api.openai.realtime.events import event_id, read_audio, read_event
from app.api.openai.realtime.session import first_session, updated
from app.errors import InvalidRequestError, UnknownModelError

NAMES = st.sampled_from([*OpenAIParameters.model_fields, *OUR_FIELDS, "beam_size", "x"])
FIELD = st.tuples(
    st.builds(lambda name, end: name + end, NAMES, st.sampled_from(["", "[]", "[0]", "[type]"])),
    st.text(max_size=8) | st.sampled_from(["json", "word", "true", "1", "nan", "0.5", "logprobs"]),
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=6)
            | st.sampled_from(
                ["type", "audio", "input", "format", "transcription", "turn_detection", "include"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(FIELD, max_size=6))
def test_any_form_is_parsed_or_refused(fields: list[tuple[str, str]]) -> None:
    with suppress(InvalidRequestError):
        form = read_form(fields)
        assert form.openai.temperature is None or 0 <= form.openai.temperature <= 1
        assert form.native.n_best == 1


@given(JSON, JSON)
def test_session_update_is_applied_or_refused(one: object, other: object) -> None:
    session = first_session("whisper-1")
    for update in ({"audio": {"input": one}}, other):
        with suppress(InvalidRequestError):
            session = updated(session, update)
    assert session.body("sess_1")["type"] == "transcription"
    session.pcm().feed(bytes(4))


@given(st.text() | st.builds(str, JSON))
def test_arbitrary_message_is_refused(text: str) -> None:
    event_id(text)
    with pytest.raises(InvalidRequestError):
        read_event(text)


@given(st.binary(max_size=50))
def test_appended_samples_are_decoded_unchanged(data: bytes) -> None:
    assert read_audio({"audio": base64.b64encode(data).decode()}) == data


@pytest.mark.parametrize("audio", [None, 5, "a", "ÅÅÅÅ", "AAA A", [], {}])
def test_invalid_base64_samples_are_refused(audio: object) -> None:
    with pytest.raises(InvalidRequestError, match="base64"):
        read_audio({"audio": audio})


def test_session_update_keeps_fields_it_does_not_name() -> None:
    session = first_session("whisper-1")
    for update in (
        {"turn_detection": {"type": "server_vad", "threshold": 0.7}},
        {"turn_detection": {"type": "server_vad", "silence_duration_ms": 900}},
        {"format": {"type": "audio/pcm", "rate": 8000}, "transcription": {"language": "nb"}},
    ):
        session = updated(session, {"audio": {"input": update}})
    detection, transcription = session.input.turn_detection, session.input.transcription
    assert detection is not None
    assert (detection.threshold, detection.silence_duration_ms) == (0.7, 900)
    assert (transcription.model, transcription.language) == ("whisper-1", "nb")
    session = updated(session, {"audio": {"input": {"format": {"type": "audio/pcma"}}}})
    assert session.input.format.type == "audio/pcma"
    reset = {"transcription": None, "turn_detection": None}
    session = updated(session, {"audio": {"input": reset}})
    assert session.input.turn_detection is None
    assert session.input.transcription.language is None


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("whisper-1", True),
        ("gpt-4o-transcribe", True),
        ("gpt-4o-mini-transcribe-2025-12-15", True),
        ("gpt-4o-transcribe-diarize", True),
        ("gpt-4o", False),
        ("demo-nb", False),
    ],
)
def test_names_of_openai_models_are_aliases(name: str, alias: bool) -> None:
    assert is_alias(name) == alias


def test_diarizing_model_is_refused_for_live_streams() -> None:
    for name in (None, "whisper-1", "gpt-4o-transcribe-diarize"):
        assert routed_model(name) is None
    assert (live_model(None), live_model("whisper-1")) == (None, None)
    assert routed_model("demo-nb") == live_model("demo-nb") == "demo-nb"
    with pytest.raises(UnknownModelError, match="takes a whole recording"):
        live_model("gpt-4o-transcribe-diarize")
