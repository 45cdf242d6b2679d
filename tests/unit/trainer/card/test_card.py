"""Model cards, written from what a training left, that the hub and the service read."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from checkpoints import write_checkpoint
from demo_model import SAMPLES, write_demo_with_language_model
from huggingface_hub import ModelCard
from PIL import Image
from typer.testing import CliRunner

from app.catalogue import read_card
from trainer.card import gather
from trainer.cli import app
from trainer.errors import DataError
from trainer.recipe import RECIPES

NYNORSK = "wav2vec2-xlsr-1B-NPSC-NN"
DONE = {"noise": 12000, "none": 9000}
COUNTS = {
    "recipe": "demo-nb",
    "packages": ["evolution-common_3.46.4-2+deb12u1_all", "gnucash-common_1%3a4.13-1_all"],
    "sentences": {"train": 27603, "valid": 919, "test": 1141},
    "translated": 0,
    "dropped": {"repeated": 4689, "too short or too long": 55386},
    "train": {"utterances": 19999, "hours": 18.3, "too_long": 1, "augmentation": DONE},
    "valid": {"utterances": 300, "hours": 0.26, "too_long": 0, "augmentation": {}},
    "test": {"utterances": 1000, "hours": 0.89, "too_long": 0, "augmentation": {}},
}


def run(*arguments: str | Path) -> str:
    answer = CliRunner().invoke(app, list(map(str, arguments)))
    assert answer.exit_code == 0, answer.output
    return answer.output


def text_of(folder: Path) -> str:
    """The card with its wrapped lines joined, since a sentence may be broken anywhere."""
    return " ".join((folder / "README.md").read_text("utf-8").split())


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_demo_with_language_model(tmp_path_factory.mktemp("card") / "demo-nb")
    (folder / "README.md").unlink()
    (folder / "counts.json").write_text(json.dumps(COUNTS))
    log = RECIPES / "published" / "wav2vec2-xlsr-1B-NPSC-NN.training_log.csv"
    shutil.copyfile(log, folder / "training_log.csv")
    run("evaluate", folder, "--manifest", SAMPLES, "--report", folder)
    run("card", folder, "--recipe", "demo-nb")
    return folder


def test_card_of_synthesised_speech_begins_with_a_warning(demo: Path) -> None:
    body = (demo / "README.md").read_text("utf-8").split("---\n", 2)[2]
    first = " ".join(body.split("\n\n")[1].split())
    assert "synthesised speech" in first
    assert "does not understand people" in first


def test_hub_metadata_has_language_licence_and_figures(demo: Path) -> None:
    evaluation = json.loads((demo / "evaluation.json").read_text("utf-8"))
    data = ModelCard((demo / "README.md").read_text("utf-8")).data
    assert (data.language, data.license, data.metrics) == ("nb", "apache-2.0", ["wer", "cer"])
    assert data.model_name == "demo-nb"
    found = {result.metric_name: result.metric_value for result in data.eval_results}
    assert len(found) == 6
    assert found["Test WER, greedy"] == round(evaluation["greedy_wer"], 4)
    lm = "Test CER, beam search with language model"
    assert found[lm] == round(evaluation["beam_lm_cer"], 4)


def test_catalogue_entry_has_the_figures_of_the_card(demo: Path) -> None:
    evaluation = json.loads((demo / "evaluation.json").read_text("utf-8"))
    card = read_card(demo / "model.toml")
    assert card.recipe == "demo-nb"
    assert [(figure.metric, figure.decoder) for figure in card.figures] == [
        (metric, decoder)
        for decoder in ("greedy", "beam search", "beam search with language model")
        for metric in ("wer", "cer")
    ]
    assert card.figures[0].value == round(evaluation["greedy_wer"], 4)
    assert card.figures[4].value == round(evaluation["beam_lm_wer"], 4)


def test_card_update_replaces_its_own_figures_only(demo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "demo-nb"
    shutil.copytree(demo, folder)
    theirs = '[[figures]]\ndataset = "FLEURS"\nmetric = "wer"\nvalue = 0.1\ndecoder = "greedy"\n'
    with (folder / "model.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n{theirs}source = "a paper"\n')
    run("card", folder)
    run("card", folder)
    card = read_card(folder / "model.toml")
    assert [figure.source for figure in card.figures].count("a paper") == 1
    assert len(card.figures) == 7
    assert card.notes == read_card(demo / "model.toml").notes


def test_card_lists_data_packages_and_dropped_records(demo: Path) -> None:
    text = text_of(demo)
    for sentence in (
        "| training | 19,999 | 18.30 |",
        "55,386 too short or too long, 4,689 repeated",
        "several may apply to one: 12,000 noise, 9,000 none",
        "evolution-common 3.46.4-2+deb12u1, gnucash-common 1:4.13-1",
        "29,663 distinct sentences",
        "2-gram (KenLM)",
        "alpha 0.5, beta 1, not tuned.",
    ):
        assert sentence in text


def test_figures_of_other_weights_or_another_language_model_are_refused(
    demo: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "demo-nb"
    shutil.copytree(demo, folder)
    attributes = json.loads((folder / "language_model" / "attrs.json").read_text())
    (folder / "language_model" / "attrs.json").write_text(json.dumps(attributes | {"alpha": 2.0}))
    with pytest.raises(DataError, match="another language model"):
        gather(folder)


def test_loss_curve_image_is_reproducible(demo: Path, tmp_path: Path) -> None:
    with Image.open(demo / "curve.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 600
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 10
    before = (demo / "curve.png").read_bytes()
    shutil.copytree(demo, tmp_path / "demo-nb")
    run("card", tmp_path / "demo-nb")
    assert (tmp_path / "demo-nb" / "curve.png").read_bytes() == before


@pytest.fixture
def fine_tuned(tmp_path: Path) -> Path:
    """A run of the published Nynorsk recipe, its weights those of a tiny model."""
    write_checkpoint(tmp_path / "run" / "export")
    log = RECIPES / "published" / f"{NYNORSK}.training_log.csv"
    shutil.copyfile(log, tmp_path / "run" / "training_log.csv")
    shutil.copyfile(RECIPES / f"{NYNORSK}.toml", tmp_path / "run" / "recipe.toml")
    run("card", tmp_path / "run")
    return tmp_path / "run" / "export"


def test_card_of_a_published_recipe_has_the_hyperparameters_of_the_published_card(
    fine_tuned: Path,
) -> None:
    lines = (fine_tuned / "README.md").read_text("utf-8").splitlines()
    for line in (
        "- learning_rate: 6e-05",
        "- train_batch_size: 8",
        "- seed: 42",
        "- gradient_accumulation_steps: 2",
        "- total_train_batch_size: 16",
        "- lr_scheduler_type: linear",
        "- lr_scheduler_warmup_steps: 2000",
        "- num_epochs: 50.0",
        "- mixed_precision_training: Native AMP",
    ):
        assert line in lines
    log = list(csv.DictReader((fine_tuned / "training_log.csv").read_text("utf-8").splitlines()))
    head = lines.index("| Training Loss | Epoch | Step | Validation Loss | Wer |")
    rows = [
        [float(cell) for cell in line.strip("| ").split("|")]
        for line in lines[head + 2 : head + 2 + len(log)]
    ]
    assert rows == [
        [float(row[name]) for name in ("training_loss", "epoch", "step", "validation_loss", "wer")]
        for row in log
    ]
    assert lines[head + 2 + len(log)] == ""


def test_card_of_recorded_speech_names_its_datasets_without_the_synthesis_warning(
    fine_tuned: Path,
) -> None:
    data = ModelCard((fine_tuned / "README.md").read_text("utf-8")).data
    assert data.datasets == ["NbAiLab/NPSC"]
    assert data.base_model == "facebook/wav2vec2-xls-r-1b"
    text = text_of(fine_tuned)
    assert "synthesised" not in text
    assert "watched on its test split, which flatters" in text
    assert "How well it does" not in text


def test_training_run_gets_its_own_catalogue_entry(fine_tuned: Path) -> None:
    card = read_card(fine_tuned / "model.toml")
    assert (card.id, card.languages, card.figures) == (NYNORSK, ("nn",), ())


def test_priority_is_written_where_it_is_given_and_stays_where_it_is_not(fine_tuned: Path) -> None:
    file = fine_tuned / "model.toml"
    assert read_card(file).priority == 0
    for arguments, expected in ((("--priority", "40"), 40), ((), 40), (("--priority", "-1"), -1)):
        run("card", fine_tuned.parent, *arguments)
        assert read_card(file).priority == expected
    assert file.read_text("utf-8").count("priority") == 1
    file.write_text(f'id = "{NYNORSK}"\n\n[layout]\nvocabulary = 32\n', "utf-8")
    run("card", fine_tuned.parent, "--priority", "7")
    card = read_card(file)
    assert (card.priority, card.layout.vocabulary) == (7, 32)


def test_missing_inputs_are_reported(tmp_path: Path, fine_tuned: Path) -> None:
    with pytest.raises(DataError, match="neither a model folder nor a run"):
        gather(tmp_path)
    (fine_tuned / "model.toml").unlink()
    (fine_tuned.parent / "recipe.toml").unlink()
    with pytest.raises(DataError, match="name it with --recipe"):
        gather(fine_tuned)
    with pytest.raises(DataError, match="no evaluation"):
        gather(fine_tuned, recipe=NYNORSK, evaluation=tmp_path / "none.json")
    (fine_tuned.parent / "training_log.csv").write_text("step,loss\n1,2\n")
    with pytest.raises(DataError, match="no training log"):
        gather(fine_tuned, recipe=NYNORSK)
