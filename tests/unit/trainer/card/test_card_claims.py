"""What a model card states about the evaluation, the start, the licence and the training."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from checkpoints import write_checkpoint
from huggingface_hub import ModelCard
from typer.testing import CliRunner

from app.catalogue import read_card
from app.text import normalise
from trainer.card import gather
from trainer.cli import app
from trainer.data import Record, Waveform
from trainer.errors import DataError
from trainer.evaluation.digest import model_digest
from trainer.provenance import Provenance, SplitFacts, Start, recipe_values, texts_digest
from trainer.recipe import RECIPES, load_recipe

NYNORSK = "wav2vec2-xlsr-1B-NPSC-NN"
TEXTS = ["Ordet er fritt", "Takk for det"]

MakeEvaluation = Callable[..., None]


class NoAudio:
    """Audio that is never read."""

    def waveform(self) -> Waveform:
        raise NotImplementedError


def records(texts: list[str]) -> list[Record]:
    return [Record(NoAudio(), normalise(text), "nn", "train", "", 2.0) for text in texts]


def text_of(folder: Path) -> str:
    return " ".join((folder / "README.md").read_text("utf-8").split())


def data_of(folder: Path) -> Any:
    return ModelCard((folder / "README.md").read_text("utf-8")).data


def write_card(run: Path, *arguments: str) -> Path:
    answer = CliRunner().invoke(app, ["card", str(run), *arguments])
    assert answer.exit_code == 0, (answer.output, answer.exception)
    return run / "export"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder of the published Nynorsk recipe that left no record of its start."""
    write_checkpoint(tmp_path / "run" / "export")
    log = RECIPES / "published" / f"{NYNORSK}.training_log.csv"
    shutil.copyfile(log, tmp_path / "run" / "training_log.csv")
    shutil.copyfile(RECIPES / f"{NYNORSK}.toml", tmp_path / "run" / "recipe.toml")
    return tmp_path / "run"


@pytest.fixture
def provenance() -> Provenance:
    """What such a training records, started from a folder of one's own on two devices."""
    return Provenance(
        recipe=recipe_values(load_recipe(NYNORSK)),
        steps=23250,
        start=Start("my-model", None),
        train=SplitFacts.of(records(TEXTS), ["npsc-nynorsk/train"]),
        valid=SplitFacts.of(records(["Debatten er slutt"]), ["npsc-nynorsk/test"]),
        precision="bf16",
        devices=2,
        versions={"Transformers": ("4.17.0",), "Pytorch": ("1.10.0", "1.11.0")},
    )


@pytest.fixture
def evaluate(run: Path) -> MakeEvaluation:
    """Writes an evaluation beside the run's model, as `evaluate` would; `...` leaves a key out."""

    def write(**changed: Any) -> None:
        rates = {
            f"{name}_{metric}": 0.2 if name != "beam_lm" else None
            for name in ("greedy", "beam", "beam_lm")
            for metric in ("wer", "cer")
        }
        evaluation = {
            "model": "export",
            "model_digest": model_digest(run / "export"),
            "data": "npsc-nn/test",
            "split": "test",
            "sources": ["npsc-nynorsk/test"],
            "available": 900,
            "texts_digest": texts_digest(["noe annet"]),
            "utterances": 900,
            "seconds": 600.0,
            "words": 4000,
            "speakers": 12,
            "intervals": {name: [0.1, 0.3] for name in rates},
            "interval": {"level": 0.95, "drawn_by": "speaker"},
            "real_time_factor": {"encoder": 0.1, "greedy": 0.1, "beam": 0.1},
            "lm_difference": None,
            "language_model": None,
            "beam_width": 100,
            **rates,
            **changed,
        }
        kept = {key: value for key, value in evaluation.items() if value is not ...}
        (run / "export" / "evaluation.json").write_text(json.dumps(kept))

    return write


def test_card_names_the_data_split_and_part_that_were_evaluated(
    run: Path, evaluate: MakeEvaluation
) -> None:
    evaluate(data="npsc-nn/test, 100 of 900", utterances=100)
    folder = write_card(run)
    assert (
        "On npsc-nynorsk/test: 100 utterances, 10 min, 12 speakers. That is the split `test` of "
        "the data folder `npsc-nn`, 100 of its 900 utterances."
    ) in text_of(folder)
    result = data_of(folder).eval_results[0]
    assert result.dataset_type == "NbAiLab/NPSC"
    assert (result.dataset_config, result.dataset_split) == ("16K_mp3", "test")
    assert result.dataset_args == {
        "language": "nn", "data": "npsc-nn/test", "utterances": 100, "available": 900,
    }  # fmt: skip
    assert result.metric_name == "Test WER, greedy"
    figure = read_card(folder / "model.toml").figures[0]
    assert figure.dataset == "npsc-nynorsk/test, 100 of 900 utterances"


def test_figures_of_a_manifest_are_not_those_of_the_recipes_test_set(
    run: Path, evaluate: MakeEvaluation
) -> None:
    evaluate(data="mine.jsonl", split=None, sources=[], available=3, utterances=3)
    folder = write_card(run)
    assert "On mine.jsonl: 3 utterances" in text_of(folder)
    result = data_of(folder).eval_results[0]
    assert (result.dataset_name, result.dataset_type) == ("mine.jsonl", "local")
    assert result.dataset_split is None


def test_figures_of_the_validation_split_are_not_called_test_figures(
    run: Path, evaluate: MakeEvaluation
) -> None:
    evaluate(data="other/valid", split="valid", sources=["fleurs-nb/validation"])
    folder = write_card(run)
    result = data_of(folder).eval_results[0]
    assert (result.metric_name, result.dataset_split) == ("Validation WER, greedy", "valid")


@pytest.mark.parametrize(
    "changed",
    [
        {"data": "npsc-nn/train", "split": "train", "sources": []},
        # The strict recipe trains on validation too.
        {"data": "other/test", "sources": ["npsc-nynorsk/validation"]},
        # Before evaluations had these keys.
        {"data": "npsc-nn/train, 5 of 900", "split": ..., "sources": ...},
        # The training split under another name.
        {"data": "mine.jsonl", "split": None, "sources": [], "texts_digest": texts_digest(TEXTS)},
    ],
)
def test_training_data_are_not_called_a_test(
    run: Path, provenance: Provenance, evaluate: MakeEvaluation, changed: dict[str, Any]
) -> None:
    provenance.save(run)
    evaluate(**changed)
    with pytest.raises(DataError, match="which the model was trained on"):
        gather(run)
    assert not (run / "export" / "README.md").exists()


def test_card_has_the_recorded_start_and_versions_of_the_training(
    run: Path, provenance: Provenance
) -> None:
    provenance.save(run)
    folder = write_card(run)
    text = text_of(folder)
    assert "Trained from my-model on" in text
    assert "Start: my-model. Recipe" in text
    assert "- Transformers 4.17.0 - Pytorch 1.10.0, then 1.11.0" in text
    assert "The training had 2 utterances" in text
    assert "- mixed_precision_training: bf16" in text
    assert "- num_devices: 2" in text
    assert "- total_train_batch_size: 32" in text
    assert data_of(folder).base_model is None
    assert read_card(folder / "model.toml").base == "my-model"
    # The model folder alone suffices for the next card.
    shutil.move(folder, run.parent / "moved")
    (run.parent / "moved" / "README.md").unlink()
    CliRunner().invoke(app, ["card", str(run.parent / "moved")])
    assert "Start: my-model." in text_of(run.parent / "moved")


def test_hub_id_that_a_training_started_from_is_its_base_model(
    run: Path, provenance: Provenance
) -> None:
    hub = "NbAiLab/nb-wav2vec2-1b-bokmaal"
    replace(provenance, start=Start("nb-wav2vec2-1b-bokmaal", hub)).save(run)
    assert data_of(write_card(run)).base_model == hub


def test_start_that_was_not_recorded_is_marked_as_the_recipes(run: Path) -> None:
    text = text_of(write_card(run))
    assert "Start: facebook/wav2vec2-xls-r-1b (by the recipe; the training left no record" in text
    assert "Not recorded by this training." in text


def test_licence_is_the_given_one_or_not_stated(run: Path) -> None:
    folder = write_card(run)
    assert "Licence: not stated." in text_of(folder)
    assert data_of(folder).license is None
    assert read_card(folder / "model.toml").licence is None
    write_card(run, "--licence", "cc-by-4.0")
    assert "Licence: cc-by-4.0." in text_of(folder)
    assert data_of(folder).license == "cc-by-4.0"
    assert read_card(folder / "model.toml").licence == "cc-by-4.0"
    write_card(run)
    assert data_of(folder).license == "cc-by-4.0"


def test_card_has_the_fields_of_the_published_cards(run: Path, evaluate: MakeEvaluation) -> None:
    evaluate()
    folder = write_card(run)
    text = text_of(folder)
    assert "It achieves the following results on the evaluation set" in text
    assert "at step 23,000: - Loss: 0.4567 - Wer: 0.1533" in text
    assert "- train_batch_size: 8 - eval_batch_size: 8 - seed: 42" in text
    tags = data_of(folder).tags
    assert {"automatic-speech-recognition", "NbAiLab/NPSC", "hf-asr-leaderboard"} <= set(tags)


def test_card_of_another_recipe_than_that_of_the_training_is_refused(
    run: Path, provenance: Provenance
) -> None:
    provenance.save(run)
    with pytest.raises(DataError, match=r"was not trained by .*improved as it is: .*seed|training"):
        gather(run, recipe=f"{NYNORSK}-improved")


def test_card_describes_the_data_that_were_trained_on_and_not_those_of_the_recipe(
    run: Path, provenance: Provenance
) -> None:
    mine = SplitFacts.of(records(TEXTS), ["manifest:mine/train"])
    replace(provenance, train=mine).save(run)
    folder = write_card(run)
    assert "on `manifest:mine/train`" in text_of(folder)
    assert data_of(folder).datasets is None
    spoken = SplitFacts.of(records(TEXTS), ["synthesised"])
    replace(provenance, train=spoken).save(run)
    assert "trained on synthesised speech (espeak-ng) and does not" in text_of(write_card(run))


def test_counts_of_other_data_are_refused(run: Path, provenance: Provenance) -> None:
    provenance.save(run)
    data = run.parent / "data"
    data.mkdir()
    (data / "counts.json").write_text(json.dumps({"train": {"utterances": 9, "hours": 1.0}}))
    with pytest.raises(DataError, match="counts other data than"):
        gather(run, data=data)
