"""Beam search by pyctcdecode 0.5, the reference: pure Python, with KenLM's own module."""

import copy
from collections.abc import Mapping
from typing import Any

from pyctcdecode.alphabet import Alphabet as ReferenceAlphabet
from pyctcdecode.decoder import BeamSearchDecoderCTC
from pyctcdecode.language_model import HotwordScorer
from pyctcdecode.language_model import LanguageModel as ReferenceLanguageModel

from app.decoding.backends.library_backend import LibraryBackend
from app.decoding.backends.types import LibraryHypothesis
from app.decoding.columns import Alphabet, Columns
from app.decoding.language_model import LanguageModel
from app.decoding.scheduling import check_cancelled
from app.decoding.types import DecodingOptions


def open_backend(alphabet: Alphabet, language_model: LanguageModel | None) -> LibraryBackend:
    """Returns a search over this alphabet."""
    return LibraryBackend(alphabet, PyctcdecodeLibrary(alphabet.labels, language_model))


class PyctcdecodeLibrary:
    """pyctcdecode's search, with a weight for each hotword."""

    def __init__(self, labels: tuple[str, ...], language_model: LanguageModel | None) -> None:
        self._alphabet = ReferenceAlphabet(list(labels), is_bpe=False)
        self._language_model = (
            language_model.part("pyctcdecode", lambda: _reference(language_model))
            if language_model
            else None
        )

    def search(self, columns: Columns, options: DecodingOptions) -> list[LibraryHypothesis]:
        """Returns the hypotheses, best first."""
        weighted: Any = copy.copy(self._language_model)
        if weighted is not None:
            weighted.alpha, weighted.beta = options.alpha, options.beta
        decoder: Any = BeamSearchDecoderCTC(self._alphabet, weighted)
        try:
            # The public call has one weight for all hotwords, and would normalise once more.
            beams = decoder._decode_logits(
                columns,
                beam_width=options.beam_width,
                beam_prune_logp=options.prune_logp,
                token_min_logp=options.min_token_logp,
                prune_history=False,
                hotword_scorer=_WeightedHotwords.of(options.hotword_weights()),
            )
        finally:
            decoder.cleanup()
        return [
            LibraryHypothesis(
                tuple(word for word, _ in words),
                tuple((int(start), int(end)) for _, (start, end) in words),
                float(score),
            )
            for _, _, words, _, score in beams
        ]


class _WeightedHotwords(HotwordScorer):  # type: ignore[misc,unused-ignore]
    """pyctcdecode's scorer, with a weight for each word instead of one for all."""

    _weights: Mapping[str, float]

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> "_WeightedHotwords":
        base = HotwordScorer.build_scorer(weights.keys())
        scorer = cls(base._match_ptn, base._char_trie)
        scorer._weights = weights
        return scorer

    def score(self, text: str) -> float:
        return sum(self._weights[word] for word in self._match_ptn.findall(text))

    def __contains__(self, item: str) -> bool:
        # Called for every word prefix: the only hook of ours within the search.
        check_cancelled()
        return bool(super().__contains__(item))

    def score_partial_token(self, token: str) -> float:
        if token not in self:
            return 0.0
        shortest = next(self._char_trie.iterkeys(token, shallow=True))
        return self._weights[shortest] * len(token) / len(shortest)


def _reference(language_model: LanguageModel) -> ReferenceLanguageModel:
    return ReferenceLanguageModel(
        language_model.model,
        language_model.unigrams,
        unk_score_offset=language_model.unk_score_offset,
        score_boundary=language_model.score_boundary,
    )
