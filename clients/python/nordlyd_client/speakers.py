"""The known speakers of a server: voices whose names transcripts have."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import TypeAdapter

from nordlyd_client.calls import Call, value_reader
from nordlyd_client.contract.speakers import KnownSpeaker, KnownSpeakers
from nordlyd_client.options import as_fields
from nordlyd_client.uploads import Audio

_T = TypeVar("_T")
_SPEAKER = TypeAdapter(KnownSpeaker)
_SPEAKERS = TypeAdapter(KnownSpeakers)
_PATH = "/speakers"


class Speakers:
    """The known speakers of the API key of a `Client`, as its attribute `speakers`.

    Args:
        run: makes a call, with retries.
    """

    def __init__(self, run: Callable[[Call[Any]], Any]) -> None:
        self._run = run

    def add(self, name: str, sample: Audio) -> KnownSpeaker:
        """Has the server keep the voice of a speaker: biometric data, which needs consent.

        Args:
            name: of the speaker, as transcripts with `known_speakers=True` have it.
            sample: a recording of the speaker alone, from 2 to 60 s long.

        Raises:
            ClientError: the server refuses, fails or cannot be reached.
            OSError: the sample cannot be read.
        """
        return self._call(_add_call(name, sample))

    def list(self) -> tuple[KnownSpeaker, ...]:
        """Returns the known speakers, the oldest first.

        Raises:
            ClientError: the server refuses, fails or cannot be reached.
        """
        return self._call(_list_call()).speakers

    def delete(self, speaker_id: str) -> None:
        """Erases a known speaker.

        Raises:
            ClientError: there is no such speaker, or the server cannot be reached.
        """
        self._call(_delete_call(speaker_id))

    def _call(self, call: Call[_T]) -> _T:
        answer: _T = self._run(call)
        return answer


class AsyncSpeakers:
    """The known speakers of the key of an `AsyncClient`; methods are those of `Speakers`."""

    def __init__(self, run: Callable[[Call[Any]], Coroutine[Any, Any, Any]]) -> None:
        self._run = run

    async def add(self, name: str, sample: Audio) -> KnownSpeaker:
        """Has the server keep the voice of a speaker; as `Speakers.add`."""
        return await self._call(_add_call(name, sample))

    async def list(self) -> tuple[KnownSpeaker, ...]:
        """Returns the known speakers; as `Speakers.list`."""
        return (await self._call(_list_call())).speakers

    async def delete(self, speaker_id: str) -> None:
        """Erases a known speaker; as `Speakers.delete`."""
        await self._call(_delete_call(speaker_id))

    async def _call(self, call: Call[_T]) -> _T:
        answer: _T = await self._run(call)
        return answer


def _add_call(name: str, sample: Audio) -> Call[KnownSpeaker]:
    """POST /speakers; not repeated, since the first attempt may have kept the voice."""
    fields = as_fields({"name": name})
    return Call("POST", _PATH, value_reader(_SPEAKER), fields, sample, again=False)


def _list_call() -> Call[KnownSpeakers]:
    """GET /speakers."""
    return Call("GET", _PATH, value_reader(_SPEAKERS))


def _delete_call(speaker_id: str) -> Call[None]:
    """DELETE /speakers/{id}."""
    return Call("DELETE", f"{_PATH}/{quote(speaker_id, safe='')}", lambda _: None)
