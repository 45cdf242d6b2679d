"""The three beam searches on the demo model's emissions of 200 synthesised utterances."""

import random
from pathlib import Path

import numpy as np
import pytest
from ngrams import SENTENCES, write_language_model

from app.acoustic import load_checkpoint
from app.decoding import (
    BackendName,
    BeamDecoder,
    DecodingOptions,
    Hotword,
    Hypothesis,
    LanguageModel,
    load_language_model,
)
from app.vocabulary import Vocabulary
from trainer.recipe import load_recipe
from trainer.speech import utterances

DEMO = Path(__file__).resolve().parents[2] / "models" / "demo-nb"
COUNT = 200
FRAME = 0.02
HOTWORDS = tuple(Hotword(word, 6.0) for word in ("toget", "konge", "sjøen", "hevet", "ses"))


@pytest.fixture(scope="module")
def spoken() -> tuple[Vocabulary, list[np.ndarray]]:
    """Emissions of short sentences that the language model has only seen in parts."""
    choice = random.Random(0)
    words = sorted({word for sentence in SENTENCES for word in sentence.split()})
    sentences = [
        " ".join((*choice.choice(SENTENCES).split()[:2], choice.choice(words)))
        for _ in range(COUNT + 20)
    ]
    recipe = load_recipe("demo-nb").synthesis
    model = load_checkpoint(DEMO, dtype="float32")
    emissions = []
    for _, samples in utterances(sentences, recipe, split="test", seed=1):
        wave = samples.astype(np.float32)
        wave = (wave - wave.mean()) / (wave.std() + 1e-7)
        emissions.append(np.asarray(model.emissions([wave])[0]))
    assert len(emissions) >= COUNT
    return model.vocabulary, emissions[:COUNT]


@pytest.fixture(scope="module")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return load_language_model(write_language_model(tmp_path_factory.mktemp("lm") / "3gram"))


def read(
    spoken: tuple[Vocabulary, list[np.ndarray]],
    backend: BackendName,
    language_model: LanguageModel | None,
    hotwords: tuple[Hotword, ...],
) -> list[list[Hypothesis]]:
    vocabulary, emissions = spoken
    options = DecodingOptions(hotwords=hotwords, n_best=2)
    decoder = BeamDecoder(vocabulary, options, language_model, backend=backend)
    return [
        decoder.n_best(one, frame_seconds=FRAME, duration=len(one) * FRAME) for one in emissions
    ]


@pytest.mark.pyctcdecode
@pytest.mark.parametrize("with_model", [False, True], ids=["alone", "with a language model"])
@pytest.mark.parametrize("hotwords", [(), HOTWORDS], ids=["no hotwords", "hotwords"])
def test_all_backends_give_the_same_hypotheses(
    spoken, language_model: LanguageModel, with_model: bool, hotwords: tuple[Hotword, ...]
) -> None:
    model = language_model if with_model else None
    reference = read(spoken, "pyctcdecode", model, hotwords)
    assert len({found[0].text for found in reference}) > COUNT / 4
    for theirs, ours in zip(
        reference, read(spoken, "ctc-beam-decoder", model, hotwords), strict=True
    ):
        assert_same(ours, theirs)
    better = 0
    for theirs, ours in zip(reference, read(spoken, "native", model, hotwords), strict=True):
        if model is not None and ours[0].score > theirs[0].score + 1e-2:
            # The libraries charge a delimiter at the very end as an unknown word.
            better += 1
        else:
            assert_same(ours, theirs)
    assert better <= COUNT / 10


def assert_same(ours: list[Hypothesis], theirs: list[Hypothesis]) -> None:
    # Two hypotheses of one score may come out in either order.
    tie = len(theirs) > 1 and theirs[0].score - theirs[1].score < 1e-3
    assert ours[0].text == theirs[0].text or (tie and ours[0].text == theirs[1].text)
    assert ours[0].score == pytest.approx(theirs[0].score, abs=1e-2)
    if ours[0].text == theirs[0].text:
        # Word times follow from words and emissions alone.
        assert ours[0].words == theirs[0].words
