"""Examples of answers, as the OpenAPI page shows them."""

from typing import Any

_WORDS: list[Any] = [
    {"word": "eg", "start": 0.42, "end": 0.54, "confidence": 0.981},
    {"word": "kjem", "start": 0.6, "end": 0.86, "confidence": 0.967},
    {"word": "halv", "start": 0.94, "end": 1.14, "confidence": 0.973},
    {"word": "åtte", "start": 1.2, "end": 1.5, "confidence": 0.962},
]
_WRITTEN: list[Any] = [
    {"word": "Eg", "start": 0.42, "end": 0.54, "confidence": 0.981},
    {"word": "kjem", "start": 0.6, "end": 0.86, "confidence": 0.967},
    {"word": "7.30.", "start": 0.94, "end": 1.5, "confidence": 0.962},
]
_SEGMENT = {"id": 0, "start": 0.42, "end": 1.5, "text": "eg kjem halv åtte", "confidence": 0.9708}
TRANSCRIPT: dict[str, Any] = {
    "text": "eg kjem halv åtte",
    "words": _WORDS,
    "segments": [_SEGMENT],
    "confidence": 0.9708,
    "language": "nn",
    "model": "wav2vec2-xlsr-1B-NPSC-NN",
    "duration": 1.92,
    "decoder": "beam",
    "lm": "default",
    "timing": {
        "queue": 0.0006, "decode_audio": 0.0021, "encode": 0.0843,
        "decode_text": 0.0009, "real_time_factor": 0.04578,
    },
    "audio": {
        "container": "MP4 or M4A", "codec": "aac", "channels": 2, "rate": 44100, "track": 0,
        "tracks": [{"index": 0, "codec": "aac", "channels": 2, "rate": 44100, "language": "nno"}],
    },
    "warnings": [],
    "request_id": "5a8f0f6f5d0c4b7f9c1f0a6f3f1f2a77",
}  # fmt: skip
_SPEAKER = {"speaker": "channel 0"}
_OF_WORD = _SPEAKER | {"language": "nn"}
_OF_SEGMENT = _OF_WORD | {"language_probability": 0.942}
FULL_TRANSCRIPT: dict[str, Any] = TRANSCRIPT | {
    "words": [word | _OF_WORD for word in _WORDS],
    "segments": [_SEGMENT | _OF_SEGMENT],
    "formatted_text": "Eg kjem 7.30.",
    "formatted_words": [word | _OF_WORD for word in _WRITTEN],
    "formatted_segments": [_SEGMENT | {"text": "Eg kjem 7.30.", "confidence": 0.97} | _OF_SEGMENT],
    "language_probability": 0.942,
    "languages": [
        {"language": "nn", "model": "wav2vec2-xlsr-1B-NPSC-NN", "probability": 0.942},
        {"language": "nb", "model": "nb-wav2vec2-1b-bokmaal", "probability": 0.058},
    ],
    "timing": TRANSCRIPT["timing"] | {"detect_language": 0.1724},
    "speakers": [{"speaker": "channel 0", "seconds": 1.08, "channel": 0}],
    "channels": 2,
    "redactions": [],
    "alternatives": [
        {
            "text": "eg kjem halv åtte", "score": -2.1804,
            "words": _WORDS, "formatted_text": "Eg kjem 7.30.",
        },
        {
            "text": "eg kjem halv ått", "score": -9.4127,
            "words": [*_WORDS[:3], _WORDS[3] | {"word": "ått"}],
            "formatted_text": "Eg kjem halv ått.",
        },
    ],
}  # fmt: skip
