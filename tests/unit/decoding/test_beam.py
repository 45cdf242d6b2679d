"""The beam search, with and without a language model, and the input that it refuses."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from emitted import FRAME, VOCABULARY, emit
from ngrams import write_language_model

from app.decoding import (
    BeamDecoder,
    Decoder,
    DecodingOptions,
    GreedyDecoder,
    Hotword,
    LanguageModel,
    available_backends,
    load_language_model,
)
from app.decoding.alignment import word_times
from app.errors import InvalidRequestError
from app.vocabulary import Vocabulary

BACKENDS = [
    *(name for name in available_backends() if name != "pyctcdecode"),
    pytest.param("pyctcdecode", marks=pytest.mark.pyctcdecode),
]


@pytest.fixture(scope="module")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return load_language_model(write_language_model(tmp_path_factory.mktemp("lm") / "3gram"))


def read(decoder: Decoder, emissions: np.ndarray) -> str:
    duration = len(emissions) * FRAME
    return decoder.decode(emissions, frame_seconds=FRAME, duration=duration).text


def columns_of(probabilities: list[dict[str, float]]) -> np.ndarray:
    """Emissions with these probabilities of tokens, frame by frame; "" is the blank."""
    rows = np.full((len(probabilities), len(VOCABULARY)), 1e-7, dtype=np.float32)
    for row, given in zip(rows, probabilities, strict=True):
        for token, probability in given.items():
            row[VOCABULARY.tokens.index(token or "[PAD]")] = probability
    return np.log(rows / rows.sum(axis=1, keepdims=True))


def test_native_search_is_compiled_and_the_default() -> None:
    assert available_backends()[0] == "native"


@pytest.mark.pyctcdecode
def test_all_backends_are_available() -> None:
    assert set(available_backends()) == {"native", "ctc-beam-decoder", "pyctcdecode"}


@pytest.mark.parametrize("backend", BACKENDS)
def test_clear_speech_is_decoded_exactly(backend, language_model: LanguageModel) -> None:
    text = "otto såg alle ååå ballen i hall aa"
    for model in (None, language_model):
        assert read(BeamDecoder(VOCABULARY, language_model=model, backend=backend), emit(text)) == (
            text
        )


@pytest.mark.parametrize("backend", BACKENDS)
def test_language_model_resolves_uncertain_letters(backend, language_model: LanguageModel) -> None:
    emissions = columns_of(
        [{letter: 0.99} for letter in "han|le"]
        + [{"s": 0.99}, {"r": 0.55, "e": 0.44}, {"r": 0.99}, {"|": 0.99}]
        + [{letter: 0.99} for letter in "en"]
    )
    assert read(GreedyDecoder(VOCABULARY), emissions) == "han lesr en"
    assert read(BeamDecoder(VOCABULARY, backend=backend), emissions) == "han lesr en"
    with_model = BeamDecoder(VOCABULARY, language_model=language_model, backend=backend)
    assert read(with_model, emissions) == "han leser en"
    without_weight = DecodingOptions(alpha=0.0, beta=0.0, hotwords=(Hotword("lesr", 30.0),))
    decoder = BeamDecoder(VOCABULARY, without_weight, language_model, backend=backend)
    assert read(decoder, emissions) == "han lesr en"


@pytest.mark.parametrize(
    "backend",
    [
        "native",
        *(
            pytest.param(name, marks=pytest.mark.pyctcdecode)
            for name in ("ctc-beam-decoder", "pyctcdecode")
        ),
    ],
)
def test_each_hotword_has_its_own_weight(backend) -> None:
    emissions = columns_of(
        [{"å": 0.4, "a": 0.6} if letter == "?" else {letter: 0.99} for letter in "b?t|h?r"]
    )

    def with_hotwords(*hotwords: Hotword) -> str:
        options = DecodingOptions(hotwords=hotwords)
        return read(BeamDecoder(VOCABULARY, options, backend=backend), emissions)

    assert with_hotwords() == "bat har"
    assert with_hotwords(Hotword("båt")) == "båt har"
    assert with_hotwords(Hotword("BÅT")) == "båt har"
    assert with_hotwords(Hotword("båt hår")) == "båt hår"
    assert with_hotwords(Hotword("båt", 5.0), Hotword("hår", 0.01)) == "båt har"
    assert with_hotwords(Hotword("bat", 5.0), Hotword("båt", 3.0), Hotword("hår", 2.0)) == "bat hår"
    assert with_hotwords(Hotword("bat", -5.0)) == "båt har"
    assert with_hotwords(Hotword("båt", 0.0), Hotword("hår", 0.0)) == "bat har"


@pytest.mark.parametrize(
    ("tokens", "hotword", "text"),
    [
        ("AÅBT", "båt", "BÅT"),
        ("AÅBT", "Båt", "BÅT"),
        ("aåbt", "BÅT", "båt"),
        # Letters of both cases are different letters.
        ("AÅbt", "bÅt", "bÅt"),
        ("AÅbt", "båt", "bAt"),
    ],
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_hotword_has_the_case_of_the_vocabulary(
    backend, tokens: str, hotword: str, text: str
) -> None:
    vocabulary = Vocabulary(("[PAD]", "|", *tokens), 0, 1, frozenset({0}))
    plain, ringed, first, last = (np.eye(6)[index] for index in range(2, 6))
    rows = [first, 0.6 * plain + 0.4 * ringed, last]
    emissions = np.log(np.maximum(rows, 1e-7)).astype(np.float32)
    options = DecodingOptions(hotwords=(Hotword(hotword),))
    decoder = BeamDecoder(vocabulary, options, backend=backend)
    assert read(decoder, emissions) == text


def test_several_hotword_weights_in_an_unsupported_backend_name_the_missing_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyctcdecode", None)
    options = DecodingOptions(hotwords=(Hotword("båt", 5.0), Hotword("hår", 0.01)))
    with pytest.raises(InvalidRequestError, match=r"nordlyd\[pyctcdecode\]") as caught:
        read(BeamDecoder(VOCABULARY, options, backend="ctc-beam-decoder"), emit("båt"))
    assert caught.value.param == "hotwords"


@pytest.mark.parametrize("backend", BACKENDS)
def test_special_tokens_are_blanks_and_white_space_separates_words(backend) -> None:
    vocabulary = Vocabulary(
        ("<s>", "a", "[UNK]", " ", "b", "_", "|", ""),
        blank=5,
        delimiter=6,
        special=frozenset({0, 2, 5}),
    )
    path = [1, 0, 1, 2, 4, 3, 4, 7, 4, 6, 1]
    emissions = np.full((len(path), len(vocabulary)), -12.0, dtype=np.float32)
    emissions[np.arange(len(path)), path] = -0.001
    assert read(BeamDecoder(vocabulary, backend=backend), emissions) == "aab bb a"
    assert read(GreedyDecoder(vocabulary), emissions) == "aab bb a"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_float_type_and_unnormalised_rows_give_the_same_text(backend, dtype) -> None:
    emissions = emit("det er en god dag") + np.float32(3.0)
    decoder = BeamDecoder(VOCABULARY, backend=backend)
    assert read(decoder, emissions.astype(dtype)) == "det er en god dag"
    assert read(decoder, np.asfortranarray(emissions.astype(dtype))) == "det er en god dag"


def test_masked_tokens_count_as_impossible() -> None:
    emissions = emit("dag")
    emissions[:, 30] = -np.inf
    assert read(BeamDecoder(VOCABULARY), emissions) == "dag"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda e: e[:, :-1], "must be [frames, 32]"),
        (lambda e: e[0], "must be [frames, 32]"),
        (lambda e: e.astype(np.int64), "must be floating point"),
        (lambda e: np.where(e == e[3, 4], np.nan, e), "hold nan in frame 3"),
        (lambda e: np.where(e == e[3, 4], np.inf, e), "hold inf in frame 3"),
        (lambda e: np.where(np.arange(len(e))[:, None] == 2, -np.inf, e), "hold -inf in frame 2"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_invalid_emissions_are_refused(backend, spoil, message: str, dtype) -> None:
    emissions = np.random.default_rng(0).normal(size=(6, 32)).astype(dtype)
    with pytest.raises(ValueError, match="emissions") as caught:
        read(BeamDecoder(VOCABULARY, backend=backend), spoil(emissions))
    assert message in str(caught.value)


@pytest.mark.parametrize("backend", BACKENDS)
def test_empty_and_silent_emissions_have_no_words_and_one_frame_has_one(
    backend, language_model: LanguageModel
) -> None:
    decoder = BeamDecoder(VOCABULARY, DecodingOptions(n_best=5), language_model, backend=backend)
    nothing = decoder.n_best(np.zeros((0, 32), np.float32), frame_seconds=FRAME, duration=0.0)
    assert [(found.text, found.words) for found in nothing] == [("", ())]
    silence = decoder.decode(columns_of([{"": 1.0}]), frame_seconds=FRAME, duration=FRAME)
    assert (silence.text, silence.words) == ("", ())
    letter = decoder.decode(columns_of([{"a": 1.0}]), frame_seconds=FRAME, duration=0.015)
    assert letter.text == "a"
    assert 0 <= letter.words[0].start < letter.words[0].end <= 0.015


def test_half_an_hour_is_decoded_at_once(language_model: LanguageModel) -> None:
    sentence = emit("vi må snakke om saken før møtet ")
    silence = columns_of([{"": 1.0}] * 200)
    emissions = np.tile(np.concatenate((sentence, silence)), (100_000 // (len(sentence) + 200), 1))
    seconds = len(emissions) * FRAME
    found = BeamDecoder(VOCABULARY, language_model=language_model).decode(
        emissions, frame_seconds=FRAME, duration=seconds
    )
    times = [time for word in found.words for time in (word.start, word.end)]
    assert set(found.text.split()) == {"vi", "må", "snakke", "om", "saken", "før", "møtet"}
    assert times == sorted(times)
    assert seconds - 10 < times[-1] <= seconds
    # The same sentence, again and again, at the same distance.
    starts = np.array([word.start for word in found.words if word.word == "vi"])
    assert np.ptp(np.diff(starts)) < 0.001


def test_options_out_of_range_are_refused() -> None:
    for wrong in (
        {"beam_width": 0},
        {"n_best": 0},
        {"alpha": float("nan")},
        {"beta": float("inf")},
        {"prune_logp": 1.0},
        {"min_token_logp": float("nan")},
        {"hotwords": (Hotword("a"),) * 1001},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            BeamDecoder(VOCABULARY, DecodingOptions(**wrong))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="empty"):
        Hotword("  ")
    with pytest.raises(ValueError, match="weight"):
        Hotword("a", float("nan"))


def test_decoders_with_different_weights_share_a_model(language_model: LanguageModel) -> None:
    """Two decoders with other weights share the loaded model and do not affect each other."""
    emissions = emit("det er en god dag", doubt=0.6, seed=3)
    plain = BeamDecoder(VOCABULARY, language_model=language_model)
    before = plain.decode(emissions, frame_seconds=FRAME, duration=5.0)
    heavy = BeamDecoder(VOCABULARY, DecodingOptions(alpha=3.0, beta=5.0), language_model)
    assert heavy.decode(emissions, frame_seconds=FRAME, duration=5.0).score != before.score
    assert plain.decode(emissions, frame_seconds=FRAME, duration=5.0) == before


@pytest.mark.parametrize("doubt", [0.0, 0.7])
def test_native_word_times_equal_those_of_the_general_alignment(doubt: float) -> None:
    sentence = "otto såg alle ballen i hall aa"
    for seed in range(10):
        emissions = emit(sentence, doubt=doubt, seed=seed)
        seconds = len(emissions) * FRAME
        decoder = BeamDecoder(VOCABULARY, DecodingOptions(n_best=3))
        for found in decoder.n_best(emissions, frame_seconds=FRAME, duration=seconds):
            expected = word_times(
                emissions, found.text.split(), VOCABULARY, frame_seconds=FRAME, duration=seconds
            )
            for word, reference in zip(found.words, expected, strict=True):
                assert (word.start, word.end) == pytest.approx((reference.start, reference.end))
                assert word.confidence == pytest.approx(reference.confidence, rel=1e-4)


def test_noise_without_a_pause_gives_ascending_word_times() -> None:
    """A letter or a delimiter in each frame: there is no room to be wrong about a cut."""
    generator = np.random.default_rng(0)
    tokens = generator.integers(1, 31, size=20_000)
    emissions = np.full((len(tokens), len(VOCABULARY)), -8.0, dtype=np.float32)
    emissions[np.arange(len(tokens)), tokens] = -0.01
    seconds = len(tokens) * FRAME
    found = BeamDecoder(VOCABULARY).decode(emissions, frame_seconds=FRAME, duration=seconds)
    times = [time for word in found.words for time in (word.start, word.end)]
    assert len(found.words) > 500
    assert all(later >= earlier for earlier, later in pairwise(times))
    assert 0 <= times[0] <= times[-1] <= seconds
    assert all(0 <= word.confidence <= 1 for word in found.words)


def test_early_uncertainty_does_not_exhaust_a_narrow_beam(tmp_path: Path) -> None:
    sentences = ["a c", "b d", "e f", "f e", "e e", "f f", "f a", "e b"] * 3
    attributes = {"alpha": 1.0, "beta": 0.0}
    model = load_language_model(
        write_language_model(tmp_path / "2gram", sentences, order=2, attributes=attributes)
    )
    doubt = [{"e": 0.5004, "f": 0.4996}, {"|": 0.99}]
    emissions = columns_of([*doubt * 8, {"a": 0.6, "b": 0.4}, {"|": 0.99}, {"d": 0.99}])
    narrow = BeamDecoder(VOCABULARY, DecodingOptions(beam_width=8), model, backend="native")
    wide = BeamDecoder(VOCABULARY, DecodingOptions(beam_width=2000), model, backend="native")
    assert read(wide, emissions).endswith(" b d")
    assert read(narrow, emissions) == read(wide, emissions)
