"""Forced alignment: where each written word of a text is spoken in the audio.

One Viterbi search over words that may be omitted and audio that may be extra: a word that is not
spoken is jumped over, and between words any speech may occur, both at a cost. Long audio is cut
where the greedy tokens and the text agree, so that memory and time are linear in its length.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.contract.answers import AlignedCharacter, AlignedWord
from app.decoding.align.anchors import cut_points
from app.decoding.align.trellis import Indexes, Trellis
from app.decoding.align.viterbi import best_path
from app.decoding.alignment import Spans, greedy_tokens, relative_scores, token_spans, with_gaps
from app.decoding.calibration import FRAMES_ONLY, BoundaryRule, place_words
from app.decoding.matching import Part, WrittenWord, written_words
from app.decoding.types import Emissions, check_emissions
from app.vocabulary import Vocabulary

# Costs are natural-log probabilities below the most probable token of a frame.
_EXTRA_FRAME = 2.0  # a frame of speech that is not in the text
_OMITTED_TOKEN = 2.0  # a token of a word that is not spoken
_OMITTED_WORD = 2.0  # and the word itself
_UNKNOWN_FRAME = 0.5  # a frame of a word that cannot be spelled
_MIN_ISLAND = 6  # tokens; fewer found amid words that are not are chance
_SURROUNDING = 3  # words not found on each side of an island
_MIN_SCORE = 0.01

_CUT_ABOVE = 20_000_000  # frames times tokens
_CUT_FRAMES = 1000
_MAX_CELLS = 40_000_000_000

Frames = NDArray[np.int64]


class UnalignableError(ValueError):
    """Text and audio are so long and so different that aligning them would take minutes."""


def align_text(
    emissions: Emissions,
    text: str,
    vocabulary: Vocabulary,
    *,
    frame_seconds: float,
    duration: float,
    language: str | None = None,
    rule: BoundaryRule = FRAMES_ONLY,
) -> tuple[AlignedWord, ...]:
    """Finds every word of a text in the audio.

    Args:
        emissions: float array [frames, vocabulary] of natural-log probabilities.
        text: as it was written; case, punctuation and digits are matched to the vocabulary.
        vocabulary: tokens of the checkpoint.
        frame_seconds: length of one frame in seconds.
        duration: length of the audio in seconds; no word ends after it.
        language: da, nb or nn, for numbers.
        rule: how far words reach beyond their frames.

    Returns:
        All words of the text in its order; times of those that have them ascend and do not
        overlap.

    Raises:
        UnalignableError: text and audio are so long and so different that it would take minutes.
        ValueError: wrong shape, or a value that is no number.
    """
    check_emissions(emissions, len(vocabulary), frame_seconds=frame_seconds, duration=duration)
    words = written_words(text, vocabulary, language=language)
    if not words or not len(emissions):
        return tuple(
            AlignedWord(word.text, None, None, 0.0, found=False, characters=()) for word in words
        )
    search = _Search(emissions, vocabulary)
    located = [_Located(word) for word in words]
    search.locate(located)
    search.choose_verbalisations(located)
    _drop_islands(located)
    return _timed(located, vocabulary, frame_seconds, duration, rule)


class _Located:
    """A written word during the search: its chosen verbalisation, and the frames of its tokens.

    `starts` and `stops` are empty until something is found; a word without a verbalisation then
    has one entry.
    """

    def __init__(self, word: WrittenWord) -> None:
        self.word = word
        self.verbalisation = word.verbalisations[0] if word.certain else ()
        self.tokens = [token for part in self.verbalisation for token in part.tokens]
        self.starts: list[int] = []
        self.stops: list[int] = []
        self.score = 0.0
        self.found = False

    def use(self, verbalisation: tuple[Part, ...]) -> None:
        self.verbalisation = verbalisation
        self.tokens = [token for part in verbalisation for token in part.tokens]

    def place(self, spans: Spans, first: int, past: int, offset: int) -> None:
        self.starts = [start + offset for start in spans.starts[first:past].tolist()]
        self.stops = [stop + offset for stop in spans.stops[first:past].tolist()]
        if self.tokens:
            scores: list[float] = spans.scores[first:past].tolist()
            self.score = math.exp(min(sum(scores) / len(scores), 0.0))
        self.found = self.score >= _MIN_SCORE

    def discard(self) -> None:
        self.starts, self.stops, self.score, self.found = [], [], 0.0, False


class _Search:
    """Aligns runs of words to ranges of frames, over one array of emissions."""

    def __init__(self, emissions: Emissions, vocabulary: Vocabulary) -> None:
        self._emissions = emissions
        self._vocabulary = vocabulary
        self._within, self._between, self._unknown = (len(vocabulary) + i for i in range(3))

    def locate(self, words: Sequence[_Located]) -> None:
        """Finds the frames of every word; words that are not spoken have none."""
        tokens = [word.tokens or [self._unknown] for word in words]
        counts = np.array([len(found) for found in tokens], dtype=np.int64)
        firsts = np.concatenate(([0], np.cumsum(counts)))
        labels = np.concatenate([np.asarray(found, dtype=np.int32) for found in tokens])
        frames = len(self._emissions)
        cuts: list[tuple[int, int]] = []
        if frames * len(labels) > _CUT_ABOVE:
            greedy = greedy_tokens(self._emissions, self._vocabulary)
            cuts = cut_points(greedy, labels.astype(np.int64), firsts[:-1], min_frames=_CUT_FRAMES)
        edges = [(0, 0), *cuts, (len(words), frames)]
        self._check_size(edges, firsts)
        for (word, frame), (next_word, next_frame) in pairwise(edges):
            self._locate_piece(words[word:next_word], counts[word:next_word], frame, next_frame)

    def _check_size(self, edges: Sequence[tuple[int, int]], firsts: Frames) -> None:
        cells = max(
            (frame - start) * int(firsts[word] - firsts[first])
            for (first, start), (word, frame) in pairwise(edges)
        )
        if cells > _MAX_CELLS:
            raise UnalignableError(
                "The text and the audio are long and have too little in common to be aligned; "
                "send the part of the text that is spoken"
            )

    def _locate_piece(
        self, words: Sequence[_Located], counts: Frames, start: int, stop: int
    ) -> None:
        labels = np.concatenate(
            [np.asarray(word.tokens or [self._unknown], dtype=np.int32) for word in words]
        )
        firsts = np.concatenate(([0], np.cumsum(counts)))
        scores = self._scores(start, stop)
        path = best_path(
            Trellis(
                scores=scores,
                labels=labels,
                gaps=self._gaps(len(labels), firsts),
                adjoining=np.diff(labels, prepend=labels[:1]) != 0,
                jump_gaps=firsts.astype(np.int32),
                jump_scores=-(_OMITTED_TOKEN * counts + _OMITTED_WORD).astype(np.float32),
            )
        )
        spans = self._spans(path, labels, start, stop)
        for word, first, past in zip(words, firsts.tolist(), firsts[1:].tolist(), strict=False):
            if spans.stops[first] > spans.starts[first]:
                word.place(spans, first, past, start)

    def choose_verbalisations(self, words: Sequence[_Located]) -> None:
        """Chooses the verbalisations of every run of words with several, or with none."""
        index = 0
        while index < len(words):
            past = index
            while past < len(words) and not words[past].word.certain:
                past += 1
            if past > index:
                before = next((word.stops[-1] for word in reversed(words[:index]) if word.stops), 0)
                after = next((word.starts[0] for word in words[past:] if word.starts), None)
                self._choose(
                    words[index:past], before, len(self._emissions) if after is None else after
                )
            index = max(past, index + 1)

    def _choose(self, run: Sequence[_Located], start: int, stop: int) -> None:
        if stop <= start or not all(located.word.verbalisations for located in run):
            return
        scores = self._scores(start, stop)
        best = float(scores[:, self._between].sum())
        for style in range(max(len(located.word.verbalisations) for located in run)):
            styles = [
                located.word.verbalisations[min(style, len(located.word.verbalisations) - 1)]
                for located in run
            ]
            spelled = [[token for part in parts for token in part.tokens] for parts in styles]
            counts = np.array([len(tokens) for tokens in spelled])
            firsts = np.concatenate(([0], np.cumsum(counts)))
            labels = np.concatenate(spelled).astype(np.int32)
            trellis = Trellis(
                scores=scores,
                labels=labels,
                gaps=self._gaps(len(labels), firsts),
                adjoining=np.diff(labels, prepend=labels[:1]) != 0,
                jump_gaps=np.zeros(0, np.int32),
                jump_scores=np.zeros(0, np.float32),
            )
            try:
                path = best_path(trellis)
            except ValueError:
                continue
            total = float(trellis.path_scores(path).sum())
            # Speaking these words may cost as much as omitting them would.
            total += _OMITTED_TOKEN * len(labels) + _OMITTED_WORD * len(run)
            if total > best:
                best = total
                spans = self._spans(path, labels, start, stop)
                for located, parts, first, past in zip(
                    run, styles, firsts.tolist(), firsts[1:].tolist(), strict=False
                ):
                    located.use(parts)
                    located.place(spans, first, past, start)

    def _spans(self, path: Indexes, labels: Indexes, start: int, stop: int) -> Spans:
        # A word that cannot be spelled has no probability of its own; its score is not used.
        known = np.minimum(labels, len(self._vocabulary) - 1)
        return token_spans(path, self._emissions[start:stop], known)

    def _gaps(self, tokens: int, firsts: Frames) -> NDArray[np.int32]:
        gaps = np.full(tokens + 1, self._within, dtype=np.int32)
        gaps[firsts] = self._between
        return gaps

    def _scores(self, start: int, stop: int) -> NDArray[np.float32]:
        """Returns columns for tokens, for gaps within and between words, and for unknown words."""
        known = relative_scores(with_gaps(self._emissions[start:stop], self._vocabulary))
        known[:, self._between] = np.maximum(known[:, self._between], -_EXTRA_FRAME)
        # A little below the blank, so that silence belongs to the gap beside the word.
        unknown = np.maximum(known[:, self._within] - _UNKNOWN_FRAME / 10, -_UNKNOWN_FRAME)
        return np.column_stack((known, unknown))


def _drop_islands(words: Sequence[_Located]) -> None:
    """Discards the few short words that are found by chance amid many that are not."""
    index = 0
    while index < len(words):
        past = index
        while past < len(words) and words[past].found:
            past += 1
        if past > index:
            tokens = sum(len(word.tokens) for word in words[index:past])
            before, after = (
                words[max(index - _SURROUNDING, 0) : index],
                words[past : past + _SURROUNDING],
            )
            alone = all(
                len(side) == _SURROUNDING and not any(word.found for word in side)
                for side in (before, after)
            )
            if tokens < _MIN_ISLAND and alone:
                for word in words[index:past]:
                    word.discard()
        index = max(past, index + 1)


def _timed(
    words: Sequence[_Located],
    vocabulary: Vocabulary,
    frame_seconds: float,
    duration: float,
    rule: BoundaryRule,
) -> tuple[AlignedWord, ...]:
    placed = [word for word in words if word.starts]
    starts, ends = place_words(
        np.array([word.starts[0] for word in placed]) * frame_seconds,
        np.array([word.stops[-1] for word in placed]) * frame_seconds,
        ["".join(vocabulary.tokens[token] for token in word.tokens) for word in placed],
        duration=duration,
        rule=rule,
    )
    times = iter(zip(starts.tolist(), ends.tolist(), strict=True))
    aligned: list[AlignedWord] = []
    for word in words:
        if not word.starts:
            aligned.append(AlignedWord(word.word.text, None, None, 0.0, found=False, characters=()))
            continue
        start, end = next(times)
        parts = _parts(word, start, end, frame_seconds)
        aligned.append(AlignedWord(word.word.text, start, end, word.score, word.found, parts))
    return tuple(aligned)


def _parts(
    word: _Located, start: float, end: float, frame_seconds: float
) -> tuple[AlignedCharacter, ...]:
    """Returns the characters side by side: two meet in the middle between their frames."""
    parts: list[AlignedCharacter] = []
    begin = start
    past = 0
    for part in word.verbalisation:
        past += len(part.tokens)
        finish = end
        if past < len(word.starts):
            middle = (word.stops[past - 1] + word.starts[past]) / 2 * frame_seconds
            finish = min(max(middle, start), end)
        parts.append(AlignedCharacter(part.text, begin, finish))
        begin = finish
    return tuple(parts)
