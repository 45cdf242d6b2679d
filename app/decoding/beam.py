"""Emissions in, the best readings out: CTC prefix beam search with an n-gram language model.

Prefix beam search after Hannun et al. 2014, "First-pass large vocabulary continuous speech
recognition using bi-directional recurrent DNNs", with pyctcdecode's scores and pruning.
"""

from collections.abc import Mapping, Sequence

from app.decoding.backends import BackendName, Candidate, Search, open_backend
from app.decoding.columns import Alphabet
from app.decoding.language_model import LanguageModel
from app.decoding.options import BeamOptions
from app.decoding.types import Emissions, Hypothesis, check_emissions
from app.transcript import Word
from app.vocabulary import Vocabulary


class BeamDecoder:
    """Beam-search CTC decoder for one vocabulary, language model and set of options.

    Cheap to make: what is heavy belongs to the language model and is shared. Special tokens
    and white space are read as `GreedyDecoder` reads them. Word times and confidences are those of
    the words' most probable path (`word_times`).

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
        alphabet = Alphabet.of(vocabulary)
        self._width = len(vocabulary)
        self._options = options
        self._hotwords = _in_case_of(alphabet.labels, options.hotword_weights())
        self._language_model = language_model
        self._backend = open_backend(backend, alphabet, language_model)

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
        check_emissions(emissions, self._width, frame_seconds=frame_seconds, duration=duration)
        if len(emissions) == 0:
            return [Hypothesis("", (), 0.0)]
        candidates = self._backend.search(emissions, self._request(count))
        best: dict[tuple[str, ...], Candidate] = {}
        for candidate in sorted(candidates, key=lambda found: -found.score):
            best.setdefault(candidate.words, candidate)
        return [
            _hypothesis(candidate, frame_seconds, duration)
            for candidate in list(best.values())[:count]
        ] or [Hypothesis("", (), 0.0)]

    def _request(self, count: int) -> Search:
        options, language_model = self._options, self._language_model
        alpha = language_model.alpha if language_model else 0.0
        beta = language_model.beta if language_model else 0.0
        return Search(
            beam_width=options.beam_width,
            alpha=alpha if options.alpha is None else options.alpha,
            beta=beta if options.beta is None else options.beta,
            prune_logp=options.prune_logp,
            min_token_logp=options.min_token_logp,
            hotwords=self._hotwords,
            prune_history=False,
            n_best=count,
        )


def _hypothesis(candidate: Candidate, frame_seconds: float, duration: float) -> Hypothesis:
    words = tuple(
        map(
            Word,
            candidate.words,
            [min(frame * frame_seconds, duration) for frame in candidate.starts],
            [min(frame * frame_seconds, duration) for frame in candidate.stops],
            candidate.posteriors,
        )
    )
    return Hypothesis(" ".join(candidate.words), words, candidate.score)


def _in_case_of(labels: Sequence[str], weights: Mapping[str, float]) -> dict[str, float]:
    """Hotwords as a vocabulary of one case can spell them."""
    letters = "".join(labels)
    if letters == letters.lower():
        return {word.lower(): weight for word, weight in weights.items()}
    if letters == letters.upper():
        return {word.upper(): weight for word, weight in weights.items()}
    return dict(weights)
