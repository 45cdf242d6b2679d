"""Live audio to words while they are spoken.

A client's audio passes `consumer` (one connection), `pcm` (to 16 kHz mono), `stream` (one task a
stream), `utterance_tracker` with `vad` and `endpointing` (where utterances are), `recognizer`
(windows through the shared engine) and `hypotheses` (which words are stable); the events leave
through `event_queue`, in a masked stream after `redacted`. `streams` holds all streams of the
service. `speech` finds the utterances of whole recordings with the same `vad` and `endpointing`.
`speakers` labels final results with who speaks.
"""

from app.streaming.consumer import MessageReader, StreamConsumer, recognize
from app.streaming.pcm import PcmInput, decoded
from app.streaming.speakers import LabelledStreams
from app.streaming.speech import SpeechFinder
from app.streaming.streams import StreamLimits, Streams
from app.streaming.types import (
    Endpointing,
    EndpointReached,
    FinalResult,
    LiveEvent,
    LiveOptions,
    LiveStream,
    LiveStreams,
    LiveWord,
    PartialResult,
    SpeechStarted,
    as_message,
    live_options,
)
from app.streaming.vad import find_vad_model

__all__ = [
    "EndpointReached",
    "Endpointing",
    "FinalResult",
    "LabelledStreams",
    "LiveEvent",
    "LiveOptions",
    "LiveStream",
    "LiveStreams",
    "LiveWord",
    "MessageReader",
    "PartialResult",
    "PcmInput",
    "SpeechFinder",
    "SpeechStarted",
    "StreamConsumer",
    "StreamLimits",
    "Streams",
    "as_message",
    "decoded",
    "find_vad_model",
    "live_options",
    "recognize",
]
