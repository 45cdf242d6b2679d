"""Arbitrary messages are accepted or refused, and every reply is JSON."""

import asyncio
import json
from functools import partial
from typing import Any

from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from wyoming.event import Event

from app.errors import InvalidRequestError
from app.protocols.vosk_messages import VoskConfig, final, partial_result, read_text
from app.protocols.wyoming_events import BoundedReader, next_event, read_format, read_options
from app.streaming import FinalResult, LiveWord

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
CONFIG = st.dictionaries(
    st.sampled_from(
        ["sample_rate", "words", "max_alternatives", "phrase_list", "model", "language", "x"]
    ),
    ANYTHING,
)
FIELDS = st.dictionaries(
    st.sampled_from(
        ["rate", "width", "channels", "name", "language", "transcript_names", "transcript_terms"]
    ),
    ANYTHING | st.sampled_from([1, 2, 8_000, 16_000]),
)


@settings(max_examples=examples(300), deadline=None)
@given(
    st.text()
    | ANYTHING.map(json.dumps)
    | CONFIG.map(lambda config: json.dumps({"config": config}))
    | st.dictionaries(st.sampled_from(["eof", "reset"]), ANYTHING).map(json.dumps)
)
def test_any_vosk_text_is_accepted_or_refused(text: str) -> None:
    try:
        message = read_text(text, VoskConfig())
    except InvalidRequestError:
        return
    if isinstance(message, VoskConfig):
        options = message.decoding()
        assert 1 <= options.n_best <= 100
        assert isinstance(message.sample_rate, int)
    else:
        assert message in {"eof", "reset"}


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.text(min_size=1, max_size=8), max_size=4), st.booleans(), st.integers(0, 3))
def test_every_vosk_result_is_valid_json(texts: list[str], words: bool, alternatives: int) -> None:
    spoken = tuple(LiveWord(text, 0.1, 0.2, 0.5, stable=True) for text in texts)
    result = FinalResult(0, 0.0, 1.0, spoken, 0.5)
    message: dict[str, Any] = json.loads(
        final((result,), words=words, max_alternatives=alternatives)
    )
    assert json.loads(partial_result(result.text)) == {"partial": result.text}
    best = message["alternatives"][0] if alternatives else message
    assert best["text"] == result.text
    if words:
        assert [word["word"] for word in best.get("result", [])] == texts


@settings(max_examples=examples(200), deadline=None)
@given(FIELDS)
def test_any_wyoming_fields_are_accepted_or_refused(data: dict[str, Any]) -> None:
    for read in (read_format, partial(read_options, max_hotwords=2)):
        try:
            read(Event("audio-start", data))
        except InvalidRequestError:
            continue


@settings(max_examples=examples(300), deadline=None)
@given(
    st.binary(max_size=60)
    | ANYTHING.map(lambda value: json.dumps(value).encode() + b"\n")
    | st.fixed_dictionaries(
        {"type": ANYTHING},
        optional={"data": ANYTHING, "data_length": ANYTHING, "payload_length": ANYTHING},
    ).map(lambda value: json.dumps(value).encode() + b"\n{}")
)
def test_any_wyoming_bytes_are_an_event_end_of_stream_or_refused(data: bytes) -> None:
    async def read() -> Event | None:
        reader = BoundedReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await next_event(reader)

    try:
        event = asyncio.run(read())
    except (InvalidRequestError, EOFError):
        return
    assert event is None or isinstance(event.data, dict)
