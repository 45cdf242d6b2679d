"""Resolves the references of NORDLYD_MODELS: ids, folders and hub ids. Needs no network."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from app.catalogue.cards import CARD_NAME, HUB_ID, ModelCard, read_card
from app.catalogue.files import missing_files
from app.errors import ConfigurationError

Source = Literal["bundled", "folder", "hub"]


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """One model to load.

    `folder` is known for bundled models and folders, and None for `hub` models, whose folder
    `locate` finds in the store or the Hugging Face cache.
    """

    id: str
    folder: Path | None
    card: ModelCard
    source: Source


class Catalogue:
    """The model cards of one folder of `<id>/model.toml`.

    Args:
        cards: cards by id, in the order they are listed.
        folder: the folder that holds them; `<folder>/<id>/` may hold the model's files too.
        target_langs: `target_lang` by id, hub id or reference; takes precedence over the card.

    Raises:
        ConfigurationError: two cards share a hub id.
    """

    def __init__(
        self,
        cards: Mapping[str, ModelCard],
        folder: Path,
        target_langs: Mapping[str, str] | None = None,
    ) -> None:
        self.cards = dict(cards)
        self.folder = folder
        self._target_langs = dict(target_langs or {})
        self._by_hub: dict[str, ModelCard] = {}
        for card in self.cards.values():
            if card.hub is None:
                continue
            other = self._by_hub.setdefault(card.hub, card)
            if other is not card:
                raise ConfigurationError(
                    f"{folder}: {other.id} and {card.id} have the same hub id {card.hub}"
                )

    @classmethod
    def load(cls, folder: Path, target_langs: Mapping[str, str] | None = None) -> "Catalogue":
        """Reads every `<folder>/<id>/model.toml`, sorted by id.

        Raises:
            ConfigurationError: no such folder, a bad card, or an id other than its folder's name.
        """
        if not folder.is_dir():
            raise ConfigurationError(
                f"{folder}: no such folder; NORDLYD_CATALOGUE names the folder of <id>/{CARD_NAME}",
                param="catalogue",
            )
        cards = {}
        for path in sorted(folder.glob(f"*/{CARD_NAME}")):
            card = read_card(path)
            if card.id != path.parent.name:
                raise ConfigurationError(
                    f"{path}: id: is {card.id!r}, must be the folder's name {path.parent.name!r}",
                    param="id",
                )
            cards[card.id] = card
        return cls(cards, folder, target_langs)

    def resolve(self, reference: str) -> ResolvedModel:
        """Returns the model that `reference` means.

        A catalogue id takes precedence, then a known hub id, an existing folder, and last any
        `org/name` as a hub id with a card made from its name.

        Raises:
            ConfigurationError: none of them; the message lists the catalogue.
        """
        reference = reference.strip()
        model = self._resolve(reference)
        for name in (reference, model.id, model.card.hub):
            if name is not None and name in self._target_langs:
                chosen = {"target_lang": self._target_langs[name]}
                return replace(model, card=model.card.model_copy(update=chosen))
        return model

    def _resolve(self, reference: str) -> ResolvedModel:
        card = self.cards.get(reference) or self._by_hub.get(reference)
        if card is not None:
            return self._of_catalogue(card)
        path = Path(reference).expanduser()
        if reference and path.is_dir():
            return self._of_folder(path.resolve())
        if re.fullmatch(HUB_ID, reference):
            card = ModelCard(id=reference.rsplit("/", 1)[1], hub=reference)
            return ResolvedModel(card.id, None, card, "hub")
        raise ConfigurationError(
            f"{reference!r} is no catalogue id, no existing folder and no hub id (org/name); "
            f"the catalogue has: {', '.join(self.cards) or 'nothing'}",
            param="models",
        )

    def _of_catalogue(self, card: ModelCard) -> ResolvedModel:
        folder = self.folder / card.id
        if card.hub is None:
            return ResolvedModel(card.id, folder, card, "bundled")
        if not missing_files(folder):
            return ResolvedModel(card.id, folder, card, "folder")
        return ResolvedModel(card.id, None, card, "hub")

    def _of_folder(self, folder: Path) -> ResolvedModel:
        toml = folder / CARD_NAME
        # A copied folder of the catalogue or the store keeps its name, and with it its card.
        card = self.cards.get(folder.name) or self._by_hub.get(folder.name.replace("--", "/", 1))
        if toml.is_file():
            card = read_card(toml)
        if card is None:
            name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name).lstrip("-._")
            card = ModelCard(id=name or "model")
        return ResolvedModel(card.id, folder, card, "folder")
