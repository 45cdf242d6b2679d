"""Emissions in, the best readings out: CTC prefix beam search with an n-gram language model.

Prefix beam search after Hannun et al. 2014, "First-pass large vocabulary continuous speech
recognition using bi-directional recurrent DNNs", with pyctcdecode's scores and pruning.
"""

from collections.abc import Sequence

import numpy as np

from app.decoding.backends import BackendName, Candidate, Search, open_backend
from app.decoding.columns import Alphabet, Columns
from app.decoding.language_model import LanguageModel
from app.decoding.options import BeamOptions
from app.decoding.types import Emissions, Hypothesis
from app.transcript import Word
from app.vocabulary import Vocabulary


class BeamDecoder:
    """Beam-search CTC decoder for one vocabulary, language model and set of options.

    Cheap to make: what is heavy belongs to the language model and is shared. Special tokens
    and white space are read as `GreedyDecoder` reads them.

    Args:
        vocabulary: tokens of the checkpoint.
        options: of the search; alpha and beta default to the language model's.
        language_model: None searches by emissions (and hotwords) alone.
        backend: the library that searches.

    Raises:
        ConfigurationError: the library is not installed.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        options: BeamOptions = BeamOptions(),  # noqa: B008 - frozen
        language_model: LanguageModel | None = None,
        *,
        backend: BackendName = "auto",
    ) -> None:
        self._alphabet = Alphabet.of(vocabulary)
        self._column = {label: index for index, label in enumerate(self._alphabet.labels)}
        self._options = options
        self._language_model = language_model
        self._backend = open_backend(backend, self._alphabet.labels, language_model)

    def decode(self, emissions: Emissions, *, frame_seconds: float, duration: float) -> Hypothesis:
        """Return the best hypothesis.

        Args:
            emissions: float array [frames, vocabulary] of natural-log probabilities; rows are
                normalised, 0 frames give an empty hypothesis.
            frame_seconds: length of one frame in seconds.
            duration: length of the audio in seconds; times beyond it are cut to it.

        Returns:
            A hypothesis whose score is the natural-log probability of its prefix in the beam,
            plus alpha times the language model's, beta a word, and the hotwords' weights.

        Raises:
            ValueError: wrong shape or width, NaN, infinity, or a frame with no probability.
        """
        return self._search(emissions, frame_seconds, duration, 1)[0]

    def n_best(
        self, emissions: Emissions, *, frame_seconds: float, duration: float
    ) -> list[Hypothesis]:
        """Return at least one and at most `n_best` hypotheses of different text, best first.

        Arguments and errors are those of `decode`.
        """
        return self._search(emissions, frame_seconds, duration, self._options.n_best)

    def _search(
        self, emissions: Emissions, frame_seconds: float, duration: float, count: int
    ) -> list[Hypothesis]:
        columns = self._alphabet.columns(emissions, frame_seconds=frame_seconds, duration=duration)
        if len(columns) == 0:
            return [Hypothesis("", (), 0.0)]
        candidates = self._backend.search(columns, self._request())
        best: dict[tuple[str, ...], Candidate] = {}
        for candidate in sorted(candidates, key=lambda found: -found.score):
            best.setdefault(candidate.words, candidate)
        return [
            self._hypothesis(candidate, columns, frame_seconds, duration)
            for candidate in list(best.values())[:count]
        ] or [Hypothesis("", (), 0.0)]

    def _request(self) -> Search:
        options, language_model = self._options, self._language_model
        alpha = language_model.alpha if language_model else 0.0
        beta = language_model.beta if language_model else 0.0
        return Search(
            beam_width=options.beam_width,
            alpha=alpha if options.alpha is None else options.alpha,
            beta=beta if options.beta is None else options.beta,
            prune_logp=options.prune_logp,
            min_token_logp=options.min_token_logp,
            hotwords=options.hotword_weights(),
            prune_history=False,
        )

    def _hypothesis(
        self, candidate: Candidate, columns: Columns, frame_seconds: float, duration: float
    ) -> Hypothesis:
        words: list[Word] = []
        earliest = 0
        for text, (first, past) in zip(candidate.words, candidate.frames, strict=True):
            start = min(max(first, earliest), len(columns) - 1)
            end = min(max(past, start + 1), len(columns))
            earliest = end
            words.append(
                Word(
                    text,
                    min(start * frame_seconds, duration),
                    min(end * frame_seconds, duration),
                    self._confidence(text, columns[start:end]),
                )
            )
        return Hypothesis(" ".join(candidate.words), tuple(words), candidate.score)

    def _confidence(self, text: str, columns: Columns) -> float:
        """Geometric mean of the highest probability each character reaches in the word."""
        found: Sequence[int] = [self._column[char] for char in text if char in self._column]
        if not found:
            return 0.0
        return float(np.exp(columns[:, found].max(axis=0).mean()))
