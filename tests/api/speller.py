"""A service in this process whose model emits a given text."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import httpx
import numpy as np
from in_process import InProcess, ScriptedModel, in_process
from sounds import as_wav, tones

from app.vocabulary import Vocabulary

LETTERS = "abcdefghijklmnopqrstuvwxyzæøå"
Post = Callable[..., httpx.Response]
SPOKEN = "det koster tolv tusen og åtte kroner … eee ja … faen"


class Speller(ScriptedModel):
    """Emits a text, letter by letter; an ellipsis is a second of silence."""

    vocabulary = Vocabulary(("[PAD]", "|", *LETTERS), blank=0, delimiter=1, special=frozenset({0}))

    text = ""

    def encode(self, windows: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [self._spell(self.frames(len(window))) for window in windows]

    def _spell(self, frames: int) -> np.ndarray:
        path = [0] * 10
        for word in self.text.split():
            if word == "…":
                path += [0] * 50
            else:
                for letter in word:
                    path += [LETTERS.index(letter) + 2, 0]
                path += [1, 0]
        path = (path + [0] * frames)[:frames]
        emissions = np.full((frames, len(self.vocabulary)), 1e-6, dtype=np.float32)
        emissions[np.arange(frames), path] = 1 - 1e-6 * (len(self.vocabulary) - 1)
        return np.log(emissions)


@contextmanager
def formatting_service(**settings: object) -> Iterator[Post]:
    """Yields a function that posts 8 s of audio in which a text is spoken to a running service.

    It posts to `/transcribe`, or to another `path`.
    """

    async def post(
        running: InProcess,
        text: str,
        form: dict[str, str] | None,
        path: str,
        query: dict[str, object],
    ) -> httpx.Response:
        await running.until("ready")
        running.model.text = text
        wav = as_wav(tones(0, 8.0))
        sent = {"content": wav} if form is None else {"files": {"file": wav}, "data": form}
        return await running.client.post(path, params=query, **sent)

    with asyncio.Runner() as runner:
        service = in_process(model=Speller(), languages=("nb", "nn", "da", "sv"), **settings)
        running = runner.run(service.__aenter__())
        try:
            yield lambda text=SPOKEN, form=None, path="/transcribe", **query: runner.run(
                post(running, text, form, path, query)
            )
        finally:
            runner.run(service.__aexit__(None, None, None))
