"""Tuning on emissions that a language model can, and cannot, help with."""

import json
from pathlib import Path

import pytest
from toy_emissions import toy_emissions_of

from app.decoding import load_language_model
from trainer.errors import LanguageModelError
from trainer.language_model.build import build
from trainer.language_model.grid import EncodedUtterances, Setting, measure, measure_greedy
from trainer.language_model.heatmap import draw_heatmap
from trainer.language_model.tune import Tuning, as_dict, choose_hotwords, publish, tune
from trainer.recipe import LanguageModelRecipe


@pytest.fixture(scope="module")
def encoded(corpus: tuple[str, ...]) -> EncodedUtterances:
    return toy_emissions_of(corpus[::12])


@pytest.fixture(scope="module")
def model(
    corpus: tuple[str, ...],
    numbers: LanguageModelRecipe,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A language model that knows all spoken words but one."""
    lines = [line for line in corpus if "kveldsskyer" not in line]
    return build(lines, numbers, tmp_path_factory.mktemp("good") / "language_model").folder


@pytest.fixture(scope="module")
def foreign_model(numbers: LanguageModelRecipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model of words that do not occur in the speech."""
    lines = ["qux zzyx wwq", "zzyx qux", "wwq wwq qux zzyx"]
    return build(lines, numbers, tmp_path_factory.mktemp("bad") / "language_model").folder


@pytest.fixture(scope="module")
def tuning(encoded: EncodedUtterances, model: Path, numbers: LanguageModelRecipe) -> Tuning:
    return tune(encoded, model, alphas=numbers.alphas, betas=numbers.betas)


def test_best_point_has_the_lowest_rate_of_the_grid(tuning: Tuning) -> None:
    assert len(tuning.grid) == 4
    assert tuning.best.wer == min(point.wer for point in tuning.grid)
    assert tuning.best.wer < tuning.greedy.wer / 2
    assert tuning.helps


def test_greedy_and_beam_without_a_language_model_are_measured_too(tuning: Tuning) -> None:
    assert 0.3 < tuning.greedy.wer < 1
    assert not tuning.beam.setting.language_model
    assert tuning.beam.wer == pytest.approx(tuning.greedy.wer, abs=0.05)
    assert all(point.seconds_per_second > 0 for point in tuning.widths)


def test_chosen_hotwords_are_unknown_to_the_language_model(
    encoded: EncodedUtterances, model: Path, tuning: Tuning
) -> None:
    assert choose_hotwords(encoded.references, model) == ("kveldsskyer",)
    found = {point.setting.hotword_weight: point.hotwords_found for point in tuning.hotwords}
    assert found[20.0] == 1.0
    assert found[20.0] >= found[0.0]


@pytest.mark.long
def test_worker_processes_give_the_rates_of_this_process(
    encoded: EncodedUtterances, model: Path
) -> None:
    settings = [Setting(alpha, 1.0, width) for alpha in (0.2, 0.5) for width in (5, 50)] + [
        Setting(0.0, 0.0, 50, language_model=False)
    ]
    counted: list[int] = []
    together = measure(encoded, settings, model, processes=2, done=counted.append)
    assert [outcome.setting for outcome in together] == settings
    assert sum(counted) == len(settings)
    for setting, outcome in zip(settings, together, strict=True):
        (alone,) = measure(encoded, [setting], model, processes=1)
        assert (alone.wer, alone.cer) == (outcome.wer, outcome.cer)


def test_best_weights_are_written_to_the_checkpoint(
    tuning: Tuning, model: Path, tmp_path: Path
) -> None:
    target = publish(tuning, model, tmp_path)
    assert target == tmp_path / "language_model"
    loaded = load_language_model(target)
    assert (loaded.alpha, loaded.beta) == (tuning.best.setting.alpha, tuning.best.setting.beta)
    assert loaded.unk_score_offset == -10
    assert load_language_model(model).alpha == 0.5
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "language_model", "language_model.sha256",
    ]  # fmt: skip


def test_model_worse_than_greedy_is_refused_without_changes(
    encoded: EncodedUtterances,
    model: Path,
    foreign_model: Path,
    numbers: LanguageModelRecipe,
    tmp_path: Path,
) -> None:
    good = tune(encoded, model, alphas=(0.5,), betas=(1.0,))
    publish(good, model, tmp_path)
    before = (tmp_path / "language_model" / "attrs.json").read_text()
    loses = tune(encoded, foreign_model, alphas=numbers.alphas, betas=numbers.betas)
    assert not loses.helps
    with pytest.raises(LanguageModelError, match=r"does not help: at best WER .* is left as it is"):
        publish(loses, foreign_model, tmp_path)
    assert (tmp_path / "language_model" / "attrs.json").read_text() == before
    assert load_language_model(tmp_path / "language_model").unigrams != {"qux", "zzyx", "wwq"}


@pytest.fixture(scope="module")
def few(
    corpus: tuple[str, ...],
    numbers: LanguageModelRecipe,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A language model of eight of the spoken sentences: it helps, but less."""
    folder = tmp_path_factory.mktemp("few") / "language_model"
    return build(corpus[::12][:8], numbers, folder).folder


def test_model_worse_than_the_one_in_place_is_refused_though_it_beats_greedy(
    encoded: EncodedUtterances, few: Path, model: Path, tuning: Tuning, tmp_path: Path
) -> None:
    target = publish(tuning, model, tmp_path)
    loses = tune(encoded, few, former=target, alphas=(0.2, 0.8), betas=(0.0, 1.0))
    assert loses.former is not None
    assert loses.former.wer < loses.best.wer < loses.greedy.wer
    with pytest.raises(LanguageModelError, match=r"the one that is there has .* is left as it is"):
        publish(loses, few, tmp_path)
    unmeasured = tune(encoded, few, alphas=(0.5,), betas=(1.0,))
    with pytest.raises(LanguageModelError, match="was not measured, so it is not replaced"):
        publish(unmeasured, few, tmp_path)
    assert load_language_model(target).unigrams == load_language_model(model).unigrams


def test_replaced_model_is_kept(
    encoded: EncodedUtterances, few: Path, model: Path, tmp_path: Path
) -> None:
    target = publish(tune(encoded, few, alphas=(0.2,), betas=(1.0,)), few, tmp_path)
    publish(tune(encoded, model, former=target, alphas=(0.2,), betas=(1.0,)), model, tmp_path)
    assert load_language_model(target).unigrams == load_language_model(model).unigrams
    kept = load_language_model(tmp_path / "former_language_models" / "language_model-1")
    assert kept.unigrams == load_language_model(few).unigrams


def test_greedy_on_clean_emissions_makes_no_error(corpus: tuple[str, ...]) -> None:
    assert measure_greedy(toy_emissions_of(corpus[:5], swaps=0.0)).wer == 0


def test_tuning_without_records_is_refused(model: Path) -> None:
    with pytest.raises(LanguageModelError, match="validation split is empty"):
        tune(toy_emissions_of([]), model)


def test_tuning_is_written_as_json_and_as_an_image(tuning: Tuning, tmp_path: Path) -> None:
    facts = json.loads(json.dumps(as_dict(tuning)))
    assert facts["beam_lm"]["wer"] == min(point["wer"] for point in facts["grid"])
    assert [point["beam_width"] for point in facts["beam_widths"]] == [10, 25, 50, 100, 200]
    draw_heatmap(tuning, tmp_path / "map.png", title="toy")
    header = (tmp_path / "map.png").read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    width, height = (int.from_bytes(header[at : at + 4], "big") for at in (16, 20))
    assert min(width, height) > 200
    draw_heatmap(tuning, tmp_path / "again.png", title="toy")
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "map.png").read_bytes()
