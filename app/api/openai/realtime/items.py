"""The items of a Realtime conversation, and their events.

An item is an utterance where the service detects turns, and the committed audio where it does not.
"""

from collections.abc import Sequence
from typing import Any

from app.api.errors import error_detail
from app.api.openai.realtime.events import Event, event, new_id
from app.api.openai.schemas import tokens_of, usage
from app.errors import NordlydError
from app.streaming import FinalResult, LiveWord, PartialResult

_TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Item:
    """One item, and how much of its transcript was sent.

    Args:
        logprobs: whether to send the words' log probabilities.
    """

    def __init__(self, *, logprobs: bool) -> None:
        self.id = new_id("item")
        self._logprobs = logprobs
        self._finals: list[FinalResult] = []
        self._sent = 0

    def committed(self, previous: str | None) -> list[Event]:
        """Returns the events of an item whose audio is complete; it follows the item `previous`."""
        item = {
            "id": self.id,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        order = {"previous_item_id": previous}
        return [
            event("input_audio_buffer.committed", item_id=self.id, **order),
            event("conversation.item.added", item=item, **order),
            event("conversation.item.done", item=item, **order),
        ]

    def partial(self, result: PartialResult) -> list[Event]:
        """Returns the delta of the words that became stable."""
        stable = [word for word in result.words if word.stable]
        return self._grow([*self._words(), *stable])

    def final(self, result: FinalResult) -> list[Event]:
        """Returns the delta of the words of a finished utterance that were not sent yet."""
        self._finals.append(result)
        return self._grow(self._words())

    def completed(self, seconds: float) -> Event:
        """Returns the event of a complete transcript; `seconds` is the length of the audio."""
        texts = [
            result.text if result.formatted_text is None else result.formatted_text
            for result in self._finals
        ]
        return self._about(
            "completed",
            transcript=" ".join(text for text in texts if text),
            usage=usage(seconds).model_dump(),
            **self._logprob_fields(self._words(), continued=False),
        )

    def failed(self, error: NordlydError) -> Event:
        """Returns the event of an item that could not be transcribed."""
        return self._about("failed", error=error_detail(error).model_dump())

    def _words(self) -> list[LiveWord]:
        return [word for result in self._finals for word in result.words]

    def _grow(self, words: Sequence[LiveWord]) -> list[Event]:
        new = words[self._sent :]
        if not new:
            return []
        text = " ".join(word.word for word in new)
        continued = self._sent > 0
        delta = self._about(
            "delta",
            delta=f" {text}" if continued else text,
            **self._logprob_fields(new, continued=continued),
        )
        self._sent = len(words)
        return [delta]

    def _logprob_fields(self, words: Sequence[LiveWord], *, continued: bool) -> dict[str, Any]:
        if not self._logprobs:
            return {}
        tokens = tokens_of(((word.word, word.confidence) for word in words), continued=continued)
        return {"logprobs": [token.model_dump() for token in tokens]}

    def _about(self, name: str, **fields: object) -> Event:
        return event(f"{_TRANSCRIPTION}.{name}", item_id=self.id, content_index=0, **fields)
