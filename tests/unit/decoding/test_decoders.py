"""A model's decoders: which one a request gets, with which language model, and what is refused."""

import pickle
from pathlib import Path

import pytest
from emitted import FRAME, VOCABULARY, emit
from ngrams import write_language_model

from app.decoding import DecodingRequest, Hotword, ModelDecoders, Reading, open_decoders
from app.errors import ConfigurationError, InvalidRequestError

TEXT = "han leser en lang bok"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder with a language model of its own and one by the name of news."""
    folder = tmp_path_factory.mktemp("model")
    write_language_model(folder / "language_model")
    write_language_model(folder / "language_models" / "news", ["han lester en long bok"], order=2)
    return folder


def read(decoders: ModelDecoders, request: DecodingRequest, *, doubt: float = 0.0) -> Reading:
    emissions = emit(TEXT, doubt=doubt, seed=1)
    return decoders.read(emissions, request, frame_seconds=FRAME, duration=len(emissions) * FRAME)


@pytest.mark.parametrize(
    ("request_", "with_model", "without"),
    [
        (DecodingRequest(), "beam", "greedy"),
        (DecodingRequest("greedy"), "greedy", "greedy"),
        (DecodingRequest("beam"), "beam", "beam"),
        (DecodingRequest("greedy+lm"), "greedy+lm", "greedy"),
        (DecodingRequest(n_best=2), "beam", "beam"),
        (DecodingRequest(hotwords=(Hotword("bok"),)), "beam", "beam"),
    ],
)
def test_the_answer_says_what_read_the_text(
    folder: Path, tmp_path: Path, request_: DecodingRequest, with_model: str, without: str
) -> None:
    found = read(ModelDecoders(VOCABULARY, [folder]), request_)
    assert (found.decoder, found.hypotheses[0].text) == (with_model, TEXT)
    assert found.language_model == (None if with_model == "greedy" else "default")
    found = read(ModelDecoders(VOCABULARY, [tmp_path]), request_)
    assert (found.decoder, found.language_model) == (without, None)
    assert found.hypotheses[0].text == TEXT


def test_a_request_chooses_among_the_language_models(folder: Path, tmp_path: Path) -> None:
    decoders = ModelDecoders(VOCABULARY, [tmp_path, folder])
    assert decoders.language_models == ("default", "news")
    news = read(decoders, DecodingRequest(lm="news", alpha=8.0), doubt=0.6)
    plain = read(decoders, DecodingRequest(lm="default", alpha=8.0), doubt=0.6)
    assert (news.language_model, plain.language_model) == ("news", "default")
    assert news.hypotheses[0].score != plain.hypotheses[0].score
    with pytest.raises(InvalidRequestError, match="accepted: default, news") as caught:
        decoders.check(DecodingRequest(lm="parliament"))
    assert caught.value.param == "lm"


def test_several_readings_are_wanted(tmp_path: Path) -> None:
    found = read(ModelDecoders(VOCABULARY, [tmp_path]), DecodingRequest(n_best=3), doubt=0.9)
    assert len({hypothesis.text for hypothesis in found.hypotheses}) == 3


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (DecodingRequest("greedy", beam_width=5), "beam_width"),
        (DecodingRequest("greedy", lm="default"), "lm"),
        (DecodingRequest(beam_width=10**6), "beam_width"),
        (DecodingRequest(hotwords=(Hotword("a"),) * 2000), "hotwords"),
    ],
)
def test_what_cannot_be_served_is_named(
    folder: Path, request_: DecodingRequest, param: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        ModelDecoders(VOCABULARY, [folder]).check(request_)
    assert caught.value.param == param


def test_decoders_travel_to_another_process(folder: Path) -> None:
    decoders = open_decoders(VOCABULARY, (folder,))
    travelled = pickle.loads(pickle.dumps(decoders))
    assert read(travelled, DecodingRequest()) == read(decoders, DecodingRequest())
    assert travelled is pickle.loads(pickle.dumps(decoders))


def test_a_broken_language_model_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "language_model").mkdir()
    with pytest.raises(ConfigurationError, match="must hold one KenLM file"):
        ModelDecoders(VOCABULARY, [tmp_path])
