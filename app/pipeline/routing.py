"""Chooses the loaded model for the model and language of a request."""

from collections.abc import Sequence
from dataclasses import replace

from app.catalogue import ModelCard, Router
from app.contract.answers import Notice
from app.contract.languages import AUTO_EACH, DetectionMode, detection_mode
from app.contract.redaction import RedactKind
from app.decoding import DecodingOptions
from app.errors import InvalidRequestError, UnavailableError
from app.itn import LANGUAGES, FormattingOptions, WordList
from app.pipeline.options import SearchLimits
from app.pipeline.requests import AvailableModel, Detection, LoadedModel, Route
from app.redaction import RedactionOptions, check_language, with_operator_names


class ModelRegistry:
    """The models that are loaded, and which of them serves a request.

    Args:
        router: chooses the model of a request.
        search_limits: bounds of the decoding options, as the operator set them.
        profanities: words to mask; None takes the built-in list.
        names: the operator's, which requests can have masked.
        redact: what is masked in every transcript; `names` only where there are some.
    """

    def __init__(
        self,
        router: Router,
        search_limits: SearchLimits,
        profanities: WordList | None,
        names: tuple[str, ...] = (),
        redact: frozenset[RedactKind] = frozenset(),
    ) -> None:
        self._router = router
        self._search_limits = search_limits
        self._profanities = profanities
        self._names = names
        self._redact = redact
        self._models: dict[str, AvailableModel] = {}

    @property
    def models(self) -> Sequence[AvailableModel]:
        """The loaded models, in the order they were added."""
        return tuple(self._models.values())

    def add(self, model: AvailableModel) -> None:
        """Adds a model."""
        self._models[model.card.id] = model

    def discard(self, model_id: str) -> None:
        """Removes a model from memory; requests are still routed to it, and load it again."""
        self._models.pop(model_id, None)

    def switch(self, *, add: AvailableModel | None = None, remove: str | None = None) -> None:
        """Changes the models and which of them serve requests, from the next request on.

        Args:
            add: takes the place of the removed one, or else the last place.
            remove: id of a model; requests that were routed to it keep it.

        Raises:
            ConfigurationError: without the removed model none is left, or none serves the default
                language; nothing is changed.
        """
        models = list(self._models.values())
        removed = [place for place, model in enumerate(models) if model.card.id == remove]
        place = removed[0] if removed else len(models)
        models[place : place + 1] = [] if add is None else [add]
        self._router = self._router.with_cards([model.card for model in models])
        self._models = {model.card.id: model for model in models}

    def route(
        self,
        model: str | None = None,
        language: str | None = None,
        decoding: DecodingOptions | None = None,
        formatting: FormattingOptions | None = None,
        *,
        detect: bool = False,
    ) -> Route:
        """Returns what serves a request; arguments and errors as `Transcriber.route`."""
        mode = detection_mode(language)
        if mode is not None:
            if not detect:
                raise InvalidRequestError(
                    f"language is {language!r}, and no language is detected here; accepted: the "
                    "name of the language, or none.",
                    param="language",
                )
            return self._detected(mode, model, decoding, formatting)
        return self._route(
            self._router.route(model, language),
            language,
            decoding,
            formatting,
            notices=tuple(self._router.notices(model, language)),
        )

    def _detected(
        self,
        mode: DetectionMode,
        model: str | None,
        decoding: DecodingOptions | None,
        formatting: FormattingOptions | None,
    ) -> Route:
        """Returns a route that is chosen by the speech; all that may be chosen can be served."""
        if mode == AUTO_EACH and decoding is not None and decoding.n_best > 1:
            raise InvalidRequestError(
                f"n_best is above 1; accepted with language={AUTO_EACH}: 1.", param="n_best"
            )
        candidates = tuple(
            self._route(card, code, decoding, formatting)
            for card, code in self._router.candidates(model)
        )
        return replace(
            candidates[0], language=mode, detection=Detection(candidates, mode == AUTO_EACH)
        )

    def _route(
        self,
        card: ModelCard,
        language: str | None,
        decoding: DecodingOptions | None,
        formatting: FormattingOptions | None,
        notices: tuple[Notice, ...] = (),
    ) -> Route:
        """Returns the route to a model, where it can do what the options require."""
        if decoding is not None:
            if card.id in self._models:
                self._models[card.id].check(decoding)
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
            notices=notices,
            model=self._models.get(card.id),
        )

    def with_profanities(self, formatting: FormattingOptions) -> FormattingOptions:
        """Returns options that mask the operator's words, where there is a list of them."""
        return replace(formatting, profanities=self._profanities)

    def with_redaction(self, route: Route, requested: RedactionOptions | None) -> Route:
        """Returns a route whose text is masked as its request and the operator require.

        Raises:
            InvalidRequestError: there are no rules for its language, or no names to mask.
        """
        redaction = requested or RedactionOptions(frozenset())
        redaction = replace(redaction, kinds=redaction.kinds | self._redact)
        if not redaction.kinds:
            return route
        redaction, notice = with_operator_names(redaction, self._names)
        notices = () if notice is None else (notice,)

        def masked(chosen: Route) -> Route:
            check_language(chosen.language)
            return replace(chosen, redaction=redaction, notices=(*chosen.notices, *notices))

        if route.detection is None:
            return masked(route)
        candidates = tuple(masked(candidate) for candidate in route.detection.candidates)
        detection = replace(route.detection, candidates=candidates)
        return replace(route, redaction=redaction, detection=detection)

    def loaded(self, route: Route) -> LoadedModel:
        """Returns the model of a route, which is in the memory of this process.

        Raises:
            UnavailableError: it is still being loaded.
        """
        model = route.model or self._models.get(route.card.id)
        if not isinstance(model, LoadedModel):
            raise UnavailableError(
                f"The model {route.card.id} is still being loaded.", code="loading"
            )
        return model
