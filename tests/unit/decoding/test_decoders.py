"""The decoders of a model: which one serves a request, with which language model."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import structlog
from emitted import FRAME, VOCABULARY, emit
from ngrams import write_language_model

from app.decoding import (
    DecodingOptions,
    Hotword,
    Hypothesis,
    ModelDecoders,
    SpeechScore,
    open_decoders,
)
from app.decoding.backends import available_backends
from app.decoding.calibration import (
    CALIBRATION_NAME,
    Calibration,
    calibration_data,
)
from app.errors import ConfigurationError, InvalidRequestError, LanguageModelError

TEXT = "han leser en lang bok"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder with a language model of its own and one by the name of news."""
    folder = tmp_path_factory.mktemp("model")
    write_language_model(folder / "language_model")
    write_language_model(folder / "language_models" / "news", ["han lester en long bok"], order=2)
    return folder


def decode(
    decoders: ModelDecoders, options: DecodingOptions, *, doubt: float = 0.0
) -> tuple[Hypothesis, ...]:
    emissions = emit(TEXT, doubt=doubt, seed=1)
    return decoders.decode(emissions, options, frame_seconds=FRAME, duration=len(emissions) * FRAME)


@pytest.mark.parametrize(
    ("options", "with_model", "without"),
    [
        (DecodingOptions(), "beam", "greedy"),
        (DecodingOptions("greedy"), "greedy", "greedy"),
        (DecodingOptions("beam"), "beam", "beam"),
        (DecodingOptions("greedy+lm"), "greedy+lm", "greedy"),
        (DecodingOptions(n_best=2), "beam", "beam"),
        (DecodingOptions(hotwords=(Hotword("bok"),)), "beam", "beam"),
    ],
)
def test_hypothesis_names_its_decoder_and_language_model(
    folder: Path, tmp_path: Path, options: DecodingOptions, with_model: str, without: str
) -> None:
    [found, *_] = decode(ModelDecoders(VOCABULARY, [folder]), options)
    assert (found.decoder, found.text) == (with_model, TEXT)
    assert found.language_model == (None if with_model == "greedy" else "default")
    [found, *_] = decode(ModelDecoders(VOCABULARY, [tmp_path]), options)
    assert (found.decoder, found.language_model) == (without, None)
    assert found.text == TEXT


def test_speech_of_other_words_scores_below_that_of_the_language_model(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    calibration = Calibration(scores={"beam+lm": -2.0})
    (tmp_path / CALIBRATION_NAME).write_text(json.dumps(calibration_data(calibration)))
    decoders = ModelDecoders(VOCABULARY, [tmp_path])
    own, other = (
        decoders.score_speech(emissions, frame_seconds=FRAME, duration=len(emissions) * FRAME)
        for emissions in (emit(TEXT), emit("wer liest das lange buch"))
    )
    assert own.deviation is not None
    assert other.deviation is not None
    assert own.deviation > other.deviation
    assert own.deviation == pytest.approx(own.score + 2.0)
    assert own.confidence >= other.confidence
    uncalibrated = ModelDecoders(VOCABULARY, [folder])
    emissions = np.zeros((0, len(VOCABULARY)), np.float32)
    silent = uncalibrated.score_speech(emissions, frame_seconds=FRAME, duration=1.0)
    assert silent == SpeechScore("beam+lm", score=0.0, deviation=None, confidence=0.0)


def test_request_selects_a_language_model_by_name(folder: Path, tmp_path: Path) -> None:
    decoders = ModelDecoders(VOCABULARY, [tmp_path, folder])
    assert decoders.language_models == ("default", "news")
    [news] = decode(decoders, DecodingOptions(lm="news", alpha=8.0), doubt=0.6)
    [plain] = decode(decoders, DecodingOptions(lm="default", alpha=8.0), doubt=0.6)
    assert (news.language_model, plain.language_model) == ("news", "default")
    assert news.score != plain.score
    with pytest.raises(InvalidRequestError, match="accepted: default, news") as caught:
        decoders.check(DecodingOptions(lm="parliament"))
    assert caught.value.param == "lm"


def test_n_best_returns_hypotheses_of_different_text(tmp_path: Path) -> None:
    found = decode(ModelDecoders(VOCABULARY, [tmp_path]), DecodingOptions(n_best=3), doubt=0.9)
    assert len({hypothesis.text for hypothesis in found}) == 3


@pytest.mark.parametrize(
    ("options", "param"),
    [
        (DecodingOptions("greedy", beam_width=5), "beam_width"),
        (DecodingOptions("greedy", lm="default"), "lm"),
        (DecodingOptions(beam_width=10**6), "beam_width"),
        (DecodingOptions(hotwords=(Hotword("a"),) * 2000), "hotwords"),
    ],
)
def test_check_names_the_invalid_option(folder: Path, options: DecodingOptions, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        ModelDecoders(VOCABULARY, [folder]).check(options)
    assert caught.value.param == param


def test_decode_refuses_what_check_refuses(folder: Path) -> None:
    decoders = ModelDecoders(VOCABULARY, [folder])
    with pytest.raises(InvalidRequestError, match="accepted: default, news"):
        decode(decoders, DecodingOptions(lm="parliament"))
    with pytest.raises(InvalidRequestError, match="needs a beam"):
        decode(decoders, DecodingOptions("greedy", n_best=2))


def test_language_model_of_another_alphabet_fails_at_its_first_request(tmp_path: Path) -> None:
    write_language_model(tmp_path / "language_models" / "other", ["жук щит"])
    decoders = ModelDecoders(VOCABULARY, [tmp_path])
    with structlog.testing.capture_logs() as records, pytest.raises(LanguageModelError) as caught:
        decode(decoders, DecodingOptions(lm="other"))
    assert caught.value.param == "lm"
    assert "spell no word" in records[0]["reason"]


def test_text_is_aligned_to_its_audio(tmp_path: Path) -> None:
    emissions = emit(TEXT, doubt=0.0, seed=1)
    duration = len(emissions) * FRAME
    decoders = ModelDecoders(VOCABULARY, [tmp_path])
    words = decoders.align(emissions, TEXT, "nb", frame_seconds=FRAME, duration=duration)
    assert [word.word for word in words] == TEXT.split()
    assert all(word.found for word in words)


def test_unpickled_decoders_are_opened_once_per_process(folder: Path) -> None:
    decoders = open_decoders(VOCABULARY, (folder,))
    unpickled = pickle.loads(pickle.dumps(decoders))
    assert decode(unpickled, DecodingOptions()) == decode(decoders, DecodingOptions())
    assert unpickled is pickle.loads(pickle.dumps(decoders))


def test_broken_language_model_fails_at_construction(tmp_path: Path) -> None:
    (tmp_path / "language_model").mkdir()
    with pytest.raises(ConfigurationError, match="must hold one KenLM file"):
        ModelDecoders(VOCABULARY, [tmp_path])


def test_language_model_is_read_at_its_first_request_only(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "model")
    decoders = ModelDecoders(VOCABULARY, [tmp_path / "model"])
    before = decode(decoders, DecodingOptions(lm="news"))
    shutil.rmtree(tmp_path / "model")
    for width in range(50, 100):  # more than there are decoders in the cache
        decode(decoders, DecodingOptions(lm="news", beam_width=width))
    assert decode(decoders, DecodingOptions(lm="news")) == before


def test_backend_is_the_named_one_or_the_first_that_is_available(tmp_path: Path) -> None:
    fastest = available_backends()[0]
    assert ModelDecoders(VOCABULARY, [tmp_path]).backend == fastest
    for name in available_backends():
        assert ModelDecoders(VOCABULARY, [tmp_path], name).backend == name


def test_text_that_cannot_be_aligned_names_its_parameter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.decoding.forced._MAX_CELLS", 100)
    emissions = emit(TEXT, doubt=0.0, seed=1)
    decoders = ModelDecoders(VOCABULARY, [tmp_path])
    with pytest.raises(InvalidRequestError, match="too little in common") as caught:
        decoders.align(emissions, TEXT, "nb", frame_seconds=FRAME, duration=len(emissions) * FRAME)
    assert caught.value.param == "text"


def test_known_words_are_those_of_the_language_model(folder: Path, tmp_path: Path) -> None:
    words = ["bok", "zzz"]
    assert ModelDecoders(VOCABULARY, [folder]).known_words(words) == {"bok"}
    assert ModelDecoders(VOCABULARY, [tmp_path]).known_words(words) == set(words)
