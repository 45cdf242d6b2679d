"""The settings of a Realtime session: updated by the client, and read by its live streams."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.api.openai.names import live_model
from app.api.openai.parameters import served_language
from app.contract.options import TextOptions
from app.contract.redaction import RedactOptions
from app.decoding import Hotword
from app.errors import InvalidRequestError
from app.pipeline import Transcriber
from app.pipeline.options import decoding_options, formatting_options, redaction_options
from app.streaming import Endpointing, LiveOptions, PcmInput

LOGPROBS = "item.input_audio_transcription.logprobs"
_G711_RATE = 8000
# Without turn detection all audio counts as speech; it is only cut where it is too long.
_MANUAL = Endpointing(silence_seconds=None, threshold=0.0, prefix_seconds=0.0)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PcmFormat(_Strict):
    """Signed 16-bit little-endian samples, mono."""

    type: Literal["audio/pcm"]
    rate: int = Field(24_000, ge=8_000, le=192_000)


class PcmuFormat(_Strict):
    """G.711, mu-law, 8 kHz."""

    type: Literal["audio/pcmu"]


class PcmaFormat(_Strict):
    """G.711, A-law, 8 kHz."""

    type: Literal["audio/pcma"]


class NoiseReduction(_Strict):
    """Accepted and not used."""

    type: Literal["near_field", "far_field"] | None = None
    strength: float | None = None


class Transcription(RedactOptions, TextOptions):
    """How to transcribe: OpenAI's fields, and ours of POST /transcribe."""

    languages: list[str] = Field(default=[])
    prompt: str | None = None
    keywords: list[str] = Field(default=[])
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class ServerVad(_Strict):
    """When a turn begins and ends; the last three are accepted and not used."""

    type: Literal["server_vad"]
    threshold: float = Field(0.5, ge=0, le=1)
    prefix_padding_ms: int = Field(300, ge=0, le=5_000)
    silence_duration_ms: int = Field(500, ge=100, le=10_000)
    create_response: bool | None = None
    interrupt_response: bool | None = None
    idle_timeout_ms: int | None = None


class AudioInput(_Strict):
    """The input audio: its format and how it is transcribed."""

    format: Annotated[PcmFormat | PcmuFormat | PcmaFormat, Field(discriminator="type")]
    noise_reduction: NoiseReduction | None = None
    transcription: Transcription
    turn_detection: ServerVad | None


class Audio(_Strict):
    """Only input audio."""

    input: AudioInput


class Session(_Strict):
    """The effective settings of one connection."""

    type: Literal["transcription"]
    audio: Audio
    include: list[Literal["item.input_audio_transcription.logprobs"]] | None = None

    @property
    def input(self) -> AudioInput:
        """The input audio."""
        return self.audio.input

    @property
    def logprobs(self) -> bool:
        """Whether to send the words' log probabilities."""
        return LOGPROBS in (self.include or ())

    def pcm(self) -> PcmInput:
        """Returns a decoder of its samples."""
        match self.input.format:
            case PcmFormat(rate=rate):
                return PcmInput("s16le", rate)
            case PcmuFormat():
                return PcmInput("mulaw", _G711_RATE)
            case _:
                return PcmInput("alaw", _G711_RATE)

    def options(
        self, request_id: str, transcriber: Transcriber, *, caller: str = ""
    ) -> LiveOptions:
        """Returns the options of a live stream.

        Raises:
            NordlydError: no loaded model can serve them.
        """
        transcription = self.input.transcription
        decoding = decoding_options(transcription)
        keywords = tuple(Hotword(word) for word in transcription.keywords)
        decoding = replace(decoding, hotwords=(*decoding.hotwords, *keywords), n_best=1)
        model = live_model(transcription.model)
        first = [transcription.language] if transcription.language else []
        languages = [*first, *transcription.languages]
        language = served_language(transcriber, model, languages, decoding)
        formatting = formatting_options(transcription)
        redaction = redaction_options(transcription)
        transcriber.route(model, language, decoding, formatting, redaction)
        return LiveOptions(
            request_id=request_id,
            caller=caller,
            model=model,
            language=language,
            decoding=decoding,
            formatting=formatting,
            redaction=redaction,
            endpointing=self._endpointing(),
        )

    def body(self, session_id: str) -> dict[str, Any]:
        """Returns the session as its client sees it."""
        audio = self.input
        transcription = audio.transcription.model_dump(exclude_unset=True)
        reduction = audio.noise_reduction
        return {
            "id": session_id,
            "object": "realtime.transcription_session",
            "type": "transcription",
            "include": self.include,
            "audio": {
                "input": {
                    "format": audio.format.model_dump(),
                    "noise_reduction": reduction.model_dump() if reduction else None,
                    "transcription": {"model": None, "language": None, "prompt": None}
                    | transcription,
                    "turn_detection": audio.turn_detection.model_dump(exclude_none=True)
                    if audio.turn_detection
                    else None,
                }
            },
        }

    def _endpointing(self) -> Endpointing:
        detection = self.input.turn_detection
        if detection is None:
            return _MANUAL
        return Endpointing(
            silence_seconds=detection.silence_duration_ms / 1000,
            threshold=detection.threshold,
            prefix_seconds=detection.prefix_padding_ms / 1000,
        )


def first_session(model: str | None) -> Session:
    """Returns the session of a new connection, which may name a model in its address."""
    return Session.model_validate(
        {
            "type": "transcription",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm"},
                    "transcription": {"model": model} if model else {},
                    "turn_detection": {"type": "server_vad"},
                }
            },
        }
    )


def updated(session: Session, update: object) -> Session:
    """Returns a session with the fields of an update; the others stay as they are.

    Raises:
        InvalidRequestError: a field is unknown or wrong.
    """
    if not isinstance(update, dict):
        raise InvalidRequestError("session is not an object.", param="session")
    if update.get("type", "transcription") != "transcription":
        raise InvalidRequestError(
            f"session.type is {update['type']!r}; accepted: transcription.", param="session.type"
        )
    current = session.model_dump(exclude_unset=True)
    try:
        return Session.model_validate(_merged(current, update))
    except ValidationError as error:
        raise _refusal(error) from None


def _merged(current: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(current)
    for name, value in update.items():
        before = merged.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            # Fields of another type do not fit.
            same = value.get("type", before.get("type")) == before.get("type")
            merged[name] = _merged(before, value) if same else value
        elif value is None and name == "transcription":
            merged[name] = {}
        else:
            merged[name] = value
    return merged


def _refusal(error: ValidationError) -> InvalidRequestError:
    issue = error.errors(include_url=False)[0]
    # A tagged union puts its tag into the path, which the client did not send.
    path = ".".join(
        str(part) for part in ("session", *issue["loc"]) if not str(part).startswith("audio/")
    )
    if issue["type"] == "extra_forbidden":
        return InvalidRequestError(f"There is no field {path}.", param=path)
    reason = str(issue["msg"]).removeprefix("Input ").removeprefix("Value error, ")
    return InvalidRequestError(f"{path} is {issue.get('input')!r}: {reason}.", param=path)
