"""Emissions in, everything a transcript says out: one job of a decoding thread or process."""

from dataclasses import dataclass

from app.decoding import DecodingOptions, ModelDecoders, segment_words
from app.decoding.types import Emissions
from app.itn import FormattingOptions, format_transcript
from app.transcript import Alternative, Formatted, Segment


@dataclass(frozen=True, slots=True)
class TextRead:
    """What was read; the fields are those of `Transcript`."""

    text: str
    segments: tuple[Segment, ...]
    decoder: str
    language_model: str | None
    alternatives: tuple[Alternative, ...]
    formatted: Formatted | None


def read_text(
    decoders: ModelDecoders,
    emissions: Emissions,
    decoding: DecodingOptions,
    *,
    frame_seconds: float,
    duration: float,
    language: str,
    readable: FormattingOptions | None,
) -> TextRead:
    """Decode one audio, split it into segments and make it readable.

    Args:
        decoders: of the model that gave the emissions.
        emissions: float array [frames, vocabulary] of natural-log probabilities.
        decoding: how to decode.
        frame_seconds: length of one frame in seconds.
        duration: length of the audio in seconds; no word ends after it.
        language: of the text, for what is made readable.
        readable: how to make it readable; None leaves that out.

    Raises:
        InvalidRequestError: the model cannot be decoded so.
    """
    hypotheses = decoders.decode(
        emissions, decoding, frame_seconds=frame_seconds, duration=duration
    )
    best = hypotheses[0]
    listed = hypotheses if decoding.n_best > 1 else ()
    formatted = None
    others: list[str | None] = [None] * len(listed)
    if readable is not None:
        written = format_transcript(best.words, language, readable)
        formatted = Formatted(written.text, segment_words(written.words))
        others = [format_transcript(other.words, language, readable).text for other in listed]
    return TextRead(
        text=best.text,
        segments=segment_words(best.words),
        decoder=best.decoder,
        language_model=best.language_model,
        alternatives=tuple(
            Alternative(hypothesis.text, hypothesis.score, hypothesis.words, text)
            for hypothesis, text in zip(listed, others, strict=True)
        ),
        formatted=formatted,
    )
