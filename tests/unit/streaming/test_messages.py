"""Events of the streaming engine as messages of WS /stream, byte for byte."""

import pytest

from app.streaming import (
    EndpointReached,
    FinalResult,
    LiveEvent,
    LiveWord,
    PartialResult,
    SpeechStarted,
    as_message,
)

JA = LiveWord("ja", 0.50049, 0.75, 0.987654, stable=True)
NEI = LiveWord("nei", 0.75, 1.0, 0.5, stable=False)
FINAL = FinalResult(
    3, 0.2, 1.23456, (JA,), 0.987654, formatted_text="Ja.", alternatives=(("ja", -1.234567, (JA,)),)
)
JA_JSON = '{"word":"ja","start":0.5,"end":0.75,"confidence":0.9877}'


@pytest.mark.parametrize(
    ("event", "words", "text"),
    [
        (SpeechStarted(0, 0.12345), True, '{"type":"speech_start","utterance":0,"time":0.123}'),
        (EndpointReached(1, 2.0), True, '{"type":"endpoint","utterance":1,"time":2.0}'),
        (
            PartialResult(2, (JA, NEI)),
            True,
            '{"type":"partial","utterance":2,"text":"ja nei","stable":"ja","words":['
            '{"word":"ja","start":0.5,"end":0.75,"confidence":0.9877,"stable":true},'
            '{"word":"nei","start":0.75,"end":1.0,"confidence":0.5,"stable":false}]}',
        ),
        (
            PartialResult(2, (JA, NEI)),
            False,
            '{"type":"partial","utterance":2,"text":"ja nei","stable":"ja"}',
        ),
        (
            FINAL,
            True,
            '{"type":"final","utterance":3,"start":0.2,"end":1.235,"text":"ja",'
            f'"confidence":0.9877,"words":[{JA_JSON}],"formatted_text":"Ja.",'
            f'"alternatives":[{{"text":"ja","score":-1.2346,"words":[{JA_JSON}]}}]}}',
        ),
        (
            FINAL,
            False,
            '{"type":"final","utterance":3,"start":0.2,"end":1.235,"text":"ja",'
            '"confidence":0.9877,"formatted_text":"Ja.",'
            '"alternatives":[{"text":"ja","score":-1.2346}]}',
        ),
        (
            FinalResult(4, 0.0, 1.0, (), None),
            True,
            '{"type":"final","utterance":4,"start":0.0,"end":1.0,"text":"","confidence":null,'
            '"words":[]}',
        ),
    ],
)
def test_event_is_written_with_rounded_times_and_only_the_requested_fields(
    event: LiveEvent, words: bool, text: str
) -> None:
    assert as_message(event, words=words).as_json() == text
