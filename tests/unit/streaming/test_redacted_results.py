"""Final results of a stream that are masked: when they are emitted, and what they have."""

import pytest

from app.contract.redaction import Redaction
from app.itn import FormattingOptions
from app.redaction import RedactionOptions
from app.streaming.redacted import RedactedResults
from app.streaming.types import (
    EndpointReached,
    FinalResult,
    LiveEvent,
    LiveWord,
    PartialResult,
    SpeechStarted,
)

FIRST = "ring ni to to to"


class Results:
    """What a `RedactedResults` emits, with events that are made of texts."""

    def __init__(self, formatting: FormattingOptions | None = None) -> None:
        self.events: list[LiveEvent] = []
        options = RedactionOptions(frozenset({"phone"}))
        self.redacted = RedactedResults("nb", options, formatting, self.events.append)

    def speak(self, utterance: int, text: str, start: float) -> float:
        """An utterance with a word each half second; returns when it ends."""
        words = tuple(
            LiveWord(word, start + index / 2, start + index / 2 + 0.4, 0.9, stable=True)
            for index, word in enumerate(text.split())
        )
        end = start + len(words) / 2
        self.redacted.emit(SpeechStarted(utterance, start))
        self.redacted.emit(PartialResult(utterance, words))
        self.redacted.emit(EndpointReached(utterance, end))
        self.redacted.emit(FinalResult(utterance, start, end, words, 0.9))
        return end

    @property
    def finals(self) -> list[str]:
        """The texts of the final results so far, each after its number."""
        finals = [event for event in self.events if isinstance(event, FinalResult)]
        return [f"{event.utterance}: {event.text}" for event in finals]


@pytest.fixture
def results() -> Results:
    return Results()


def test_number_across_a_pause_is_masked_where_it_begins(results: Results) -> None:
    end = results.speak(0, FIRST, 0)
    assert results.finals == []
    results.speak(1, "tre tre fire fire takk ja", end + 1)
    assert results.finals[0] == "0: ring [telefonnummer]"
    results.redacted.release()
    assert results.finals[1:] == ["1: takk ja"]
    first = next(event for event in results.events if isinstance(event, FinalResult))
    assert first.redactions == (Redaction("phone", 0.5, end + 2.9),)


def test_final_result_follows_three_seconds_of_silence(results: Results) -> None:
    end = results.speak(0, FIRST, 0)
    results.redacted.advance(end + 2)
    assert results.finals == []
    results.redacted.advance(end + 3.5)
    assert results.finals == [f"0: {FIRST}"]
    results.speak(1, "tre tre fire fire", end + 4)
    results.redacted.release()
    assert results.finals[1:] == ["1: tre tre fire fire"]


def test_speech_under_way_may_continue_a_number(results: Results) -> None:
    end = results.speak(0, FIRST, 0)
    results.redacted.emit(SpeechStarted(1, end + 1))
    results.redacted.advance(end + 10)
    assert results.finals == []


def test_partial_results_are_left_out_and_other_events_pass_in_order(results: Results) -> None:
    end = results.speak(0, FIRST, 0)
    results.speak(1, "", end + 1)
    results.redacted.release()
    assert [(type(event), event.utterance) for event in results.events] == [
        (SpeechStarted, 0), (EndpointReached, 0), (SpeechStarted, 1), (EndpointReached, 1),
        (FinalResult, 0), (FinalResult, 1),
    ]  # fmt: skip
    assert results.finals[1] == "1: "


def test_formatted_text_is_that_of_the_masked_words() -> None:
    results = Results(FormattingOptions())
    results.speak(0, f"{FIRST} tre tre fire fire takk", 0)
    results.redacted.release()
    (final,) = (event for event in results.events if isinstance(event, FinalResult))
    assert final.formatted_text == "Ring [telefonnummer] takk."
