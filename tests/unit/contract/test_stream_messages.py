"""Every message of WS /stream keeps its JSON when it is read and written again."""

import json

import pytest
from pydantic import ValidationError

from app.contract.errors import ErrorDetail
from app.contract.redaction import Redaction
from app.contract.stream import (
    EVENT_TYPES,
    End,
    EndCommand,
    Endpoint,
    ErrorEvent,
    Final,
    FlushCommand,
    Partial,
    Ready,
    SpeechStart,
    StreamAlternative,
    StreamEvent,
    StreamWord,
    read_command,
    read_event,
)

WORD = StreamWord(word="på", start=0.25, end=0.5, confidence=0.9876)
GROWING = StreamWord(word="på", start=0.25, end=0.5, confidence=1.0, stable=False)

EVENTS: list[tuple[StreamEvent, str]] = [
    (
        Ready(session="s", model="demo-nb", language="nb", received=0.0),
        '{"type":"ready","session":"s","model":"demo-nb","language":"nb","received":0.0}',
    ),
    (SpeechStart(utterance=0, time=0.5), '{"type":"speech_start","utterance":0,"time":0.5}'),
    (
        Partial(utterance=1, text="på", stable="", words=(GROWING,)),
        '{"type":"partial","utterance":1,"text":"på","stable":"","words":'
        '[{"word":"på","start":0.25,"end":0.5,"confidence":1.0,"stable":false}]}',
    ),
    (
        Partial(utterance=1, text="på", stable="på"),
        '{"type":"partial","utterance":1,"text":"på","stable":"på"}',
    ),
    (Endpoint(utterance=1, time=2.0), '{"type":"endpoint","utterance":1,"time":2.0}'),
    (
        Final(utterance=1, start=0.0, end=2.0, text="", confidence=None, words=()),
        '{"type":"final","utterance":1,"start":0.0,"end":2.0,"text":"","confidence":null,"words":[]}',
    ),
    (
        Final(
            utterance=1,
            start=0.0,
            end=2.0,
            text="på",
            confidence=0.9876,
            words=(WORD,),
            formatted_text="På.",
            speaker="speaker 1",
            alternatives=(StreamAlternative(text="på", score=-1.5, words=(WORD,)),),
        ),
        '{"type":"final","utterance":1,"start":0.0,"end":2.0,"text":"på","confidence":0.9876,'
        '"words":[{"word":"på","start":0.25,"end":0.5,"confidence":0.9876}],'
        '"formatted_text":"På.","alternatives":[{"text":"på","score":-1.5,'
        '"words":[{"word":"på","start":0.25,"end":0.5,"confidence":0.9876}]}],'
        '"speaker":"speaker 1"}',
    ),
    (
        Final(
            utterance=2,
            start=0.0,
            end=2.0,
            text="[navn]",
            confidence=0.9,
            redactions=(Redaction("names", 0.5, 1.25),),
        ),
        '{"type":"final","utterance":2,"start":0.0,"end":2.0,"text":"[navn]","confidence":0.9,'
        '"redactions":[{"kind":"names","start":0.5,"end":1.25}]}',
    ),
    (End(duration=2.0), '{"type":"end","duration":2.0}'),
    (
        ErrorEvent(error=ErrorDetail(message="m", type="t", param=None, code="c")),
        '{"type":"error","error":{"message":"m","type":"t","param":null,"code":"c"}}',
    ),
]


@pytest.mark.parametrize(("event", "text"), EVENTS)
def test_event_is_the_same_after_a_round_trip(event: StreamEvent, text: str) -> None:
    assert event.as_json() == text
    assert read_event(json.loads(text)) == event
    assert read_event(json.loads(text)).as_json() == text


def test_every_event_type_has_a_round_trip() -> None:
    assert {event.type for event, _ in EVENTS} == EVENT_TYPES


@pytest.mark.parametrize("command", [FlushCommand(), EndCommand()])
def test_command_is_the_same_after_a_round_trip(command: FlushCommand | EndCommand) -> None:
    assert read_command(json.loads(command.as_json())) == command


def test_fields_of_a_newer_server_are_ignored() -> None:
    assert read_event({"type": "end", "duration": 1.0, "speakers": 2}) == End(duration=1.0)


@pytest.mark.parametrize("message", [None, [], "end", {}, {"type": "stop"}, {"type": ["end"]}])
def test_unknown_message_is_refused(message: object) -> None:
    with pytest.raises(ValidationError):
        read_command(message)
    with pytest.raises(ValidationError):
        read_event(message)
