"""The catalogue as plain data, for the command line and the API to show."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from app.catalogue.cards import ModelCard
from app.catalogue.catalogue import Catalogue
from app.catalogue.files import missing_files, store_folder
from app.catalogue.hub import find_in_cache

State = Literal["bundled", "pulled", "cached", "folder", "absent"]


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One line of a list of models; `folder` is None where `state` is `absent`."""

    id: str
    languages: tuple[str, ...]
    base: str | None
    licence: str | None
    hub: str | None
    figure: str | None
    state: State
    folder: Path | None


def list_rows(
    catalogue: Catalogue, store: Path, *, cache: Path | None = None
) -> tuple[ModelRow, ...]:
    """Returns one row a card, with where its files are on this machine. No network.

    Args:
        catalogue: the cards.
        store: folder of the pulled models.
        cache: the Hugging Face cache; by default that of HF_HOME and HF_HUB_CACHE.
    """
    return tuple(_row(catalogue, card, store, cache) for card in catalogue.cards.values())


def describe(card: ModelCard) -> dict[str, Any]:
    """Returns every fact of the card as JSON-ready data; unknown ones are left out."""
    return card.model_dump(mode="json", exclude_none=True, exclude_defaults=True)


def headline(card: ModelCard) -> str | None:
    """Returns the first WER of the card in a phrase, None if it has none.

    Figures of different models are on different test sets: not for ranking them.
    """
    for figure in card.figures:
        if figure.metric == "wer":
            return f"WER {100 * figure.value:.1f} % on {figure.dataset} ({figure.decoder})"
    return None


def _row(catalogue: Catalogue, card: ModelCard, store: Path, cache: Path | None) -> ModelRow:
    state, folder = _where(_places(catalogue, card, store, cache))
    return ModelRow(
        id=card.id,
        languages=card.languages,
        base=card.base,
        licence=card.licence,
        hub=card.hub,
        figure=headline(card),
        state=state,
        folder=folder,
    )


def _places(
    catalogue: Catalogue, card: ModelCard, store: Path, cache: Path | None
) -> Iterable[tuple[State, Path | None]]:
    own = catalogue.folder / card.id
    yield ("bundled" if card.hub is None else "folder"), own
    if card.hub is not None:
        yield "pulled", store_folder(store, card.hub)
        yield "cached", find_in_cache(card, cache)


def _where(places: Iterable[tuple[State, Path | None]]) -> tuple[State, Path | None]:
    for state, folder in places:
        if folder is not None and not missing_files(folder):
            return state, folder
    return "absent", None
