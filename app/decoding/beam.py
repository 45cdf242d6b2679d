"""CTC prefix beam search with an n-gram language model.

Prefix beam search after Hannun et al. 2014, "First-pass large vocabulary continuous speech
recognition using bi-directional recurrent DNNs", with pyctcdecode's scores and pruning.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from app.contract.answers import Word
from app.decoding.backends import BackendName, Candidate, open_backend
from app.decoding.columns import Alphabet
from app.decoding.language_model import LanguageModel
from app.decoding.types import DecodingOptions, Emissions, Hypothesis, check_emissions
from app.vocabulary import Vocabulary


class BeamDecoder:
    """Beam-search CTC decoder for one vocabulary, language model and set of options.

    Cheap to create: the language model holds what is expensive, and is shared. Special tokens
    and white space are treated as in `GreedyDecoder`. Word times and confidences are those of the
    words' most probable path (`word_times`).

    Args:
        vocabulary: tokens of the checkpoint.
        options: of the search; alpha and beta default to the language model's.
        language_model: None searches by emissions (and hotwords) alone.
        backend: the implementation of the search.

    Raises:
        ConfigurationError: the backend is not installed.
        InvalidOptionError: an option is out of its range.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        options: DecodingOptions = DecodingOptions(),  # noqa: B008 - frozen
        language_model: LanguageModel | None = None,
        *,
        backend: BackendName = "auto",
    ) -> None:
        alphabet = Alphabet.of(vocabulary)
        resolved = (
            options.resolve(alpha=language_model.alpha, beta=language_model.beta)
            if language_model
            else options.resolve()
        )
        self._width = len(vocabulary)
        self._options = resolved.map_hotwords(_case_of(alphabet.labels))
        self._decoder = "greedy+lm" if options.decoder == "greedy+lm" else "beam"
        self._backend = open_backend(backend, alphabet, language_model)

    def decode(self, emissions: Emissions, *, frame_seconds: float, duration: float) -> Hypothesis:
        """Returns the best hypothesis.

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
        """Returns at least one and at most `n_best` hypotheses of different text, best first.

        Arguments and errors are those of `decode`.
        """
        return self._search(emissions, frame_seconds, duration, self._options.n_best)

    def _search(
        self, emissions: Emissions, frame_seconds: float, duration: float, count: int
    ) -> list[Hypothesis]:
        check_emissions(emissions, self._width, frame_seconds=frame_seconds, duration=duration)
        empty = [Hypothesis("", (), 0.0, self._decoder)]
        if len(emissions) == 0:
            return empty
        candidates = self._backend.search(emissions, replace(self._options, n_best=count))
        best: dict[tuple[str, ...], Candidate] = {}
        for candidate in sorted(candidates, key=lambda found: -found.score):
            best.setdefault(candidate.words, candidate)
        return [
            self._hypothesis(candidate, frame_seconds, duration)
            for candidate in list(best.values())[:count]
        ] or empty

    def _hypothesis(
        self, candidate: Candidate, frame_seconds: float, duration: float
    ) -> Hypothesis:
        words = tuple(
            map(
                Word,
                candidate.words,
                [min(frame * frame_seconds, duration) for frame in candidate.starts],
                [min(frame * frame_seconds, duration) for frame in candidate.stops],
                candidate.posteriors,
            )
        )
        return Hypothesis(" ".join(candidate.words), words, candidate.score, self._decoder)


def _case_of(labels: Sequence[str]) -> Callable[[str], str]:
    """Returns what changes a hotword to the case of the vocabulary's letters."""
    letters = "".join(labels)
    if letters == letters.lower():
        return str.lower
    if letters == letters.upper():
        return str.upper
    return str
