"""Properties of a beam search on arbitrary emissions."""

from pathlib import Path

import numpy as np
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from ngrams import write_language_model

from app.contract.options import MIN_PRUNE_LOGP, MIN_TOKEN_LOGP
from app.decoding import (
    BeamDecoder,
    DecodingOptions,
    Hotword,
    Hypothesis,
    LanguageModel,
    available_backends,
    load_language_model,
)
from app.vocabulary import Vocabulary

VOCABULARY = Vocabulary(("_", "|", "a", "b", "é", "<s>"), 0, 1, frozenset({0, 5}))
FRAME = 0.02
HOTWORDS = (Hotword("ab", 4.0), Hotword("ba é", 9.0))
EVERYTHING = DecodingOptions(
    beam_width=2000, prune_logp=MIN_PRUNE_LOGP, min_token_logp=MIN_TOKEN_LOGP, n_best=100
)

quick = settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def emissions(frames: st.SearchStrategy[int]) -> st.SearchStrategy[np.ndarray]:
    """Any finite float32 [frames, vocabulary]; they need not be log-probabilities."""
    values = st.floats(-30, 30, width=32) | st.sampled_from([0.0, -1.0, -4.0, -30.0])
    return frames.flatmap(
        lambda count: arrays.arrays(np.float32, (count, len(VOCABULARY)), elements=values)
    )


@pytest.fixture(scope="module", params=[False, True], ids=["alone", "with a language model"])
def language_model(request, tmp_path_factory: pytest.TempPathFactory) -> LanguageModel | None:
    if not request.param:
        return None
    folder: Path = tmp_path_factory.mktemp("lm") / "ab"
    return load_language_model(write_language_model(folder, ["ab ba", "é ab a", "bab"], order=2))


def search(
    options: DecodingOptions,
    values: np.ndarray,
    language_model: LanguageModel | None,
    backend="auto",
) -> list[Hypothesis]:
    decoder = BeamDecoder(VOCABULARY, options, language_model, backend=backend)
    return decoder.n_best(values, frame_seconds=FRAME, duration=len(values) * FRAME)


@quick
@given(emissions(st.integers(1, 3)))
def test_probabilities_of_an_unpruned_search_sum_to_one(values: np.ndarray) -> None:
    found = search(EVERYTHING, values, None)
    assert np.exp([hypothesis.score for hypothesis in found]).sum() == pytest.approx(1, abs=1e-4)


@quick
@given(emissions(st.integers(0, 30)))
def test_hypotheses_are_sorted_distinct_and_repeatable(
    language_model: LanguageModel | None, values: np.ndarray
) -> None:
    found = search(DecodingOptions(n_best=10, hotwords=HOTWORDS), values, language_model)
    scores = [hypothesis.score for hypothesis in found]
    texts = [hypothesis.text for hypothesis in found]
    assert 1 <= len(found) <= 10
    assert scores == sorted(scores, reverse=True)
    assert len(set(texts)) == len(texts)
    assert found == search(DecodingOptions(n_best=10, hotwords=HOTWORDS), values, language_model)
    decoder = BeamDecoder(VOCABULARY, DecodingOptions(hotwords=HOTWORDS), language_model)
    seconds = len(values) * FRAME
    once, again = (decoder.decode(values, frame_seconds=FRAME, duration=seconds) for _ in range(2))
    assert once == again


@quick
@given(emissions(st.integers(0, 30)))
def test_words_are_in_order_within_the_audio_and_spell_the_text(
    language_model: LanguageModel | None, values: np.ndarray
) -> None:
    for hypothesis in search(DecodingOptions(n_best=3), values, language_model):
        times = [time for word in hypothesis.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert all(0 <= time <= len(values) * FRAME + 1e-9 for time in times)
        assert all(0 <= word.confidence <= 1 for word in hypothesis.words)
        assert " ".join(word.word for word in hypothesis.words) == hypothesis.text


@quick
@given(emissions(st.integers(1, 30)))
def test_hotword_of_weight_0_does_not_change_the_result(
    language_model: LanguageModel | None, values: np.ndarray
) -> None:
    weightless = DecodingOptions(n_best=5, hotwords=(Hotword("ab", 0.0), Hotword("é", 0.0)))
    assert search(weightless, values, language_model) == search(
        DecodingOptions(n_best=5), values, language_model
    )


@pytest.mark.parametrize("backend", [name for name in available_backends() if name != "native"])
@settings(quick, max_examples=examples(15))
@given(values=emissions(st.integers(1, 4)))
def test_native_search_scores_equal_those_of_the_libraries(
    language_model: LanguageModel | None, backend, values: np.ndarray
) -> None:
    """So wide a beam that no tie is cut off."""
    alike = (Hotword("ab", 4.0), Hotword("ba é", 4.0))
    prune_logp = -10.0
    options = DecodingOptions(n_best=100, beam_width=2000, prune_logp=prune_logp, hotwords=alike)
    ours = {found.text: found.score for found in search(options, values, language_model, "native")}
    theirs = search(options, values, language_model, backend)
    best = theirs[0]
    if language_model is None:
        assert ours[best.text] == pytest.approx(max(ours.values()), abs=1e-3)
        assert ours[best.text] == pytest.approx(best.score, abs=1e-3)
    else:
        # They score a delimiter at the very end as an unknown word, so their best may lie lower.
        assert max(ours.values()) >= best.score - 1e-3
        # It is gone from ours where it is that far below our best.
        assert ours.get(best.text, max(ours.values()) + prune_logp) >= best.score - 1e-3
