"""Joins the transcripts of the parts of a recording that are in several languages."""

from collections.abc import Sequence
from dataclasses import replace

from app.contract.answers import Segment, Transcript, Word, mean_confidence
from app.contract.languages import DetectedLanguage
from app.contract.redaction import all_redactions
from app.pipeline.passes import total_timing


def mean_languages(
    parts: Sequence[tuple[float, Sequence[DetectedLanguage]]],
) -> tuple[DetectedLanguage, ...]:
    """Returns the languages of all parts together, the likeliest first.

    Args:
        parts: for each the length of its speech in seconds, and its languages: the same ones in
            all parts.
    """
    total = sum(seconds for seconds, _ in parts)
    shares: dict[str, float] = {}
    known = {item.language: item for _, languages in parts for item in languages}
    for seconds, languages in parts:
        weight = seconds / total if total else 1 / len(parts)
        for item in languages:
            shares[item.language] = shares.get(item.language, 0.0) + weight * item.probability
    found = [replace(known[code], probability=min(1.0, share)) for code, share in shares.items()]
    return tuple(sorted(found, key=lambda item: -item.probability))


def with_languages(transcript: Transcript, languages: Sequence[DetectedLanguage]) -> Transcript:
    """Returns a transcript that names its languages; the first of them is that of most speech."""
    return replace(
        transcript,
        language=languages[0].language,
        language_probability=languages[0].probability,
        languages=tuple(languages),
        model=languages[0].model,
    )


def in_language(transcript: Transcript, language: DetectedLanguage) -> Transcript:
    """Returns a transcript whose words and segments name their language."""

    def words(given: Sequence[Word]) -> tuple[Word, ...]:
        return tuple(replace(word, language=language.language) for word in given)

    def segments(given: Sequence[Segment]) -> tuple[Segment, ...]:
        return tuple(
            replace(segment, language=language.language, language_probability=language.probability)
            for segment in given
        )

    named = replace(
        transcript, words=words(transcript.words), segments=segments(transcript.segments)
    )
    if transcript.formatted_text is None:
        return named
    return replace(
        named,
        formatted_words=words(transcript.formatted_words or ()),
        formatted_segments=segments(transcript.formatted_segments or ()),
    )


def join_parts(parts: Sequence[tuple[float, Transcript]], duration: float) -> Transcript:
    """Returns one transcript of the parts of a recording, one after the other.

    Its language, model, decoder and language model are those of the first part.

    Args:
        parts: for each when it begins, in seconds, and its transcript; at least one.
        duration: length of the recording in seconds.
    """
    first = parts[0][1]
    words = _words([(start, item.words) for start, item in parts])
    segments = _segments([(start, item.segments) for start, item in parts])
    joined = replace(
        first,
        text=" ".join(item.text for _, item in parts if item.text),
        words=words,
        segments=segments,
        confidence=mean_confidence(words),
        duration=duration,
        timing=total_timing([item.timing for _, item in parts]),
        redactions=all_redactions([(start, item.redactions) for start, item in parts]),
    )
    if first.formatted_text is None:
        return joined
    return replace(
        joined,
        formatted_text=" ".join(item.formatted_text for _, item in parts if item.formatted_text),
        formatted_words=_words([(start, item.formatted_words or ()) for start, item in parts]),
        formatted_segments=_segments(
            [(start, item.formatted_segments or ()) for start, item in parts]
        ),
    )


def _words(parts: Sequence[tuple[float, Sequence[Word]]]) -> tuple[Word, ...]:
    return tuple(
        replace(word, start=start + word.start, end=start + word.end)
        for start, words in parts
        for word in words
    )


def _segments(parts: Sequence[tuple[float, Sequence[Segment]]]) -> tuple[Segment, ...]:
    shifted = (
        replace(segment, start=start + segment.start, end=start + segment.end)
        for start, segments in parts
        for segment in segments
    )
    return tuple(replace(segment, id=index) for index, segment in enumerate(shifted))
