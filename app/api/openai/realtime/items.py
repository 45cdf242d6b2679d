"""What a live stream tells in, the items of a Realtime conversation out.

An item is an utterance where the service finds the turns, and what was committed where it does not.
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
    """One item, as far as it was told.

    Args:
        logprobs: whether to tell how sure the words are.
    """

    def __init__(self, *, logprobs: bool) -> None:
        self.id = new_id("item")
        self._logprobs = logprobs
        self._finals: list[FinalResult] = []
        self._told = 0

    def committed(self, previous: str | None) -> list[Event]:
        """Its audio is complete; it follows the item `previous`."""
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
        """Words that are never taken back."""
        stable = [word for word in result.words if word.stable]
        return self._grow([*self._words(), *stable])

    def final(self, result: FinalResult) -> list[Event]:
        """An utterance of it is over; what of its words was not told yet."""
        self._finals.append(result)
        return self._grow(self._words())

    def completed(self, seconds: float) -> Event:
        """All of it was heard; `seconds` is the length of its audio."""
        texts = [
            result.text if result.formatted_text is None else result.formatted_text
            for result in self._finals
        ]
        return self._about(
            "completed",
            transcript=" ".join(text for text in texts if text),
            usage=usage(seconds).model_dump(),
            **self._sureness(self._words(), continued=False),
        )

    def failed(self, error: NordlydError) -> Event:
        """It could not be heard."""
        return self._about("failed", error=error_detail(error).model_dump())

    def _words(self) -> list[LiveWord]:
        return [word for result in self._finals for word in result.words]

    def _grow(self, words: Sequence[LiveWord]) -> list[Event]:
        new = words[self._told :]
        if not new:
            return []
        text = " ".join(word.text for word in new)
        continued = self._told > 0
        delta = self._about(
            "delta",
            delta=f" {text}" if continued else text,
            **self._sureness(new, continued=continued),
        )
        self._told = len(words)
        return [delta]

    def _sureness(self, words: Sequence[LiveWord], *, continued: bool) -> dict[str, Any]:
        if not self._logprobs:
            return {}
        tokens = tokens_of(((word.text, word.confidence) for word in words), continued=continued)
        return {"logprobs": [token.model_dump() for token in tokens]}

    def _about(self, name: str, **fields: object) -> Event:
        return event(f"{_TRANSCRIPTION}.{name}", item_id=self.id, content_index=0, **fields)
