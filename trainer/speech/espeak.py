"""Synthesises speech with espeak-ng through ctypes, with the times of every word.

The library and its voices come from the `espeakng-loader` wheel. It keeps one global state, and
starting it a second time frees what the first start still points to; so a process has one
`Espeak`, which `espeak()` gives out.
"""

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import espeakng_loader
import numpy as np
import numpy.typing as npt

from trainer.errors import SynthesisError

_SYNCHRONOUS, _PHONEME_EVENTS, _DONT_EXIT = 2, 1, 1 << 15
_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7
_PAUSE = b"_"  # what the mnemonics of all pauses begin with
_RATE, _PITCH = 1, 3
_UTF8, _END_PAUSE = 1, 0x1000
_CHARACTERS = 1
_IPA = 2


class _Identifier(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("text", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Identifier),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word as espeak-ng reports it: its first character in the text, start and end in seconds."""

    position: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Speech:
    """int16 samples at `rate` Hz, and the words in them."""

    samples: npt.NDArray[np.int16]
    rate: int
    words: tuple[SpokenWord, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """The start of a word (with its position), of a sound (None), or of a pause (None, True)."""

    seconds: float
    position: int | None = None
    pause: bool = False


_SIGNATURES: dict[str, list[type]] = {
    "espeak_Initialize": [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int],
    "espeak_SetSynthCallback": [_Callback],
    "espeak_SetVoiceByName": [ctypes.c_char_p],
    "espeak_SetParameter": [ctypes.c_int, ctypes.c_int, ctypes.c_int],
    "espeak_ng_SetRandSeed": [ctypes.c_long],
    "espeak_Synth": [
        *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint),
        *(ctypes.c_uint, ctypes.POINTER(ctypes.c_uint), ctypes.c_void_p),
    ],
    "espeak_TextToPhonemes": [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int],
}


@lru_cache(maxsize=1)
def espeak() -> "Espeak":
    """Returns the synthesiser of this process."""
    return Espeak()


class Espeak:
    """The synthesiser; see `espeak`.

    Raises:
        SynthesisError: the library does not start.
    """

    def __init__(self) -> None:
        self._library = ctypes.cdll.LoadLibrary(espeakng_loader.get_library_path())
        for name, arguments in _SIGNATURES.items():
            getattr(self._library, name).argtypes = arguments
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        data = espeakng_loader.get_data_path().encode()
        options = _PHONEME_EVENTS | _DONT_EXIT
        self.rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, options)
        if self.rate <= 0:
            raise SynthesisError("espeak-ng does not start; is espeakng-loader installed whole?")
        self._blocks: list[npt.NDArray[np.int16]] = []
        self._events: list[Event] = []
        # ctypes frees a callback that nothing refers to, while the library still calls it.
        self._callback = _Callback(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(
        self,
        samples: "ctypes._Pointer[ctypes.c_short]",
        count: int,
        events: "ctypes._Pointer[_Event]",
    ) -> int:
        if samples and count > 0:
            self._blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type != _EVENT_END:
            event = events[index]
            seconds = event.sample / self.rate
            if event.type == _EVENT_WORD:
                self._events.append(Event(seconds, event.text_position - 1))
            elif event.type == _EVENT_PHONEME:
                self._events.append(Event(seconds, pause=event.id.text.startswith(_PAUSE)))
            index += 1
        return 0

    def speak(self, text: str, *, voice: str, rate: int, pitch: int, seed: int = 0) -> Speech:
        """Synthesises `text` with `voice` (such as `da+f2`), at `rate` words a minute.

        Args:
            text: the sentence.
            voice: an espeak-ng voice, optionally with `+variant`.
            rate: words a minute, 80 to 450.
            pitch: 0 to 100; 50 is the voice's own.
            seed: of the small variations that some voices make; espeak-ng takes the clock's.

        Raises:
            SynthesisError: espeak-ng does not know the voice or fails on the text.
        """
        library = self._library
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SynthesisError(f"espeak-ng has no voice {voice!r}")
        library.espeak_SetParameter(_RATE, rate, 0)
        library.espeak_SetParameter(_PITCH, pitch, 0)
        library.espeak_ng_SetRandSeed(seed)
        self._blocks, self._events = [], []
        raw = text.encode() + b"\0"
        if library.espeak_Synth(raw, len(raw), 0, _CHARACTERS, 0, _UTF8 | _END_PAUSE, None, None):
            raise SynthesisError(f"espeak-ng fails on {text!r}")
        samples = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.int16)
        words = spoken_words(self._events, duration=len(samples) / self.rate)
        return Speech(samples, self.rate, tuple(words))

    def phonemes(self, text: str, *, voice: str) -> str:
        """Returns how a voice pronounces `text`, in IPA.

        Raises:
            SynthesisError: espeak-ng does not know the voice.
        """
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SynthesisError(f"espeak-ng has no voice {voice!r}")
        rest, clauses = ctypes.c_char_p(text.encode()), []
        while rest.value:
            clause = self._library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA)
            clauses.append(clause.decode())
        return " ".join(clauses)


def spoken_words(events: Iterable[Event], *, duration: float) -> list[SpokenWord]:
    """Returns the words: each ends with its last sound, where a pause or the next word begins."""
    words: list[SpokenWord] = []
    silent = True
    for event in events:
        if words and not silent and (event.pause or event.position is not None):
            words[-1] = replace(words[-1], end=event.seconds)
        if event.position is not None:
            words.append(SpokenWord(event.position, event.seconds, duration))
        silent = event.pause
    return words
