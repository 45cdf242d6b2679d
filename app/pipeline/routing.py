"""A request's model and language in, the loaded model that serves it out."""

from collections.abc import Sequence

from app.catalogue import ModelCard, Router
from app.contract.answers import Notice
from app.decoding import DecodingOptions
from app.errors import InvalidRequestError, UnavailableError
from app.itn import LANGUAGES, FormattingOptions
from app.pipeline.requests import LoadedModel
from app.pipeline.search_limits import SearchLimits


class ModelRegistry:
    """The models in memory, and which of them serves a request.

    Args:
        router: chooses the model of a request.
        search_limits: bounds of the decoding options, as the operator set them.
    """

    def __init__(self, router: Router, search_limits: SearchLimits) -> None:
        self._router = router
        self._search_limits = search_limits
        self._models: dict[str, LoadedModel] = {}

    @property
    def models(self) -> Sequence[LoadedModel]:
        """The models in memory, in the order they were added."""
        return tuple(self._models.values())

    def add(self, model: LoadedModel) -> None:
        """Adds a model."""
        self._models[model.card.id] = model

    def route(
        self,
        model: str | None,
        language: str | None,
        decoding: DecodingOptions | None,
        readable: FormattingOptions | None,
    ) -> ModelCard:
        """Returns the card of the model that serves a request.

        Raises:
            UnknownModelError: no such model is loaded, or none for that language.
            InvalidRequestError: the model does not serve the language, cannot be decoded so, or
                its language has no rules for the formatted text.
        """
        card = self._router.route(model, language)
        if decoding is not None:
            if card.id in self._models:
                self._models[card.id].decoders.check(decoding)
            self._search_limits.check(decoding)
        written = self._router.language_of(card, language)
        if readable is not None and written not in LANGUAGES:
            raise InvalidRequestError(
                f"format_text has no rules for language {written!r}; "
                f"it has some for: {', '.join(LANGUAGES)}.",
                param="format_text",
            )
        return card

    def loaded(self, card: ModelCard, language: str | None) -> tuple[LoadedModel, str]:
        """Returns the model of a card, and the code of the language that it transcribes.

        Raises:
            UnavailableError: it is still being loaded.
        """
        if card.id not in self._models:
            raise UnavailableError(f"The model {card.id} is still being loaded.", code="loading")
        return self._models[card.id], self._router.language_of(card, language)

    def notices(self, model: str | None, language: str | None) -> Sequence[Notice]:
        """Returns what a client should know about the model that was chosen."""
        return self._router.notices(model, language)
