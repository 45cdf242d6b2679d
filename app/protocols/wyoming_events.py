"""Reads the options and audio formats of Wyoming's events, and describes the models for `info`."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version

from wyoming.audio import AudioFormat
from wyoming.event import Event, async_read_event
from wyoming.info import AsrModel, AsrProgram, Attribution, Info

from app.catalogue import ModelCard
from app.contract.options import HOTWORD_WEIGHT
from app.decoding import DecodingOptions, Hotword
from app.errors import InvalidRequestError

SAMPLE_BYTES = 2
LINE_BYTES = 2**16
# Two minutes at 16 kHz; Home Assistant's chunks are a thousandth of it.
_MAX_PART_BYTES = 4 * 2**20
_HUB = "https://huggingface.co/"


class BoundedReader(asyncio.StreamReader):
    """Refuses parts of an event that are longer than any client sends."""

    async def readexactly(self, n: int) -> bytes:
        """Reads so many bytes.

        Raises:
            ValueError: they are too many; the package treats that as the end of the events.
        """
        if n > _MAX_PART_BYTES:
            raise ValueError(f"{n} bytes are over the limit of {_MAX_PART_BYTES}")
        return await super().readexactly(n)


@dataclass(frozen=True, slots=True)
class CommandOptions:
    """The options in a `transcribe` event, for the next command."""

    model: str | None = None
    language: str | None = None
    decoding: DecodingOptions = field(default_factory=DecodingOptions)


async def next_event(reader: asyncio.StreamReader) -> Event | None:
    """Reads an event; returns None at the end of them.

    Raises:
        InvalidRequestError: the data is not an event.
        EOFError: the client disconnected in the middle of one.
    """
    try:
        event = await async_read_event(reader)
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise InvalidRequestError(
            f"The data is not an event of Wyoming: {type(error).__name__}: {error}."
        ) from error
    if event is None and not reader.at_eof():
        raise InvalidRequestError(
            "The data is not an event of Wyoming: it is not JSON, or a part of it is over "
            f"{_MAX_PART_BYTES} bytes."
        )
    if event is not None and not isinstance(event.data, dict):
        raise InvalidRequestError(f"{event.type}: the data is not a JSON object.", param="data")
    return event


def read_options(event: Event, *, max_hotwords: int) -> CommandOptions:
    """Reads a `transcribe` event; names become hotwords, terms hotwords of half the weight.

    Args:
        event: of type `transcribe`.
        max_hotwords: hotwords that are used, names first; the others are ignored.

    Raises:
        InvalidRequestError: a field has another type than in the protocol.
    """
    data = event.data
    for name in ("name", "language"):
        if not isinstance(data.get(name), str | None):
            raise InvalidRequestError(
                f"transcribe: {name} is {data[name]!r}; accepted: text.", param=name
            )
    hotwords = [
        Hotword(text, weight)
        for name, weight in (
            ("transcript_names", HOTWORD_WEIGHT),
            ("transcript_terms", HOTWORD_WEIGHT / 2),
        )
        for text in _texts(data.get(name), name)
    ]
    # Home Assistant may send the names of all its devices, and its user cannot shorten the list.
    decoding = DecodingOptions(hotwords=tuple(hotwords[:max_hotwords]))
    return CommandOptions(data.get("name"), data.get("language"), decoding)


def read_format(event: Event) -> AudioFormat:
    """Reads the audio format in an event.

    Raises:
        InvalidRequestError: it is missing, not in whole numbers, or not of 16-bit samples.
    """
    numbers: dict[str, int] = {}
    for name in ("rate", "width", "channels"):
        value = event.data.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidRequestError(
                f"{event.type}: {name} is {value!r}; accepted: a whole number.", param=name
            )
        numbers[name] = value
    if numbers["width"] != SAMPLE_BYTES:
        raise InvalidRequestError(
            f"{event.type}: width is {numbers['width']}; accepted: {SAMPLE_BYTES} bytes a sample.",
            param="width",
        )
    return AudioFormat(**numbers)


def describe(cards: Iterable[ModelCard]) -> Info:
    """Returns the answer to `describe`."""
    program = AsrProgram(
        name="nordlyd",
        description="Speech-to-text for Norwegian and Danish",
        attribution=Attribution(name="Nordlyd", url=""),
        installed=True,
        version=version("nordlyd"),
        models=[_model(card) for card in cards],
        supports_transcript_streaming=True,
    )
    return Info(asr=[program])


def _model(card: ModelCard) -> AsrModel:
    hub = card.hub or ""
    return AsrModel(
        name=card.id,
        description=card.title or card.id,
        attribution=Attribution(
            name=hub.partition("/")[0] or "Nordlyd", url=_HUB + hub if hub else ""
        ),
        installed=True,
        version=card.revision,
        languages=list(card.languages),
    )


def _texts(value: object, name: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise InvalidRequestError(
            f"transcribe: {name} is {str(value)[:80]!r}; accepted: a list of texts.", param=name
        )
    return [text for text in value if text.strip()]
