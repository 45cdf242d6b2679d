"""Chooses the loaded model that serves a request, by the model and language it names."""

from collections.abc import Mapping, Sequence

from app.catalogue.cards import ModelCard
from app.catalogue.languages import NORWEGIAN, WRITTEN_NORWEGIAN, canonical_language
from app.contract.answers import Notice
from app.errors import (
    ConfigurationError,
    InvalidRequestError,
    UnknownLanguageError,
    UnknownModelError,
)

UNDETERMINED = "und"


class Router:
    """Chooses among the loaded models.

    Args:
        routes: language to model ids or hub ids; the first that is loaded serves the language.
            None leaves the choice to the priorities of the cards; routes replace them.
        cards: cards of the loaded models, in the order of NORDLYD_MODELS.
        default_language: language of a request that names neither language nor model.

    Raises:
        ConfigurationError: no models, two of one id, or a default language that none serves.
    """

    def __init__(
        self,
        routes: Mapping[str, Sequence[str]] | None,
        cards: Sequence[ModelCard],
        default_language: str | None = None,
    ) -> None:
        if not cards:
            raise ConfigurationError("no model to serve: NORDLYD_MODELS is empty", param="models")
        self._cards = tuple(cards)
        self._by_name: dict[str, ModelCard] = {}
        for card in self._cards:
            if card.id in self._by_name:
                raise ConfigurationError(
                    f"two of the models to load are both called {card.id!r}", param="models"
                )
            self._by_name[card.id] = card
            if card.hub is not None:
                self._by_name.setdefault(card.hub, card)
        self._given_routes = routes
        self._by_priority = routes is None
        self._routes = {canonical_language(key): tuple(ids) for key, ids in (routes or {}).items()}
        self._default = canonical_language(default_language) if default_language else None
        if self._default is not None and self._serving(self._default) is None:
            raise ConfigurationError(
                f"NORDLYD_DEFAULT_LANGUAGE is {self._default!r}, which no loaded model serves; "
                f"served: {self._served()}",
                param="default_language",
            )

    def with_cards(self, cards: Sequence[ModelCard]) -> "Router":
        """Returns a router of the same settings for other loaded models; raises as the class."""
        return Router(self._given_routes, cards, self._default)

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """Cards of the loaded models, in the order of NORDLYD_MODELS."""
        return self._cards

    def route(self, model: str | None, language: str | None) -> ModelCard:
        """Returns the card of the loaded model that serves the request.

        A named model is taken. A language goes to the first loaded model of its route, where
        there are routes; else to the model whose card lists it nearest to the front, of several
        such to the one with the highest priority, and of equal ones to the first loaded; else to
        the only loaded model where its card lists no language at all (see `notices`). With
        neither, the default language decides, else the first loaded model serves.

        Raises:
            UnknownModelError: no such model is loaded.
            UnknownLanguageError: no loaded model serves the language.
            InvalidRequestError: the named model does not list the language. A model whose
                languages are unknown takes any.
        """
        code = canonical_language(language) if language and language.strip() else None
        if model and model.strip():
            return self._named(model.strip(), code)
        code = code or self._default
        if code is None:
            return self._cards[0]
        card = self._serving(code)
        if card is None:
            raise UnknownLanguageError(
                f"no loaded model serves language {code!r}; served: {self._served()}",
                param="language",
            )
        return card

    def notices(self, model: str | None, language: str | None) -> tuple[Notice, ...]:
        """Returns the warnings about the choice of the model that the answer to a request carries.

        `language_undeclared`: the request named a language, and the only loaded model served it
        though its card declares no languages.
        """
        if (model and model.strip()) or not (language and language.strip()):
            return ()
        code = canonical_language(language)
        if not self._only_undeclared or self._routed(code) is not None:
            return ()
        return (
            Notice(
                "language_undeclared",
                f"The only loaded model, {self._cards[0].id}, does not declare which languages it"
                f" knows; it served {code!r} all the same. Declare its languages in its"
                " model.toml, or name the model in the request.",
            ),
        )

    def language_of(self, card: ModelCard, language: str | None) -> str:
        """Returns the language code to put on an answer of `card` for a request's `language`.

        `no` becomes the written language that the model writes. For a request without a language
        it is the default language if the model has it, else its main one, else `und` (ISO 639-2).
        """
        code = canonical_language(language) if language and language.strip() else None
        fits = self._default is not None and _fit(card, self._default) is not None
        if code is None and (fits or self._only_undeclared):
            code = self._default
        if code is None:
            return card.languages[0] if card.languages else UNDETERMINED
        fit = _fit(card, code)
        return code if fit is None else card.languages[fit[1]]

    def candidates(self, model: str | None) -> tuple[tuple[ModelCard, str], ...]:
        """Returns the loaded models between which speech of an unknown language decides.

        Each comes with the language it stands for: the first that its card lists of those that
        are routed to it. The model that serves a request without a language comes first. A
        named model is the only one.

        Raises:
            UnknownModelError: the named model is not loaded.
            InvalidRequestError: no loaded model declares a language.
        """
        if (model and model.strip()) or self._only_undeclared:
            card = self.route(model, None)
            return ((card, self.language_of(card, None)),)
        own = [(card, code) for card in self._cards for code in card.languages]
        given = [(routed, code) for code in self._routes if (routed := self._routed(code))]
        found: dict[str, tuple[ModelCard, str]] = {}
        for card, code in (*own, *given):
            if self._serving(code) is card:
                found.setdefault(card.id, (card, code))
        if not found:
            raise InvalidRequestError(
                "No loaded model declares which languages it knows; accepted: the name of a model,"
                " without a language.",
                param="language",
            )
        first = self.route(None, None).id
        return tuple(sorted(found.values(), key=lambda candidate: candidate[0].id != first))

    def _named(self, model: str, code: str | None) -> ModelCard:
        card = self._by_name.get(model)
        if card is None:
            raise UnknownModelError(
                f"model {model!r} is not loaded; loaded: {', '.join(c.id for c in self._cards)}",
                param="model",
            )
        if code is not None and card.languages and _fit(card, code) is None:
            raise InvalidRequestError(
                f"model {card.id!r} does not serve language {code!r}; "
                f"it serves: {', '.join(card.languages)}",
                param="language",
            )
        return card

    def _serving(self, code: str) -> ModelCard | None:
        routed = self._routed(code)
        if routed is not None:
            return routed
        fits = [(fit, card) for card in self._cards if (fit := _fit(card, code)) is not None]
        if fits:
            return min(fits, key=self._rank)[1]
        return self._cards[0] if self._only_undeclared else None

    def _rank(self, pair: tuple[tuple[int, int], ModelCard]) -> tuple[int, ...]:
        (related, place), card = pair
        return (related, place, 0 if related or not self._by_priority else -card.priority)

    def _routed(self, code: str) -> ModelCard | None:
        names = (name for name in self._routes.get(code, ()) if name in self._by_name)
        return next((self._by_name[name] for name in names), None)

    @property
    def _only_undeclared(self) -> bool:
        """One model is loaded, and its card declares no languages."""
        return len(self._cards) == 1 and not self._cards[0].languages

    def _served(self) -> str:
        codes: dict[str, str] = {}
        for code in (*self._routes, *(code for card in self._cards for code in card.languages)):
            card = self._serving(code)
            if card is not None:
                codes[code] = card.id
        names = ", ".join(f"{code} ({name})" for code, name in codes.items())
        return names or "no language; name a model: " + ", ".join(c.id for c in self._cards)


def _fit(card: ModelCard, code: str) -> tuple[int, int] | None:
    """Returns how well a card fits a language; smaller is better, None if it does not.

    The first number is 0 if the card lists the language and 1 if it lists a related one, the
    second the place at which it does.
    """
    if code in card.languages:
        return 0, card.languages.index(code)
    written = [i for i, own in enumerate(card.languages) if own in WRITTEN_NORWEGIAN]
    if code == NORWEGIAN and written:
        return 1, written[0]
    if code in WRITTEN_NORWEGIAN and not written and NORWEGIAN in card.languages:
        return 1, card.languages.index(NORWEGIAN)
    return None
