"""Chooses the loaded model for the model and language of a request."""

from collections.abc import Sequence
from dataclasses import replace

from app.catalogue import Router
from app.decoding import DecodingOptions
from app.errors import InvalidRequestError, UnavailableError
from app.itn import LANGUAGES, FormattingOptions, WordList
from app.pipeline.options import SearchLimits
from app.pipeline.requests import LoadedModel, Route


class ModelRegistry:
    """The models in memory, and which of them serves a request.

    Args:
        router: chooses the model of a request.
        search_limits: bounds of the decoding options, as the operator set them.
        profanities: words to mask; None takes the built-in list.
    """

    def __init__(
        self, router: Router, search_limits: SearchLimits, profanities: WordList | None
    ) -> None:
        self._router = router
        self._search_limits = search_limits
        self._profanities = profanities
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
        model: str | None = None,
        language: str | None = None,
        decoding: DecodingOptions | None = None,
        formatting: FormattingOptions | None = None,
    ) -> Route:
        """Returns what serves a request; raises as `Transcriber.route`."""
        card = self._router.route(model, language)
        if decoding is not None:
            if card.id in self._models:
                self._models[card.id].decoders.check(decoding)
            self._search_limits.check(decoding)
        transcribed = self._router.language_of(card, language)
        if formatting is not None and transcribed not in LANGUAGES:
            raise InvalidRequestError(
                f"format_text has no rules for language {transcribed!r}; "
                f"it has some for: {', '.join(LANGUAGES)}.",
                param="format_text",
            )
        return Route(
            card=card,
            language=transcribed,
            decoding=decoding or DecodingOptions(),
            formatting=None if formatting is None else self.with_profanities(formatting),
            notices=tuple(self._router.notices(model, language)),
        )

    def with_profanities(self, formatting: FormattingOptions) -> FormattingOptions:
        """Returns options that mask the operator's words, where there is a list of them."""
        return replace(formatting, profanities=self._profanities)

    def loaded(self, route: Route) -> LoadedModel:
        """Returns the model of a route.

        Raises:
            UnavailableError: it is still being loaded.
        """
        card = route.card
        if card.id not in self._models:
            raise UnavailableError(f"The model {card.id} is still being loaded.", code="loading")
        return self._models[card.id]
