"""Decodes emissions into the words of a transcript: one job of a decoding thread or process."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from app.contract.answers import Alternative, Transcript, Word, mean_confidence
from app.contract.segments import segment_words
from app.decoding import DecodingOptions, ModelDecoders
from app.decoding.types import Emissions
from app.itn import FormattingOptions, format_transcript
from app.redaction import RedactionOptions, mask_hypotheses


def decode_text(
    decoders: ModelDecoders,
    emissions: Emissions,
    decoding: DecodingOptions,
    blank: Transcript,
    *,
    frame_seconds: float,
    formatting: FormattingOptions | None,
    redaction: RedactionOptions | None = None,
) -> Transcript:
    """Returns a transcript with the text of one recording.

    Args:
        decoders: of the model that gave the emissions.
        emissions: float array [frames, vocabulary] of natural-log probabilities.
        decoding: how to decode.
        blank: the same transcript without its text; no word ends after its duration, and its
            language chooses the rules of the formatted text.
        frame_seconds: length of one frame in seconds.
        formatting: how to write the formatted text; None leaves it out.
        redaction: what to mask; None masks nothing.

    Raises:
        InvalidRequestError: the model cannot be decoded so, or its language has no rules for what
            is masked.
    """
    hypotheses = decoders.decode(
        emissions, decoding, frame_seconds=frame_seconds, duration=blank.duration
    )
    best = hypotheses[0]
    listed = hypotheses if decoding.n_best > 1 else ()
    alternatives = tuple(
        Alternative(hypothesis.text, hypothesis.score, hypothesis.words) for hypothesis in listed
    )
    verbatim = replace(
        with_words(blank, best.words, None),
        decoder=best.decoder,
        lm=best.language_model,
        alternatives=alternatives or None,
    )
    if redaction is not None:
        verbatim = _with_redaction(verbatim, redaction)
    return verbatim if formatting is None else with_formatting(verbatim, formatting)


def with_formatting(transcript: Transcript, formatting: FormattingOptions) -> Transcript:
    """Returns a transcript with the formatted text of its words, beside the verbatim one.

    Args:
        transcript: with all its words; its language, or that of the words, chooses the rules.
        formatting: how to write the text.
    """

    def written(words: Sequence[Word]) -> list[Word]:
        return [
            word
            for language, group in groupby(words, lambda word: word.language)
            for word in format_transcript(
                tuple(group), language or transcript.language, formatting
            ).words
        ]

    return replace(
        with_words(transcript, transcript.words, written(transcript.words)),
        alternatives=transcript.alternatives
        and tuple(
            replace(other, formatted_text=_joined(written(other.words)))
            for other in transcript.alternatives
        ),
    )


def with_words(
    blank: Transcript, words: Sequence[Word], formatted_words: Sequence[Word] | None
) -> Transcript:
    """Returns a transcript with words, and the texts and segments that they make.

    Args:
        blank: the transcript without them.
        words: the spoken words.
        formatted_words: as they are written in the formatted text; None without one.
    """
    return replace(
        blank,
        text=_joined(words),
        words=tuple(words),
        segments=segment_words(words),
        confidence=mean_confidence(words),
        formatted_text=None if formatted_words is None else _joined(formatted_words),
        formatted_words=None if formatted_words is None else tuple(formatted_words),
        formatted_segments=None if formatted_words is None else segment_words(formatted_words),
    )


def _with_redaction(transcript: Transcript, redaction: RedactionOptions) -> Transcript:
    """Returns a verbatim transcript whose words, and those of its alternatives, are masked."""
    alternatives = transcript.alternatives or ()
    hypotheses = [transcript.words, *(other.words for other in alternatives)]
    (best, *others), redactions = mask_hypotheses(hypotheses, transcript.language, redaction)
    return replace(
        with_words(transcript, best, None),
        alternatives=transcript.alternatives
        and tuple(
            replace(other, text=_joined(words), words=words)
            for other, words in zip(alternatives, others, strict=True)
        ),
        redactions=redactions,
    )


def _joined(words: Sequence[Word]) -> str:
    return " ".join(word.word for word in words)
