"""The options of POST /transcribe and POST /align, with their bounds, defaults and descriptions.

The OpenAPI page, the command line and the client derive theirs from these models.
"""

import math
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator

from .command_line import CommandLine
from .formats import ResponseFormat
from .layout import LayoutOptions
from .redaction import RedactOptions

MAX_BEAM_WIDTH = 2000
MAX_N_BEST = 100
MAX_HOTWORDS = 1000
MAX_HOTWORD_CHARACTERS = 256
MAX_HOTWORD_WEIGHT = 1000.0
HOTWORD_WEIGHT = 10.0
"""The weight of a hotword that is given without one."""
MAX_ALPHA = 10.0
MAX_BETA = 100.0
MIN_PRUNE_LOGP = -1000.0
MIN_TOKEN_LOGP = -100.0
MAX_URL_CHARACTERS = 8192
MAX_TRACK_CHARACTERS = 100
MAX_SPEAKERS = 100

DecoderName: TypeAlias = Literal["auto", "greedy", "beam", "greedy+lm"]
Encoding: TypeAlias = Literal["s16le", "s16be", "f32le", "mulaw", "alaw"]
"""Encodings of raw samples."""

_SPEECH = "Speech"
_DECODING = "Decoding"
_FORMATTING = "Readable text"
_RAW = "Raw samples"
_SPEAKERS = "Speakers"

Model: TypeAlias = Annotated[str | None, CommandLine(_SPEECH, "Id, folder or hub id of a model.")]
Language: TypeAlias = Annotated[
    str | None,
    CommandLine(_SPEECH, "nn, nb, no, da, or a name of these; chooses the model."),
]
RecordingLanguage: TypeAlias = Annotated[
    str | None,
    CommandLine(_SPEECH, "nn, nb, no, da, or their names; auto or auto-each: detected."),
]
Track: TypeAlias = Annotated[
    str | None,
    CommandLine(_SPEECH, "Audio track to read: its index, or a language tag.", "TRACK"),
    Field(
        max_length=MAX_TRACK_CHARACTERS,
        description="Which audio track to read: its index, from 0, or a language tag such as nob; "
        "the best one by default.",
        examples=["1"],
    ),
]
Strict: TypeAlias = Annotated[
    bool,
    CommandLine(_SPEECH, "Refuse what would be read with a warning."),
    Field(
        description="Whether to refuse what would be read with an entry in `warnings`, such as a "
        "damaged place that players skip.",
    ),
]
RawEncoding: TypeAlias = Annotated[
    str | None,
    CommandLine(_RAW, "s16le, s16be, f32le, mulaw or alaw: the input has no header."),
]
RawRate: TypeAlias = Annotated[int | None, CommandLine(_RAW, "Samples per second.", "HZ")]
RawChannels: TypeAlias = Annotated[int | None, CommandLine(_RAW, "Interleaved; 1.", "N")]
Channels: TypeAlias = Annotated[
    int | Literal["separate"] | None,
    CommandLine(_SPEECH, "separate: transcribe each channel apart. Of raw samples: how many.", "N"),
]
SpeakerCount: TypeAlias = Annotated[int | None, CommandLine(_SPEAKERS, metavar="N")]


class TextOptions(BaseModel):
    """The options of every request of the native protocol that turns speech into text."""

    model_config = ConfigDict(extra="forbid")

    model: Model = Field(None, description="Id or hub id of a loaded model.", examples=["demo-nn"])
    language: Language = Field(
        None,
        description="Chooses the model where none is named: nn, nb, no, da, or a name of these.",
        examples=["nn"],
    )
    decoder: Annotated[
        DecoderName,
        CommandLine(_DECODING, "auto (the default), greedy, beam or greedy+lm.", "NAME"),
    ] = Field(
        "auto",
        description="How the emissions are decoded. auto: beam search with the language model "
        "where the model has one, or where an option of the beam search is given; greedy "
        "otherwise.",
    )
    beam_width: Annotated[int | None, CommandLine(_DECODING, metavar="N")] = Field(
        None,
        ge=1,
        le=MAX_BEAM_WIDTH,
        description="Hypotheses kept after each frame; 100 by default.",
    )
    alpha: Annotated[float | None, CommandLine(_DECODING, metavar="X")] = Field(
        None,
        ge=-MAX_ALPHA,
        le=MAX_ALPHA,
        description="Weight of the language model; its own by default.",
    )
    beta: Annotated[float | None, CommandLine(_DECODING, metavar="X")] = Field(
        None,
        ge=-MAX_BETA,
        le=MAX_BETA,
        description="Bonus for each word; the model's by default.",
    )
    prune_logp: Annotated[float | None, CommandLine(_DECODING, metavar="X")] = Field(
        None,
        ge=MIN_PRUNE_LOGP,
        le=0,
        description="Hypotheses this far below the best are dropped; -10 by default.",
    )
    min_token_logp: Annotated[float | None, CommandLine(_DECODING, metavar="X")] = Field(
        None,
        ge=MIN_TOKEN_LOGP,
        le=0,
        description="Tokens with a lower log-probability are skipped; -5 by default.",
    )
    hotwords: Annotated[
        str | None,
        CommandLine(_DECODING, "Expected words, as in 'Stortinget, Ås:12, votering:6.5'.", "WORDS"),
    ] = Field(
        None,
        description="Expected words, comma-separated, each with an optional weight after a colon; "
        "10 by default.",
        examples=["Stortinget, Ås:12, votering:6.5"],
    )
    n_best: Annotated[int, CommandLine(_DECODING, "Hypotheses that --format json lists.", "N")] = (
        Field(
            1,
            ge=1,
            le=MAX_N_BEST,
            description="Above 1, `alternatives` lists this many hypotheses.",
        )
    )
    lm: Annotated[str | None, CommandLine(_DECODING, metavar="NAME")] = Field(
        None, description="One of the language models beside the model.", examples=["parliament"]
    )
    format_text: Annotated[
        bool, CommandLine(_FORMATTING, "Write sentences with digits; json has both.")
    ] = Field(
        False,
        description="Whether to add `formatted_text`, with sentences and digits, and its words and "
        "segments; `text` stays word for word.",
    )
    remove_hesitations: Annotated[
        bool, CommandLine(_FORMATTING, "With --format-text: no eee, mmm, øh.")
    ] = Field(False, description="With format_text: leaves out eee, mmm, øh and the like.")
    mask_profanities: Annotated[
        bool, CommandLine(_FORMATTING, "With --format-text: f*** for listed words.")
    ] = Field(False, description="With format_text: writes f*** for words of a list.")
    words: bool = Field(True, description="Whether to list the words with their times.")

    @field_validator("hotwords")
    @classmethod
    def _check_hotwords(cls, value: str | None) -> str | None:
        parse_hotwords(value)
        return value


class TranscribeOptions(LayoutOptions, RedactOptions, TextOptions):
    """The options of POST /transcribe, each in the query or in the form."""

    language: RecordingLanguage = Field(
        None,
        description="Chooses the model where none is named: nn, nb, no, da, or a name of these. "
        "auto: the language is detected among those of the loaded models; auto-each: of each "
        "utterance by itself.",
        examples=["nn", "auto"],
    )
    response_format: ResponseFormat = Field(
        "json", description="What to answer with: JSON, plain text, subtitles or annotations."
    )
    word_cues: Annotated[bool, CommandLine(None, "In vtt: mark the time of each word.")] = Field(
        False, description="With vtt: marks the time of each word."
    )
    url: str | None = Field(
        None,
        max_length=MAX_URL_CHARACTERS,
        description="Where the recording is, instead of a file. Only hosts that the operator "
        "allows; none by default.",
        examples=["https://archive.example.org/speech.mp3"],
    )
    track: Track = None
    strict: Strict = False
    encoding: RawEncoding = Field(
        None, description="The body is raw samples in this encoding.", examples=["s16le"]
    )
    rate: RawRate = Field(None, description="Of raw samples, in Hz.", examples=[16000])
    channels: Channels = Field(
        None,
        description="separate: transcribes each channel of the recording apart and labels its "
        "words and segments with it; otherwise the channels are mixed. A number is that of the "
        "channels of raw samples, 1 by default.",
        examples=["separate"],
    )
    diarize: Annotated[
        bool, CommandLine(_SPEAKERS, "Tell who speaks: needs the extra `speakers`.")
    ] = Field(
        False,
        description="Whether to label words and segments with who speaks, and to list the "
        "`speakers`. Segments then end where the speaker changes.",
    )
    num_speakers: SpeakerCount = Field(
        None, ge=1, le=MAX_SPEAKERS, description="With diarize: how many speak, where it is known."
    )
    min_speakers: SpeakerCount = Field(
        None, ge=1, le=MAX_SPEAKERS, description="With diarize: at least so many speak."
    )
    max_speakers: SpeakerCount = Field(
        None, ge=1, le=MAX_SPEAKERS, description="With diarize: at most so many speak."
    )
    known_speakers: Annotated[
        bool, CommandLine(_SPEAKERS, "Name the known speakers of your key: needs --server.")
    ] = Field(
        False,
        description="With diarize: whether speakers that the caller added by POST /speakers have "
        "their names. Only where the operator allows it.",
    )
    timeout: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Deadline, in seconds from the beginning of the request; also as header "
        "x-request-timeout.",
    )


class AlignOptions(BaseModel):
    """The fields of POST /align; all but the text may also come in the query."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = Field(None, description="The words that are spoken, as they are written.")
    model: Model = Field(None, description="Id or hub id of a loaded model.")
    language: Language = Field(
        None,
        description="Chooses the model where none is named, and how numbers are spoken: nn, nb, "
        "no, da, or a name of these.",
    )
    characters: bool = Field(False, description="Whether to list the characters of every word.")
    response_format: ResponseFormat = Field(
        "json",
        description="What to answer with. All but json leave out words that were not found.",
    )
    track: Track = None
    strict: Strict = False
    encoding: RawEncoding = Field(None, description="The file is raw samples in this encoding.")
    rate: RawRate = Field(None, description="Of raw samples, in Hz.")
    channels: RawChannels = Field(None, description="Of raw samples; 1 by default.")
    timeout: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Deadline, in seconds from the beginning of the request.",
    )


def parse_hotwords(text: str | None) -> tuple[tuple[str, float], ...]:
    """Returns the words and weights of `word, two words:8, word:-2`.

    Raises:
        ValueError: a word is missing, a weight is no number, or there are too many.
    """
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    if len(parts) > MAX_HOTWORDS:
        raise ValueError(f"there are {len(parts)} hotwords, at most {MAX_HOTWORDS}")
    return tuple(_parse_hotword(part) for part in parts)


def _parse_hotword(part: str) -> tuple[str, float]:
    word, colon, given = part.rpartition(":")
    if not colon:
        return part, HOTWORD_WEIGHT
    try:
        weight = float(given)
    except ValueError:
        weight = math.nan
    if not word.strip() or not math.isfinite(weight):
        raise ValueError(f"{part!r} is no hotword; accepted: a word, or word:weight with a number")
    return word.strip(), weight
