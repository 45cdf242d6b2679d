"""Segments one recording: pieces whose text is what is said, and what was left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from app.acoustic import AcousticModel
from app.audio import SAMPLE_RATE
from app.contract.answers import AlignedWord
from app.decoding import DecodingOptions, ModelDecoders
from app.decoding.alignment import greedy_tokens
from app.decoding.types import Emissions
from app.text import normalise
from trainer.data import Record, Waveform
from trainer.evaluation.emissions import emit
from trainer.segmentation.matching import Match, Matcher
from trainer.segmentation.phrases import Phrase, find_phrases
from trainer.segmentation.reading import Doubt, Reader

NOT_WRITTEN = "said and not written"
NOT_SAID = "written and not said"
DIFFERENT = "said and written differ"
LONG = "audio too long"
SHORT = "audio too short"

_MIN_SECONDS, _MIN_LETTERS = 0.5, 3  # as the recipes have them
_MAX_PAUSE = 1.0
_MARGIN = 0.25  # seconds of silence that a piece has at either end, at most


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a recording and what is said in it; times in seconds.

    `score` is the geometric mean of the probabilities of its letters, 0 to 1. `doubt` is how much
    speaks against the text, at most 1, and at which of its words.
    """

    start: float
    end: float
    text: str
    score: float
    doubt: Doubt

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What no piece has, and why.

    `start` and `end` are those of the speech, equal where nothing is said; `text` is what was
    written and `read` what the model reads, either may be empty.
    """

    reason: str
    start: float
    end: float
    text: str
    read: str


@dataclass(frozen=True, slots=True)
class Segments:
    """The pieces of a recording and what was left out, in the order of their times."""

    pieces: tuple[Piece, ...]
    left_out: tuple[LeftOut, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Loaded:
    samples: Waveform

    def waveform(self) -> Waveform:
        return self.samples


@dataclass(frozen=True, slots=True)
class Segmenter:
    """Cuts recordings into pieces of at most `max_seconds`, by one model.

    `language` is that of the transcripts, for numbers.
    """

    model: AcousticModel
    decoders: ModelDecoders
    language: str
    max_seconds: float

    @property
    def frame_seconds(self) -> float:
        """Length of a frame."""
        return self.model.hop / SAMPLE_RATE

    def emissions(self, wave: Waveform) -> Emissions:
        """Returns natural-log probabilities, float32 [frames, vocabulary]."""
        record = Record(_Loaded(wave), "", self.language, "", "", len(wave) / SAMPLE_RATE)
        (emitted,), _ = emit(self.model, [record])
        return emitted.emissions

    def align(
        self, emissions: Emissions, words: Sequence[str], samples: int
    ) -> tuple[AlignedWord, ...]:
        """Returns where each word is said, as `POST /align` does.

        Args:
            emissions: of a recording.
            words: normalised.
            samples: length of the recording at 16 kHz.

        Raises:
            InvalidRequestError: both are so long and so different that it would take minutes.
        """
        return self.decoders.align(
            emissions,
            " ".join(words),
            self.language,
            frame_seconds=self.frame_seconds,
            duration=samples / SAMPLE_RATE,
        )

    def segment(self, wave: Waveform, words: Sequence[str]) -> Segments:
        """Segments a recording.

        Args:
            wave: float32 [samples] at 16 kHz.
            words: what was written of it, normalised.

        Raises:
            InvalidRequestError: both are so long and so different that it would take minutes.
        """
        seconds = len(wave) / SAMPLE_RATE
        emissions, vocabulary = self.emissions(wave), self.model.vocabulary
        read = self.decoders.decode(
            emissions, DecodingOptions(), frame_seconds=self.frame_seconds, duration=seconds
        )[0]
        phrases: list[Phrase] = []
        if len(emissions):
            letters = greedy_tokens(emissions, vocabulary)
            phrases = find_phrases(letters, read.words, wave, vocabulary, self.frame_seconds)
        located = self.align(emissions, words, len(wave))
        known = {normalise(word) for word in self.decoders.known_words(w.word for w in read.words)}
        reader = Reader(emissions, vocabulary, self.frame_seconds, known)
        matches = Matcher(words, reader).match(phrases, located)
        pieces, left_out = self._pieces(reader, phrases, matches, words)
        left_out += _unmatched(phrases, matches, words)
        left_out += _unspoken(phrases, matches, words)
        return Segments(
            tuple(pieces), tuple(sorted(left_out, key=lambda item: item.start)), seconds
        )

    def _pieces(
        self,
        reader: Reader,
        phrases: Sequence[Phrase],
        matches: Sequence[Match | None],
        words: Sequence[str],
    ) -> tuple[list[Piece], list[LeftOut]]:
        pieces: list[Piece] = []
        left_out: list[LeftOut] = []
        for run in self._runs(phrases, matches):
            joined = [phrases[index] for index in run]
            own = [match for index in run if (match := matches[index])]
            indexes = [word for match in own for word in match.words]
            spoken = [words[index] for index in indexes]
            text = " ".join(spoken)
            start = max(joined[0].start, joined[0].first - _MARGIN)
            end = min(joined[-1].end, joined[-1].last + _MARGIN)
            reason = self._rejected(text, end - start)
            if reason is None:
                score = reader.score(joined[0].start, joined[-1].end, spoken)
                most = max((match.doubt for match in own), key=lambda doubt: doubt.value)
                doubt = Doubt(most.value, indexes.index(most.word))
                pieces.append(Piece(start, end, text, score, doubt))
            else:
                read = " ".join(phrase.text for phrase in joined)
                left_out.append(LeftOut(reason, joined[0].first, joined[-1].last, text, read))
        return pieces, left_out

    def _rejected(self, text: str, seconds: float) -> str | None:
        if seconds > self.max_seconds:
            return LONG
        return SHORT if seconds < _MIN_SECONDS or len(text) < _MIN_LETTERS else None

    def _runs(self, phrases: Sequence[Phrase], matches: Sequence[Match | None]) -> list[list[int]]:
        """Joins phrases that follow one another while they are short enough together."""
        runs: list[list[int]] = []
        for index, (phrase, match) in enumerate(zip(phrases, matches, strict=True)):
            if match is None or not match.agrees:
                continue
            last = runs[-1][-1] if runs else -1
            if (
                last == index - 1 >= 0
                and phrase.first - phrases[last].last <= _MAX_PAUSE
                and phrase.last - phrases[runs[-1][0]].first + 2 * _MARGIN <= self.max_seconds
            ):
                runs[-1].append(index)
            else:
                runs.append([index])
        return runs


def _unmatched(
    phrases: Sequence[Phrase], matches: Sequence[Match | None], words: Sequence[str]
) -> list[LeftOut]:
    left_out = []
    for phrase, match in zip(phrases, matches, strict=True):
        read = phrase.text or phrase.letters
        if match is None:
            left_out.append(LeftOut(NOT_WRITTEN, phrase.first, phrase.last, "", read))
        elif not match.agrees:
            text = " ".join(words[match.first : match.past])
            left_out.append(LeftOut(DIFFERENT, phrase.first, phrase.last, text, read))
    return left_out


def _unspoken(
    phrases: Sequence[Phrase], matches: Sequence[Match | None], words: Sequence[str]
) -> list[LeftOut]:
    """Returns the words of no phrase, where the words before them end."""
    ends: list[float | None] = [None] * len(words)
    for phrase, match in zip(phrases, matches, strict=True):
        for index in match.words if match else ():
            ends[index] = phrase.last
    left_out = []
    last = 0.0
    for spoken, group in groupby(range(len(words)), key=lambda index: ends[index] is not None):
        indexes = list(group)
        if spoken:
            last = max(last, *(ends[index] or 0.0 for index in indexes))
        else:
            text = " ".join(words[index] for index in indexes)
            left_out.append(LeftOut(NOT_SAID, last, last, text, ""))
    return left_out
