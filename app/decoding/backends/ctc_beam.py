"""Beam search by ctc-beam-decoder 0.2: pyctcdecode's search in C++, without the GIL."""

from importlib.util import find_spec

from ctc_beam_decoder import BeamSearchDecoder

from app.decoding.backends.library_backend import LibraryBackend
from app.decoding.backends.types import Library, LibraryHypothesis
from app.decoding.columns import Alphabet, Columns
from app.decoding.language_model import LanguageModel
from app.decoding.types import DecodingOptions
from app.errors import InvalidRequestError


def open_backend(alphabet: Alphabet, language_model: LanguageModel | None) -> LibraryBackend:
    """Returns a search over this alphabet."""
    return LibraryBackend(alphabet, CtcBeamLibrary(alphabet.labels, language_model))


class CtcBeamLibrary:
    """The library's search, which has one weight for all hotwords; others use pyctcdecode."""

    def __init__(self, labels: tuple[str, ...], language_model: LanguageModel | None) -> None:
        self._labels = labels
        self._language_model = language_model
        self._without_model = BeamSearchDecoder(list(labels)) if language_model is None else None

    def search(self, columns: Columns, options: DecodingOptions) -> list[LibraryHypothesis]:
        """Returns the hypotheses, best first."""
        hotwords = options.hotword_weights()
        weights = set(hotwords.values())
        if len(weights) > 1:
            return self._several_weights().search(columns, options)
        beams = self._decoder(options).decode_beams(
            columns,
            beam_width=options.beam_width,
            beam_prune_logp=options.prune_logp,
            token_min_logp=options.min_token_logp,
            prune_history=False,
            hotwords=list(hotwords),
            hotword_weight=weights.pop() if weights else 0.0,
        )
        return [
            LibraryHypothesis(
                tuple(word for word, _ in words), tuple(frames for _, frames in words), score
            )
            for _, _, words, _, score in beams
        ]

    def _decoder(self, options: DecodingOptions) -> BeamSearchDecoder:
        if self._without_model is not None:
            return self._without_model
        language_model = self._language_model
        assert language_model is not None
        # The library fixes both weights when it reads the file, which it maps.
        return language_model.part(
            ("ctc-beam-decoder", self._labels, options.alpha, options.beta),
            lambda: self._open(language_model, options),
        )

    def _open(self, language_model: LanguageModel, options: DecodingOptions) -> BeamSearchDecoder:
        words = language_model.unigrams
        with language_model.private_copy() as path:
            return BeamSearchDecoder(
                list(self._labels),
                kenlm_model_path=path,
                unigrams=None if words is None else sorted(words),
                alpha=options.alpha,
                beta=options.beta,
                unk_score_offset=language_model.unk_score_offset,
                score_boundary=language_model.score_boundary,
            )

    def _several_weights(self) -> Library:
        if find_spec("pyctcdecode") is None:
            raise InvalidRequestError(
                "Without our compiled beam search, hotwords of different weights need the package "
                "pyctcdecode, which is not installed (pip install 'nordlyd[pyctcdecode]'); "
                "accepted: hotwords of one weight.",
                param="hotwords",
            )
        from app.decoding.backends.pyctc import PyctcdecodeLibrary  # noqa: PLC0415

        return PyctcdecodeLibrary(self._labels, self._language_model)
