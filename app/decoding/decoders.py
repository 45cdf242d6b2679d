"""What one request asks of decoding in, its readings out, by the model's own decoders.

A model's language models lie beside its checkpoint: `language_model/`, and any number of
`language_models/<name>/` that requests choose by name. Each is loaded once.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from app.decoding.backends import BackendName, available_backends
from app.decoding.beam import BeamDecoder
from app.decoding.confidence import Calibration, found_by, load_calibration
from app.decoding.forced import UnalignableError, align_text
from app.decoding.greedy import GreedyDecoder
from app.decoding.language_model import LanguageModel, load_language_model
from app.decoding.options import BeamOptions, Hotword
from app.decoding.types import Emissions, Hypothesis
from app.errors import InvalidRequestError
from app.transcript import AlignedWord
from app.vocabulary import Vocabulary

DecoderName = Literal["auto", "greedy", "beam", "greedy+lm"]

DEFAULT_LM = "default"
FUSED_GREEDY = BeamOptions(beam_width=8, prune_logp=-8.0, min_token_logp=-4.0)
"""A beam so narrow, over so few tokens, that it costs little more than the best path."""

_BEAMS_KEPT = 16
_FOLDER, _NAMED_FOLDER = "language_model", "language_models"


@dataclass(frozen=True, slots=True)
class DecodingRequest:
    """How one request wants its text read off the emissions; None takes the default.

    `auto` is a beam where the model has a language model or an option asks for a beam, and
    greedy otherwise. `lm` names one of the model's language models.
    """

    decoder: DecoderName = "auto"
    beam_width: int | None = None
    alpha: float | None = None
    beta: float | None = None
    prune_logp: float | None = None
    min_token_logp: float | None = None
    hotwords: tuple[Hotword, ...] = ()
    n_best: int = 1
    lm: str | None = None

    def beam_options(self) -> dict[str, Any]:
        """What is asked of a beam, by the names of `BeamOptions` and `lm`."""
        given = {
            "beam_width": self.beam_width,
            "alpha": self.alpha,
            "beta": self.beta,
            "prune_logp": self.prune_logp,
            "min_token_logp": self.min_token_logp,
            "hotwords": self.hotwords or None,
            "n_best": self.n_best if self.n_best > 1 else None,
            "lm": self.lm,
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Reading:
    """The hypotheses of one audio, best first, and what found them.

    `decoder` is greedy, beam or greedy+lm; `language_model` the name of the language model,
    None where none was used.
    """

    hypotheses: tuple[Hypothesis, ...]
    decoder: str
    language_model: str | None


class ModelDecoders:
    """All decoders of one model. Safe for threads; pickled by what it was opened with.

    Args:
        vocabulary: tokens of the checkpoint.
        folders: where language models and a calibration are looked for, the first that has one
            wins.
        backend: the library that searches beams.
        defaults: names and values of attributes that a language model lacks.

    Raises:
        ConfigurationError: the model's language model or calibration cannot be loaded, or the
            library is not installed.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        folders: Sequence[Path],
        backend: BackendName = "auto",
        defaults: tuple[tuple[str, float], ...] = (),
    ) -> None:
        self._opened_with = (vocabulary, tuple(folders), backend, defaults)
        self._defaults = dict(defaults)
        self._vocabulary = vocabulary
        self._backend: BackendName = backend
        self._greedy = GreedyDecoder(vocabulary)
        self._calibration: Calibration = load_calibration(folders)
        self._folders: dict[str, Path] = {}
        for folder in reversed(folders):
            if (folder / _FOLDER).is_dir():
                self._folders[DEFAULT_LM] = folder / _FOLDER
            named = folder / _NAMED_FOLDER
            self._folders |= {path.name: path for path in _subfolders(named)}
        self._loaded: dict[str, LanguageModel] = {}
        self._beams: OrderedDict[tuple[BeamOptions, int], BeamDecoder] = OrderedDict()
        self._lock = Lock()
        # What cannot work is told now, not with the first request.
        BeamDecoder(vocabulary, BeamOptions(), self._language_model(None), backend=backend)

    def __reduce__(self) -> tuple[Any, ...]:
        return open_decoders, self._opened_with

    @property
    def backend(self) -> str:
        """The library that searches beams."""
        return available_backends()[0] if self._backend == "auto" else self._backend

    @property
    def language_models(self) -> tuple[str, ...]:
        """Names that a request may choose."""
        return tuple(sorted(self._folders))

    def check(self, request: DecodingRequest) -> None:
        """Do nothing for a request that can be served.

        Raises:
            InvalidRequestError: it names an unknown language model, an option is out of its
                range, or it asks a beam's options of the greedy decoder.
        """
        asked = request.beam_options()
        if request.decoder == "greedy" and asked:
            name = next(iter(asked))
            raise InvalidRequestError(
                f"{name} needs a beam; accepted with it: decoder auto, beam or greedy+lm.",
                param=name,
            )
        if request.lm is not None and request.lm not in self._folders:
            accepted = ", ".join(self.language_models) or "none, this model has no language model"
            raise InvalidRequestError(f"lm is {request.lm!r}; accepted: {accepted}.", param="lm")
        try:
            _options(request)
        except ValueError as error:
            text = str(error)
            name = text.split(" ", maxsplit=1)[0]
            raise InvalidRequestError(
                f"{text}.", param=name if name in asked else "hotwords"
            ) from None

    def read(
        self,
        emissions: Emissions,
        request: DecodingRequest,
        *,
        frame_seconds: float,
        duration: float,
    ) -> Reading:
        """Decode one audio.

        Args:
            emissions: float array [frames, vocabulary] of natural-log probabilities.
            request: how.
            frame_seconds: length of one frame in seconds.
            duration: length of the audio in seconds; no word ends after it.

        Raises:
            InvalidRequestError: as `check`.
            ValueError: the emissions do not fit the vocabulary or are not numbers.
        """
        self.check(request)
        times = {"frame_seconds": frame_seconds, "duration": duration}
        asked = request.beam_options()
        has_model = bool(self._folders) and (request.lm or DEFAULT_LM) in self._folders
        fused = request.decoder == "greedy+lm"
        wanted = request.decoder == "beam" or bool(asked) or has_model
        if request.decoder == "greedy" or not wanted:
            return self._calibrated(
                (self._greedy.decode(emissions, **times),), "greedy", None, duration
            )
        language_model = self._language_model(request.lm)
        decoder = self._beam(_options(request), language_model)
        return self._calibrated(
            tuple(decoder.n_best(emissions, **times)),
            "greedy+lm" if fused else "beam",
            (request.lm or DEFAULT_LM) if language_model else None,
            duration,
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
        """Find every word of a text in one audio, with the model's own boundaries.

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

    def _calibrated(
        self,
        hypotheses: tuple[Hypothesis, ...],
        decoder: str,
        language_model: str | None,
        duration: float,
    ) -> Reading:
        name = found_by(decoder, language_model)
        return Reading(
            tuple(self._calibration.apply(item, name, duration=duration) for item in hypotheses),
            decoder,
            language_model,
        )

    def _beam(self, options: BeamOptions, language_model: LanguageModel | None) -> BeamDecoder:
        """A decoder for these options; the last few are kept."""
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

    def _language_model(self, name: str | None) -> LanguageModel | None:
        name = name or DEFAULT_LM
        folder = self._folders.get(name)
        if folder is None:
            return None
        with self._lock:
            if name not in self._loaded:
                loaded = load_language_model(folder, self._defaults)
                loaded.require_letters_of(self._vocabulary)
                self._loaded[name] = loaded
            return self._loaded[name]


@lru_cache(maxsize=32)
def open_decoders(
    vocabulary: Vocabulary,
    folders: tuple[Path, ...],
    backend: BackendName = "auto",
    defaults: tuple[tuple[str, float], ...] = (),
) -> ModelDecoders:
    """Open a model's decoders; the same arguments give the same object, in each process."""
    return ModelDecoders(vocabulary, folders, backend, defaults)


def _options(request: DecodingRequest) -> BeamOptions:
    base = FUSED_GREEDY if request.decoder == "greedy+lm" else BeamOptions()
    asked = request.beam_options()
    asked.pop("lm", None)
    return replace(base, **asked)


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
