"""Recipe files: the bundled ones are consistent and state the sources of their numbers."""

import re
import tomllib
from pathlib import Path

import pytest

from trainer.data.sources import LOCAL, PUBLISHED, open_source
from trainer.errors import RecipeError
from trainer.recipe import RECIPES, Recipe, bundled_recipes, load_recipe
from trainer.recipe_rules import OWN_SOURCES, PUBLISHED_SOURCES

DEMOS = ("demo-da", "demo-nb", "demo-nn")
STRICT = ("wav2vec2-xlsr-1B-NPSC-NN", "wav2vec2-large-danish-npsc-nst")
IMPROVED = tuple(f"{name}-improved" for name in STRICT)
LARGE = (*STRICT, *IMPROVED, "nb-1b-nynorsk")


@pytest.mark.parametrize("name", bundled_recipes())
def test_bundled_recipe_loads_by_its_name(name: str) -> None:
    assert load_recipe(name).id == name


def test_documented_recipes_are_bundled() -> None:
    assert {*DEMOS, *LARGE} <= set(bundled_recipes())


@pytest.mark.parametrize("name", bundled_recipes())
def test_every_value_of_a_recipe_states_its_source(name: str) -> None:
    lines = (RECIPES / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    bare = [line for index, line in enumerate(lines) if not _explained(lines, index)]
    if name in LARGE:
        assert bare == []
    else:
        # A demo explains a block of like numbers once, at its head.
        assert not [line for line in bare if not _in_explained_block(lines, line)]


def _explained(lines: list[str], index: int) -> bool:
    line = lines[index]
    number = re.match(r"\w+ = (?=.*\d)[\[\d.,\-+e \]]+", line)
    if not number or "#" in line:
        return True
    return index > 0 and lines[index - 1].startswith("#")


def _in_explained_block(lines: list[str], line: str) -> bool:
    """A comment stands at the line or, without an empty line or a table between, above it."""
    for above in reversed(lines[: lines.index(line)]):
        if not above or above.startswith("["):
            return False
        if "#" in above:
            return True
    return False


@pytest.mark.parametrize("name", LARGE)
def test_data_sources_of_a_recipe_exist(name: str, tmp_path: Path) -> None:
    data = load_recipe(name).data
    folders = {spec.name: tmp_path for spec in PUBLISHED.values()}
    for reference in (*data.train, *data.valid, *data.test):
        assert open_source(reference, folders).split == reference.rpartition("/")[2]


def test_recipe_schema_has_the_sources_of_the_data_package() -> None:
    assert set(PUBLISHED_SOURCES) == set(PUBLISHED)
    assert set(OWN_SOURCES) == set(LOCAL)


def test_strict_recipes_reproduce_the_published_preprocessing() -> None:
    nynorsk, danish = (load_recipe(name) for name in STRICT)
    for recipe in (nynorsk, danish):
        assert recipe.data.normalisation == "strict"
        assert set(recipe.data.valid) == set(recipe.data.test)
        assert any(source.endswith("/validation") for source in recipe.data.train)
        assert recipe.training.precision == "fp16"
        assert recipe.training.select == "last"
        assert recipe.training.keep_checkpoints == 3
        assert recipe.training.average_checkpoints == 1
        assert recipe.augmentation is None
    assert not nynorsk.model.zero_infinity
    assert danish.model.zero_infinity
    assert danish.data.max_seconds == 20.0


@pytest.mark.parametrize("name", [*IMPROVED, "nb-1b-nynorsk"])
def test_current_recipes_select_by_validation_and_use_the_test_split_once(name: str) -> None:
    recipe = load_recipe(name)
    splits = [set(recipe.data.train), set(recipe.data.valid), set(recipe.data.test)]
    assert not splits[0] & splits[1]
    assert not splits[1] & splits[2]
    assert not splits[0] & splits[2]
    assert recipe.training.select == "validation"
    assert recipe.training.average_checkpoints > 1
    assert recipe.training.precision == "auto"
    assert recipe.model.zero_infinity
    assert recipe.data.normalisation == "corrected"
    assert recipe.augmentation
    assert recipe.augmentation.noise_share > 0
    assert recipe.augmentation.speed_share > 0


def changed(tmp_path: Path, name: str, *changes: tuple[str, str]) -> Path:
    """Writes a bundled recipe with the value of some keys (`table.key`) replaced."""
    text = (RECIPES / f"{name}.toml").read_text(encoding="utf-8")
    for key, value in changes:
        table, _, field = key.rpartition(".")
        head, mark, rest = text.partition(f"[{table}]\n") if table else ("", "", text)
        rest, count = re.subn(
            rf"^{field} = (?:\[[^\]]*\]|[^\n#]*)", f"{field} = {value}", rest, count=1, flags=re.M
        )
        assert count == 1, key
        text = head + mark + rest
    path = tmp_path / "changed.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_recipe_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    text = (RECIPES / "demo-da.toml").read_text(encoding="utf-8")
    broken = tmp_path / "broken.toml"
    for old, new, message in (
        ("seed =", "sede =", "lacks seed"),
        ("heads = 4", 'heads = "4"', "heads must be int"),
        ('normalisation = "corrected"', 'normalisation = "other"', "corrected, strict"),
        ("[model]", "[model]\nlearners = 3", "unknown keys learners"),
        ("betas = [0.9, 0.98]", "betas = [0.9]", "must have 2 values"),
        ("[text]", "[text", "is not TOML"),
    ):
        assert old in text
        broken.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(RecipeError, match=message):
            load_recipe(broken)


def test_unknown_recipe_error_lists_known_recipes() -> None:
    with pytest.raises(RecipeError, match=r"bundled: demo-da.*wav2vec2-xlsr-1B-NPSC-NN"):
        load_recipe("demo-xx")


NYNORSK, DANISH = "wav2vec2-xlsr-1B-NPSC-NN", "wav2vec2-large-danish-npsc-nst-improved"

CONTRADICTIONS: tuple[tuple[str, tuple[tuple[str, str], ...], str], ...] = (
    (NYNORSK, (("id", '" "'),), "id must not be empty"),
    (NYNORSK, (("language", '"sv"'),), "language must be one of da, nb, nn"),
    (NYNORSK, (("seed", "-1"),), "seed must not be negative, and is -1"),
    (NYNORSK, (("training.steps", "100"),), r"epochs or training.steps .* the other 0"),
    (NYNORSK, (("training.epochs", "0.0"),), r"epochs or training.steps .* the other 0"),
    (NYNORSK, (("training.batch_seconds", "30.0"),), "device_batch or training.batch_seconds"),
    (NYNORSK, (("training.warmup_steps", "30000"),), "more than the 23250 steps"),
    (NYNORSK, (("training.decay_steps", "10"),), "0 for linear"),
    (NYNORSK, (("training.join_seconds", "[12.0]"),), "needs batches of training.batch_seconds"),
    (NYNORSK, (("training.average_checkpoints", "4"),), "not be above training.keep_checkpoints"),
    (NYNORSK, (("training.early_stop_evaluations", "4"),), 'needs select = "validation"'),
    (NYNORSK, (("training.select", '"validation"'),), "choose by the test split"),
    (NYNORSK, (("training.betas", "[0.9, 1.0]"),), "betas must be from 0 to below 1"),
    (NYNORSK, (("training.learning_rate", "0.0"),), "learning_rate must be above 0"),
    (NYNORSK, (("data.train", '["npsc-nynorks/train"]'),), "no source 'npsc-nynorks/train'"),
    (NYNORSK, (("data.train", '["npsc-nynorsk"]'),), "accepted are SOURCE/SPLIT"),
    (NYNORSK, (("data.train", '["hub:npsc/train"]'),), "no source 'hub:npsc/train'"),
    (NYNORSK, (("data.test", '["npsc-nynorsk/train"]'),), "what is trained on: npsc-nynorsk/train"),
    (NYNORSK, (("data.test", '["npsc-nynorsk/valid"]'),), "npsc-nynorsk/validation"),
    (NYNORSK, (("data.valid", "[]"),), "at least one source"),
    (NYNORSK, (("data.train_seconds", "1.0"),), "0.00 s an utterance"),
    (NYNORSK, (("data.min_seconds", "31.0"),), "below data.max_seconds"),
    (NYNORSK, (("data.min_letters", "0"),), "min_letters must be at least 1, and is 0"),
    (NYNORSK, (("data.train_samples", "0"),), "train_samples must be at least 1, and is 0"),
    (NYNORSK, (("model.mask_time_length", "25"),), "has 24 frames, and the mask 25"),
    (NYNORSK, (("model.mask_feature_length", "1281"),), "not be above model.hidden_size"),
    (NYNORSK, (("model.heads", "15"),), "hidden_size must be a multiple of model.heads"),
    (NYNORSK, (("model.conv_stride", "[5, 2]"),), "one value a layer each"),
    (NYNORSK, (("model.conv_stride", "[5, 2, 2, 2, 2, 2, 0]"),), "must be at least 1"),
    (NYNORSK, (("model.heads", "0"),), "model.heads must be at least 1, and is 0"),
    (NYNORSK, (("model.layerdrop", "1.0"),), "from 0 to below 1, and is 1"),
    (NYNORSK, (("model.mask_time_min_masks", "-1"),), "mask_time_min_masks must not be negative"),
    (NYNORSK, (("model.init", '""'),), "random or the id of the weights"),
    ("demo-da", (("model.fallbacks", '["a/b"]'),), "empty where model.init is random"),
    (NYNORSK, (("model.vocabulary_size", "5"),), "5 special tokens"),
    (NYNORSK, (("model.init", '"random"'),), "freeze_feature_encoder must be false"),
    (NYNORSK, (("training.accumulation", "0"),), "accumulation must be at least 1, and is 0"),
    (NYNORSK, (("training.warmup_steps", "-1"),), "warmup_steps must not be negative"),
    (NYNORSK, (("training.final_learning_rate", "1.0"),), "not be above training.learning_rate"),
    (NYNORSK, (("language_model.prune", "[0, 0]"),), "each of the 5 orders, not 2"),
    (NYNORSK, (("language_model.prune", "[-1, 0, 0, 0, 0]"),), "prune must not be negative"),
    (NYNORSK, (("language_model.alphas", "[]"),), "alphas and betas must not be empty"),
    (NYNORSK, (("language_model.beam_width", "0"),), "beam_width must be at least 1"),
    (NYNORSK, (("language_model.max_unigrams", "-1"),), "max_unigrams 0 or more"),
    (NYNORSK, (("language_model.prune", "[0, 1, 0, 1, 1]"),), "not fall from one order"),
    (NYNORSK, (("language_model.sources", '["sentences"]'),), "need the table .text."),
    (DANISH, (("augmentation.speed", "[1.1, 0.9]"),), "low to high, not 1.1 to 0.9"),
    (DANISH, (("augmentation.noise_share", "1.5"),), "from 0 to 1, and is 1.5"),
    ("demo-da", (("training.decay_steps", "0"),), "above 0 for the schedule plateau"),
    ("demo-da", (("training.batch_seconds", "5.0"),), "not be above training.batch_seconds"),
    (NYNORSK, (("data.train", '["synthesised/train"]'),), "needs the tables .text. and"),
    (
        "demo-da",
        tuple((f"data.{split}", f'["manifest:{split}"]') for split in ("train", "valid", "test")),
        "no split has the source synthesised",
    ),
    ("demo-da", (("synthesis.test_variants", '["m1"]'),), "voices of valid or test"),
    *(
        ("demo-da", (("synthesis.number_share", f"0.05\n{line}"),), message)
        for line, message in (
            ('voices = "espeak+kokoro"', "kokoro_share must be above 0"),
            ("kokoro_share = 0.3", "kokoro_share must be above 0"),
            ('voices = "espeak+piper"', "piper_share must be above 0"),
            ("piper_share = 0.3", "piper_share must be above 0"),
            (
                'voices = "espeak+kokoro+piper"\nkokoro_share = 0.6\npiper_share = 0.6',
                "must be 1 at most together",
            ),
            ('voices = "festival"', "one of espeak, espeak.kokoro"),
        )
    ),
    ("demo-nb-half", (("distillation.ctc_weight", "-0.1"),), "must not be negative, and is -0.1"),
    ("demo-nb-half", (("distillation.temperature", "0.0"),), "must be above 0, and is 0"),
    ("demo-nb-half", (("distillation.texts", '"none"'),), "texts must be one of data, teacher"),
    ("demo-nb-half", (("training.join_seconds", "[0.0, 12.0]"),), "must be 0 where distillation"),
    ("demo-nb-half", (("distillation.teacher_layers", "[0, 5]"),), "each of the 3 .* not 2"),
    ("demo-nb-half", (("distillation.teacher_layers", "[0, 5, 5]"),), "must rise from 0"),
    ("demo-nb-half", (("distillation.teacher_layers", "[]"),), "freeze_feature_encoder must be"),
    ("demo-nb-half", (("model.init", '"a/b"'),), "model.init must be random"),
    ("demo-da", (("synthesis.max_seconds", "99.0"),), "not be above data.max_seconds"),
)


@pytest.mark.parametrize(("name", "changes", "message"), CONTRADICTIONS)
def test_contradictory_values_are_refused(
    tmp_path: Path, name: str, changes: tuple[tuple[str, str], ...], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(changed(tmp_path, name, *changes))


def test_own_data_source_may_have_a_path(tmp_path: Path) -> None:
    path = changed(tmp_path, NYNORSK, ("data.train", '["manifest:speech/train.jsonl"]'))
    assert load_recipe(path).data.train == ("manifest:speech/train.jsonl",)


def test_recipe_has_the_values_of_its_toml_file() -> None:
    recipe: Recipe = load_recipe(NYNORSK)
    document = tomllib.loads((RECIPES / f"{NYNORSK}.toml").read_text(encoding="utf-8"))
    assert recipe.training.learning_rate == document["training"]["learning_rate"] == 6e-5
    assert list(recipe.model.conv_dim) == document["model"]["conv_dim"]
    assert recipe.text is None
