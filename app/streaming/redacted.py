"""Masks the final results of a stream, and holds back those that later words may still change."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.contract.answers import Word
from app.itn import FormattingOptions, format_transcript
from app.redaction import GrowingMask, RedactionOptions
from app.redaction.spans import BREAK_SECONDS
from app.streaming.types import FinalResult, LiveEvent, LiveWord, PartialResult, SpeechStarted


class RedactedResults:
    """Passes the events of a stream on, its final results masked and its partial ones left out.

    A number continues across the short pauses that end an utterance. So a final result is emitted
    once what is said after it cannot belong to its last words: after the first words of the next
    utterance, most often, or after three seconds of silence. What is found across utterances is
    masked in the one that it begins in.

    Args:
        language: of the words.
        redaction: what to mask.
        formatting: how to format final texts; None leaves that out.
        emit: receives the events.
    """

    def __init__(
        self,
        language: str,
        redaction: RedactionOptions,
        formatting: FormattingOptions | None,
        emit: Callable[[LiveEvent], None],
    ) -> None:
        self._language = language
        self._mask = GrowingMask(language, redaction)
        self._formatting = formatting
        self._emit = emit
        self._held: deque[FinalResult] = deque()
        self._masked: deque[Word] = deque()
        self._redactions = 0
        self._speaking = False
        self._spoken_until = 0.0

    def emit(self, event: LiveEvent) -> None:
        """Accepts the next event of the stream."""
        match event:
            case PartialResult():
                return
            case FinalResult():
                self._speaking = False
                self._held.append(event)
                if event.words:
                    self._spoken_until = event.words[-1].end
                self._masked += self._mask.add([_spoken(word) for word in event.words])
                self._emit_settled()
                return
            case SpeechStarted(time=time):
                self.advance(time)
                self._speaking = True
        self._emit(event)

    def advance(self, seconds: float) -> None:
        """Accepts that audio up to a time was searched for speech."""
        if not self._speaking and seconds - self._spoken_until > BREAK_SECONDS:
            self.release()

    def release(self) -> None:
        """Emits all final results: what follows does not continue them."""
        self._masked += self._mask.finish()
        self._emit_settled()

    def _emit_settled(self) -> None:
        unsettled = next((word.start for word in self._mask.held), None)
        while self._held:
            final = self._held[0]
            if unsettled is not None and final.words and final.words[-1].start >= unsettled:
                return
            self._held.popleft()
            self._emit(self._redacted(final))

    def _redacted(self, final: FinalResult) -> FinalResult:
        words: list[Word] = []
        last = final.words[-1].start if final.words else None
        while last is not None and self._masked and self._masked[0].start <= last:
            words.append(self._masked.popleft())
        redactions = self._mask.redactions[self._redactions :]
        found = [item for item in redactions if last is not None and item.start <= last]
        self._redactions += len(found)
        return replace(
            final,
            words=tuple(map(_live, words)),
            formatted_text=self._formatted(words),
            # Other readings are not masked.
            alternatives=(),
            redactions=tuple(found),
        )

    def _formatted(self, words: Sequence[Word]) -> str | None:
        if self._formatting is None:
            return None
        return format_transcript(tuple(words), self._language, self._formatting).text


def _spoken(word: LiveWord) -> Word:
    return Word(word.word, word.start, word.end, word.confidence)


def _live(word: Word) -> LiveWord:
    return LiveWord(word.word, word.start, word.end, word.confidence, stable=True)
