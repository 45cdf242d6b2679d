"""Generated messages of live clients: valid ones, nearly valid ones, and noise."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soundfile
from demo_model import DEMO
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


class Audio(bytes):
    """Bytes too many to be shown."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes of audio>"


def speech(rate: int = 16_000, seconds: float = 1.5) -> Audio:
    """The beginning of a bundled sample as s16le, so that there is some speech."""
    samples, given = soundfile.read(DEMO / "samples" / "sample-1.flac", dtype="float32")
    positions = np.arange(0, seconds, 1 / rate)
    resampled = np.interp(positions, np.arange(len(samples)) / given, samples)
    return Audio((resampled * 32_767).astype("<i2").tobytes())


class Encoded(str):
    """Base64 too long to be shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} characters of base64>"


def in_base64(audio: bytes) -> Encoded:
    """As OpenAI's clients send it."""
    return Encoded(base64.b64encode(audio).decode())


@dataclass(frozen=True, slots=True)
class Protocol:
    """One protocol over WebSocket.

    `meant` are its JSON messages. The server answers `end_message` by ending the connection with
    code 1000, or, where there is none, any `meant[0]` with a message.
    """

    meant: tuple[dict[str, Any], ...]
    audio: tuple[bytes, ...] = ()
    end_message: dict[str, Any] | None = None
    queries: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def messages(self) -> st.SearchStrategy[list[str | bytes]]:
        """Lists of what may be sent, in any order."""
        names = sorted({name for message in self.meant for name in message})
        meant = st.sampled_from(self.meant)
        bent = st.builds(
            lambda message, name, value: message | {name: value},
            meant,
            st.sampled_from(names) | st.text(max_size=8),
            JSON,
        )
        # Most of it is right, or the first message would end every conversation.
        kinds: list[st.SearchStrategy[str | bytes]] = [meant.map(json.dumps)] * 4
        if self.audio:
            kinds += [st.sampled_from(self.audio)] * 6
        kinds += [bent.map(json.dumps), JSON.map(json.dumps), st.text(max_size=80)]
        kinds += [st.binary(max_size=4_000)]
        return st.lists(st.one_of(kinds), max_size=8)

    def query(self) -> st.SearchStrategy[dict[str, str]]:
        """Parameters of the address, mostly right ones."""
        one = st.sampled_from(sorted(self.queries) or ["x"]).flatmap(
            lambda name: st.tuples(
                st.just(name), st.sampled_from(self.queries.get(name, ("1",))) | st.text(max_size=9)
            )
        )
        return st.one_of(st.just({}), st.lists(one, max_size=3).map(dict))


STREAM = Protocol(
    meant=({"type": "flush"}, {"type": "end"}),
    audio=(speech(), speech(8_000)),
    end_message={"type": "end"},
    queries={
        "language": ("nb", "no", "fi"),
        "encoding": ("s16le", "f32le", "mulaw", "alaw"),
        "rate": ("8000", "16000", "44100", "0", "-1", "1e9"),
        "channels": ("1", "2", "0", "999"),
        "partials": ("true", "false"),
        "words": ("false",),
        "n_best": ("3",),
        "decoder": ("beam", "greedy"),
        "format_text": ("true",),
        "hotwords": ("Oslo:3",),
        "vad_threshold": ("0.01", "0.99", "1"),
        "endpoint_silence": ("0.1", "nan"),
        "max_utterance": ("2",),
        "session": ("none-such",),
    },
)
VOSK = Protocol(
    meant=(
        {"config": {"sample_rate": 16_000}},
        {"config": {"sample_rate": 8_000, "words": 1, "max_alternatives": 3}},
        {"config": {"phrase_list": ["Oslo", "[unk]"], "model": "elsewhere", "language": "nb"}},
        {"reset": 1},
        {"eof": 1},
    ),
    audio=(speech(), speech(8_000)),
    end_message={"eof": 1},
    queries={"language": ("nb", "fi"), "model": ("tiny-nb", "none")},
)
_FORMATS: tuple[dict[str, Any], ...] = (
    {"type": "audio/pcm", "rate": 24_000},
    {"type": "audio/pcmu"},
    {"type": "audio/pcma"},
)
REALTIME = Protocol(
    meant=(
        {"type": "session.update", "session": {"type": "transcription"}},
        *(
            {
                "type": "session.update",
                "session": {
                    "type": "transcription",
                    "audio": {"input": {"format": given, "turn_detection": detection}},
                },
            }
            for given in _FORMATS
            for detection in (None, {"type": "server_vad", "threshold": 0.01})
        ),
        {"type": "input_audio_buffer.append", "audio": in_base64(speech(24_000))},
        {"type": "input_audio_buffer.append", "audio": in_base64(speech(8_000, 0.7)[1::2])},
        {"type": "input_audio_buffer.append", "audio": "no base64!"},
        {"type": "input_audio_buffer.commit"},
        {"type": "input_audio_buffer.clear"},
    ),
    queries={"intent": ("transcription",), "model": ("tiny-nb", "gpt-4o-transcribe", "none")},
)
