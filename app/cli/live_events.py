"""Events of the streaming engine in, the same as a server would tell them out."""

from app import streaming
from app.client import Alternative, Endpoint, Final, LiveEvent, LiveWord, Partial, SpeechStart, Word


def as_event(event: streaming.LiveEvent) -> LiveEvent:
    """The event as `app.client` reads it from a server, rounded to milliseconds."""
    match event:
        case streaming.SpeechStarted(utterance, time):
            return SpeechStart("speech_start", utterance, _seconds(time))
        case streaming.EndpointReached(utterance, time):
            return Endpoint("endpoint", utterance, _seconds(time))
        case streaming.PartialResult():
            return Partial(
                "partial", event.utterance, event.text, event.stable_text,
                tuple(map(_word, event.words)),
            )  # fmt: skip
        case streaming.FinalResult():
            return Final(
                type="final",
                utterance=event.utterance,
                start=_seconds(event.start),
                end=_seconds(event.end),
                text=event.text,
                words=tuple(map(_word, event.words)),
                confidence=None if event.confidence is None else round(event.confidence, 4),
                formatted_text=event.formatted_text,
                alternatives=tuple(
                    Alternative(
                        text,
                        round(score, 4),
                        tuple(
                            Word(word.word, word.start, word.end, word.confidence)
                            for word in map(_word, words)
                        ),
                    )
                    for text, score, words in event.alternatives
                ),
            )


def _word(word: streaming.LiveWord) -> LiveWord:
    return LiveWord(
        word.text,
        _seconds(word.start),
        _seconds(word.end),
        round(word.confidence, 4),
        word.stable,
    )


def _seconds(value: float) -> float:
    return round(value, 3)
