"""The decoders of one model, from emissions and the options of a request to hypotheses.

A model's language models are stored beside its checkpoint: `language_model/`, and any number of
`language_models/<name>/` that requests choose by name. Each is loaded once.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from app.contract.answers import AlignedWord, mean_confidence
from app.decoding.backends import BackendName, available_backends
from app.decoding.beam import BeamDecoder
from app.decoding.calibration import Calibration, curve_name, load_calibration
from app.decoding.forced import UnalignableError, align_text
from app.decoding.greedy import GreedyDecoder
from app.decoding.language_model import LanguageModel
from app.decoding.language_models import DEFAULT_LM, LanguageModels, damaged_error
from app.decoding.types import (
    DecodingOptions,
    Emissions,
    Hypothesis,
    InvalidOptionError,
    SpeechScore,
)
from app.errors import ConfigurationError, InvalidRequestError
from app.vocabulary import Vocabulary

_BEAMS_KEPT = 16


def check_options(
    options: DecodingOptions, language_models: Sequence[str], damaged: Sequence[str]
) -> None:
    """Returns if a model can be decoded so.

    Args:
        options: of the request.
        language_models: names that a request may choose.
        damaged: names of those that could not be loaded.

    Raises:
        InvalidRequestError: the language model does not exist, an option is out of its range, or
            an option of the beam search is given with the greedy decoder.
        LanguageModelError: the language model could not be loaded before.
    """
    given = options.given_beam_options()
    if options.decoder == "greedy" and given:
        raise InvalidRequestError(
            f"{given[0]} needs a beam; accepted with it: decoder auto, beam or greedy+lm.",
            param=given[0],
        )
    if options.lm is not None and options.lm in damaged:
        raise damaged_error(options.lm, language_models)
    if options.lm is not None and options.lm not in language_models:
        accepted = ", ".join(language_models) or "none, this model has no language model"
        raise InvalidRequestError(f"lm is {options.lm!r}; accepted: {accepted}.", param="lm")
    try:
        options.resolve()
    except InvalidOptionError as error:
        raise InvalidRequestError(f"{error}.", param=error.option) from None


class ModelDecoders:
    """All decoders of one model. Thread-safe; pickled as the arguments it was created with.

    Args:
        vocabulary: tokens of the checkpoint.
        folders: are searched for language models and a calibration; the first that has one wins.
        backend: the implementation of the beam search.
        defaults: names and values of attributes that a language model lacks.

    Raises:
        ConfigurationError: the model's language model or calibration cannot be loaded, or the
            backend is not installed.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        folders: Sequence[Path],
        backend: BackendName = "auto",
        defaults: tuple[tuple[str, float], ...] = (),
    ) -> None:
        self._opened_with = (vocabulary, tuple(folders), backend, defaults)
        self._vocabulary = vocabulary
        self._backend: BackendName = backend
        self._greedy = GreedyDecoder(vocabulary)
        self._calibration: Calibration = load_calibration(folders)
        self._language_models = LanguageModels(folders, vocabulary, dict(defaults))
        self._beams: OrderedDict[tuple[DecodingOptions, int], BeamDecoder] = OrderedDict()
        self._lock = Lock()
        # Fails at startup rather than with the first request.
        self._beam(DecodingOptions(), self._language_models.load(DEFAULT_LM))

    def __reduce__(self) -> tuple[Any, ...]:
        return open_decoders, self._opened_with

    @property
    def backend(self) -> str:
        """Name of the implementation of the beam search."""
        return available_backends()[0] if self._backend == "auto" else self._backend

    @property
    def language_models(self) -> tuple[str, ...]:
        """Names that a request may choose."""
        return self._language_models.names

    @property
    def damaged_language_models(self) -> tuple[str, ...]:
        """Names of those that could not be loaded when a request chose them."""
        return self._language_models.damaged

    def check(self, options: DecodingOptions) -> None:
        """Returns if a request with these options can be served.

        Raises:
            InvalidRequestError: the language model does not exist, an option is out of its range,
                or an option of the beam search is given with the greedy decoder.
            LanguageModelError: the language model could not be loaded before.
        """
        check_options(options, self.language_models, self.damaged_language_models)

    def decode(
        self,
        emissions: Emissions,
        options: DecodingOptions,
        *,
        frame_seconds: float,
        duration: float,
    ) -> tuple[Hypothesis, ...]:
        """Decodes one audio.

        Args:
            emissions: float array [frames, vocabulary] of natural-log probabilities.
            options: of the request.
            frame_seconds: length of one frame in seconds.
            duration: length of the audio in seconds; no word ends after it.

        Returns:
            At least one and at most `n_best` hypotheses, best first.

        Raises:
            InvalidRequestError: as `check`.
            LanguageModelError: the language model cannot be loaded.
            ValueError: the emissions do not fit the vocabulary or are not finite.
        """
        self.check(options)
        name = options.lm or DEFAULT_LM
        needs_beam = options.decoder == "beam" or options.given_beam_options()
        hypotheses: Sequence[Hypothesis]
        if options.decoder == "greedy" or not (needs_beam or name in self._language_models):
            hypotheses = [
                self._greedy.decode(emissions, frame_seconds=frame_seconds, duration=duration)
            ]
        else:
            found = self._search(options, name).n_best(
                emissions, frame_seconds=frame_seconds, duration=duration
            )
            used = name if name in self._language_models else None
            hypotheses = [replace(hypothesis, language_model=used) for hypothesis in found]
        return tuple(self._calibration.apply(item, duration=duration) for item in hypotheses)

    def known_words(self, words: Iterable[str]) -> frozenset[str]:
        """Returns the words that the model's language model lists; all where there is no list."""
        language_model = self._language_models.load(DEFAULT_LM)
        listed = None if language_model is None else language_model.unigrams
        return frozenset(words) if listed is None else listed.intersection(words)

    def score_speech(
        self, emissions: Emissions, *, frame_seconds: float, duration: float
    ) -> SpeechScore:
        """Scores one audio, decoded with the model's defaults; arguments and errors as `decode`.

        Args:
            emissions: float array [frames, vocabulary] of natural-log probabilities.
            frame_seconds: length of one frame in seconds.
            duration: length of the audio in seconds, above 0, nearly all of which is speech.
        """
        best = self.decode(
            emissions, DecodingOptions(), frame_seconds=frame_seconds, duration=duration
        )[0]
        decoder, score = curve_name(best), best.score / duration
        usual = self._calibration.scores.get(decoder)
        return SpeechScore(
            decoder,
            score,
            deviation=None if usual is None else score - usual,
            confidence=mean_confidence(best.words) or 0.0,
        )

    def align(
        self,
        emissions: Emissions,
        text: str,
        language: str | None,
        *,
        frame_seconds: float,
        duration: float,
    ) -> tuple[AlignedWord, ...]:
        """Aligns a text to one audio, with the model's own word boundaries.

        Args:
            emissions: float array [frames, vocabulary] of natural-log probabilities.
            text: as it was written.
            language: of the text, for numbers.
            frame_seconds: length of one frame in seconds.
            duration: length of the audio in seconds; no word ends after it.

        Raises:
            InvalidRequestError: text and audio are so long and so different that it would take
                minutes.
            ValueError: the emissions do not fit the vocabulary or are not numbers.
        """
        try:
            return align_text(
                emissions,
                text,
                self._vocabulary,
                frame_seconds=frame_seconds,
                duration=duration,
                language=language,
                rule=self._calibration.boundaries,
            )
        except UnalignableError as error:
            raise InvalidRequestError(f"{error}.", param="text") from None

    def _search(self, options: DecodingOptions, name: str) -> BeamDecoder:
        """Returns a decoder with these options and the language model of a name, if there is one.

        Raises:
            LanguageModelError: the language model cannot be loaded.
        """
        try:
            return self._beam(options, self._language_models.load(name))
        except ConfigurationError as error:
            if name not in self._language_models:
                raise
            raise self._language_models.note_damaged(name, error) from error

    def _beam(self, options: DecodingOptions, language_model: LanguageModel | None) -> BeamDecoder:
        """Returns a decoder with these options; the most recently used ones are cached."""
        key = (options, id(language_model))
        with self._lock:
            if key not in self._beams:
                self._beams[key] = BeamDecoder(
                    self._vocabulary, options, language_model, backend=self._backend
                )
            self._beams.move_to_end(key)
            while len(self._beams) > _BEAMS_KEPT:
                self._beams.popitem(last=False)
            return self._beams[key]


@lru_cache(maxsize=32)
def open_decoders(
    vocabulary: Vocabulary,
    folders: tuple[Path, ...],
    backend: BackendName = "auto",
    defaults: tuple[tuple[str, float], ...] = (),
) -> ModelDecoders:
    """Returns a model's decoders; the same object for the same arguments, within a process."""
    return ModelDecoders(vocabulary, folders, backend, defaults)
