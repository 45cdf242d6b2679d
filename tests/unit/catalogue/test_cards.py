"""Cards and references: what model.toml may contain, and what NORDLYD_MODELS may name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.catalogue import Catalogue, describe, list_rows, locate, read_card
from app.errors import ConfigurationError

REPOSITORY = Path(__file__).parents[3]
REAL = REPOSITORY / "models"


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    write(tmp_path / "models/first", 'id = "first"\nhub = "org/first"\nlanguages = ["nn"]')
    write(tmp_path / "models/small", 'id = "small"\nlanguages = ["da-DK"]')
    return Catalogue.load(tmp_path / "models")


def test_repository_catalogue_has_complete_cards() -> None:
    catalogue = Catalogue.load(REAL)
    assert set(catalogue.cards) == {
        "wav2vec2-xlsr-1B-NPSC-NN",
        "wav2vec2-large-danish-npsc-nst",
        "nb-wav2vec2-1b-nynorsk",
        "nb-wav2vec2-1b-bokmaal",
        "nb-wav2vec2-300m-bokmaal",
        "roest-v3-wav2vec2-315m",
        "demo-da",
        "demo-nb",
        "demo-nn",
    }
    for card in catalogue.cards.values():
        assert card.languages
        assert card.licence
        assert card.base
        assert (card.hub is None) == card.id.startswith("demo-")
        assert card.figures


def test_page_of_the_danish_checkpoint_states_its_provenance() -> None:
    page = (REAL / "wav2vec2-large-danish-npsc-nst/README.md").read_text(encoding="utf-8")
    for fact in ("most likely Norwegian", "names the base", "303,569", "roest-v3-wav2vec2-315m"):
        assert fact in page


def test_example_card_of_the_docs_is_valid(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs/models.md").read_text(encoding="utf-8")
    example = page.split("```toml\n", 1)[1].split("```", 1)[0]
    card = read_card(write(tmp_path, example))
    assert (card.id, card.languages, len(card.figures)) == ("our-danish", ("da",), 1)


def test_every_hub_card_has_a_page_that_disclaims_its_figures() -> None:
    for card in Catalogue.load(REAL).cards.values():
        if card.hub is not None:
            page = (REAL / card.id / "README.md").read_text(encoding="utf-8")
            assert card.hub in page
            assert "measured by this project" in page


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('hub = "org/name"', "id: Field required"),
        ('id = "a"\nlanguages = "nn"', "languages: "),
        ('id = "a"\nlanguages = ["norsk!"]', "languages.0: "),
        ('id = "a"\nhub = "no-slash"', "hub: "),
        ('id = "a/b"', "id: "),
        ('id = "a"\ncolour = 1', "colour: "),
        ('id = "a"\ntarget_lang = "../nob"', "target_lang: "),
        ('id = "a"\n[[figures]]\nmetric = "wer"\nvalue = 0.1', "figures.0.dataset: "),
        ('id = "a"\n[decoding]\nalpha = "high"', "decoding.alpha: "),
        ("id = ", "not valid TOML"),
    ],
)
def test_invalid_card_names_the_file_and_the_field(tmp_path: Path, text: str, field: str) -> None:
    path = write(tmp_path / "a", text)
    with pytest.raises(ConfigurationError) as caught:
        read_card(path)
    assert caught.value.message.startswith(f"{path}: ")
    assert field in caught.value.message


def test_unreadable_card_and_missing_catalogue_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none/model\.toml: cannot be read"):
        read_card(tmp_path / "none/model.toml")
    with pytest.raises(ConfigurationError, match="no such folder; NORDLYD_CATALOGUE"):
        Catalogue.load(tmp_path / "none")


def test_card_id_that_differs_from_its_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "one", 'id = "two"')
    with pytest.raises(ConfigurationError, match="is 'two', must be the folder's name 'one'"):
        Catalogue.load(tmp_path)


def test_same_hub_id_on_two_cards_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "one", 'id = "one"\nhub = "org/same"')
    write(tmp_path / "two", 'id = "two"\nhub = "org/same"')
    with pytest.raises(ConfigurationError, match="one and two have the same hub id org/same"):
        Catalogue.load(tmp_path)


def test_id_and_hub_id_resolve_to_the_same_model(catalogue: Catalogue) -> None:
    resolved = catalogue.resolve("first")
    assert resolved == catalogue.resolve(" org/first ")
    assert (resolved.id, resolved.folder, resolved.source) == ("first", None, "hub")
    assert resolved.card.languages == ("nn",)


@pytest.mark.parametrize("name", ["first", "org/first"])
def test_target_lang_setting_overrides_the_card(catalogue: Catalogue, name: str) -> None:
    write(catalogue.folder / "first", 'id = "first"\nhub = "org/first"\ntarget_lang = "nob"')
    assert Catalogue.load(catalogue.folder).resolve("first").card.target_lang == "nob"
    chosen = Catalogue.load(catalogue.folder, {name: "nno"})
    assert chosen.resolve("first").card.target_lang == "nno"
    assert chosen.resolve("org/first").card.target_lang == "nno"
    assert chosen.resolve("small").card.target_lang is None


def test_card_without_a_hub_id_resolves_to_its_bundled_folder(catalogue: Catalogue) -> None:
    resolved = catalogue.resolve("small")
    assert (resolved.folder, resolved.source) == (catalogue.folder / "small", "bundled")
    assert resolved.card.languages == ("da",)


def test_files_beside_the_card_of_a_hub_model_are_used(
    catalogue: Catalogue, make_checkpoint: Callable[[Path], Path]
) -> None:
    folder = make_checkpoint(catalogue.folder / "first")
    resolved = catalogue.resolve("first")
    assert resolved.source == "folder"
    assert locate(resolved, catalogue.folder / "store", allow_pull=False) == folder


def test_unknown_hub_id_gets_a_card_derived_from_its_name(catalogue: Catalogue) -> None:
    resolved = catalogue.resolve("someone/their-model")
    assert (resolved.id, resolved.card.hub) == ("their-model", "someone/their-model")
    assert resolved.card.languages == ()


def test_folder_resolves_with_its_card_or_a_minimal_one(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    write(tmp_path / "with card", 'id = "mine"\nlanguages = ["nb"]')
    (tmp_path / "without card").mkdir()
    own = catalogue.resolve(str(tmp_path / "with card"))
    assert (own.id, own.source, own.card.languages) == ("mine", "folder", ("nb",))
    minimal = catalogue.resolve(str(tmp_path / "without card"))
    assert (minimal.id, minimal.card.languages) == ("without-card", ())
    assert minimal.folder == tmp_path / "without card"


def test_folder_named_as_in_the_store_resolves_to_its_card(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    (tmp_path / "org--first").mkdir()
    assert catalogue.resolve(str(tmp_path / "org--first")).id == "first"


def test_existing_folder_takes_precedence_over_an_unknown_hub_id(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "someone/model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert catalogue.resolve("someone/model").folder == tmp_path / "someone/model"


@pytest.mark.parametrize("reference", ["nothing", "", "/no/such/folder", "a/b/c"])
def test_unresolvable_reference_lists_the_catalogue(catalogue: Catalogue, reference: str) -> None:
    with pytest.raises(ConfigurationError, match="the catalogue has: first, small"):
        catalogue.resolve(reference)


def test_folder_with_missing_files_is_refused_with_their_names(
    catalogue: Catalogue, tmp_path: Path, make_checkpoint: Callable[[Path], Path]
) -> None:
    folder = make_checkpoint(tmp_path / "mine")
    (folder / "pytorch_model.bin").unlink()
    (folder / "vocab.json").write_bytes(b"")
    with pytest.raises(ConfigurationError) as caught:
        locate(catalogue.resolve(str(folder)), tmp_path, allow_pull=True)
    assert caught.value.message.startswith(
        "model mine: missing model.safetensors or pytorch_model.bin, vocab.json (looked in "
    )


def test_rows_have_the_state_and_folder_of_each_model(
    catalogue: Catalogue, tmp_path: Path, make_checkpoint: Callable[[Path], Path]
) -> None:
    store, cache = tmp_path / "store", tmp_path / "cache"
    absent = list_rows(catalogue, store, cache=cache)
    assert [(row.id, row.state, row.folder) for row in absent] == [
        ("first", "absent", None),
        ("small", "absent", None),
    ]
    pulled = make_checkpoint(store / "org--first")
    bundled = make_checkpoint(catalogue.folder / "small")
    rows = list_rows(catalogue, store, cache=cache)
    assert [(row.state, row.folder) for row in rows] == [("pulled", pulled), ("bundled", bundled)]


def test_row_figure_is_the_first_wer_of_the_card() -> None:
    rows = {row.id: row for row in list_rows(Catalogue.load(REAL), Path("/nowhere"))}
    assert "synthesised" in (rows["demo-da"].figure or "")
    assert rows["nb-wav2vec2-1b-bokmaal"].figure == (
        "WER 6.3 % on NPSC 16K_mp3_bokmaal test (beam search with the 5-gram)"
    )


def test_description_omits_unset_fields_of_the_card() -> None:
    card = Catalogue.load(REAL).cards["roest-v3-wav2vec2-315m"]
    data = describe(card)
    assert data["licence"] == "openrail"
    assert data["figures"][0]["value"] == 0.1797
    assert "revision" not in data
    assert type(card).model_validate(data) == card
