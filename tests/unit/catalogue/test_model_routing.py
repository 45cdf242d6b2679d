"""Which loaded model serves a request."""

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue import Catalogue, ModelCard, Router, canonical_language
from app.errors import (
    ConfigurationError,
    InvalidRequestError,
    UnknownLanguageError,
    UnknownModelError,
)

CATALOGUE = Path(__file__).parents[3] / "models"

NN = ModelCard(id="nynorsk", hub="org/nynorsk", languages=("nn",))
NB = ModelCard(id="bokmaal", languages=("nb", "no"))
DA = ModelCard(id="dansk", languages=("da",))
BOTH = ModelCard(id="both", languages=("da", "nb", "no"))
ANY = ModelCard(id="norsk", languages=("no",))
UNKNOWN = ModelCard(id="mystery")
# For each language the models of the catalogue in the order in which they are preferred.
PREFERENCES = {
    "nn": ["wav2vec2-xlsr-1B-NPSC-NN", "nb-wav2vec2-1b-nynorsk", "demo-nn"],
    "nb": ["nb-wav2vec2-1b-bokmaal", "nb-wav2vec2-300m-bokmaal", "demo-nb"],
    "no": ["nb-wav2vec2-1b-bokmaal", "nb-wav2vec2-300m-bokmaal", "demo-nb"],
    "da": ["wav2vec2-large-danish-npsc-nst", "roest-v3-wav2vec2-315m", "demo-da"],
}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *[(text, "nn") for text in ("nn", "nn-NO", "nno", "NN_no", " Nynorsk ", "no-nyn")],
        *[(text, "nb") for text in ("nb", "nb-NO", "nob", "bokmål", "Norwegian Bokmål")],
        *[(text, "no") for text in ("no", "nor", "no-NO", "norwegian", "Norsk")],
        *[(text, "da") for text in ("da", "da-DK", "dan", "danish", "DANSK")],
        ("sv-SE", "sv"),
    ],
)
def test_language_tags_codes_and_names_give_the_code(text: str, code: str) -> None:
    assert canonical_language(text) == code


@given(st.text())
def test_canonical_language_is_idempotent(text: str) -> None:
    code = canonical_language(text)
    assert canonical_language(code) == code


def test_named_model_serves_by_id_or_hub_id() -> None:
    router = Router({"da": ["dansk"]}, [DA, NN], "da")
    assert router.route("nynorsk", None) is NN
    assert router.route("org/nynorsk", "nn-NO") is NN


def test_unknown_model_is_refused_with_the_loaded_ones() -> None:
    with pytest.raises(UnknownModelError, match="'big' is not loaded; loaded: dansk, nynorsk") as e:
        Router({}, [DA, NN]).route("big", None)
    assert (e.value.param, e.value.status) == ("model", 404)


def test_named_model_with_a_language_it_does_not_list_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="'dansk' does not serve language 'nn'") as e:
        Router({}, [DA, NN]).route("dansk", "nn")
    assert (e.value.param, e.value.status) == ("language", 400)


def test_first_loaded_model_of_the_route_serves_the_language() -> None:
    routes = {"da": ["absent", "both", "dansk"]}
    assert Router(routes, [DA, BOTH]).route(None, "danish") is BOTH
    assert Router(routes, [DA, NN]).route(None, "danish") is DA


@pytest.mark.parametrize("language", ["nn", "nb", "no", "da", "nn-NO", "Norwegian", "sv", None])
def test_priorities_of_the_catalogue_prefer_the_same_models_whichever_are_loaded(
    language: str | None,
) -> None:
    cards = Catalogue.load(CATALOGUE).cards.values()
    for count in range(1, len(cards) + 1):
        for loaded in combinations(cards, count):
            for ordered in (loaded, loaded[::-1]):
                assert serving(None, ordered, language) == serving(PREFERENCES, ordered, language)


def serving(
    routes: dict[str, list[str]] | None, cards: tuple[ModelCard, ...], language: str | None
) -> str:
    """The id of the model that serves a language; empty if none does."""
    try:
        return Router(routes, cards).route(None, language).id
    except UnknownLanguageError:
        return ""


def test_model_with_the_highest_priority_serves_a_shared_main_language() -> None:
    better = ModelCard(id="better", languages=("da",), priority=1)
    worse = ModelCard(id="worse", languages=("da",), priority=-1)
    assert Router(None, [DA, better]).route(None, "da") is better
    assert Router(None, [worse, DA]).route(None, "da") is DA
    # Its main language comes first, whatever the priority.
    side = ModelCard(id="side", languages=("nn", "da"), priority=9)
    assert Router(None, [side, DA]).route(None, "da") is DA
    # The first loaded of equal ones.
    assert Router(None, [BOTH, DA]).route(None, "da") is BOTH


def test_routes_of_the_operator_replace_priorities() -> None:
    better = ModelCard(id="better", languages=("da", "nn"), priority=1)
    assert Router({"da": ["dansk"]}, [better, DA]).route(None, "da") is DA
    assert Router({"nb": ["bokmaal"]}, [DA, better]).route(None, "da") is DA


def test_routes_may_use_hub_ids_and_any_name_of_a_language() -> None:
    assert Router({"nn-NO": ["org/nynorsk"]}, [NB, NN]).route(None, "nno") is NN


def test_main_language_takes_precedence_over_a_side_language_without_a_route() -> None:
    assert Router({}, [BOTH, NB]).route(None, "nb") is NB
    assert Router({}, [BOTH, NN]).route(None, "nb") is BOTH


def test_plain_norwegian_takes_either_written_form_and_bokmaal_first() -> None:
    assert Router({}, [NN, NB]).route(None, "no") is NB
    assert Router({}, [DA, NN]).route(None, "Norwegian") is NN
    assert Router({}, [DA, NN]).route("nynorsk", "no") is NN


def test_model_that_lists_only_norwegian_serves_both_written_forms() -> None:
    assert Router({}, [DA, ANY]).route(None, "nn") is ANY
    with pytest.raises(UnknownModelError):
        Router({}, [DA, NB]).route(None, "nn")


def test_language_that_no_model_serves_is_refused_with_the_served_ones() -> None:
    with pytest.raises(UnknownModelError, match=r"served: da \(dansk\), nn \(nynorsk\)") as e:
        Router({}, [DA, NN, UNKNOWN]).route(None, "sv")
    assert e.value.param == "language"


def test_request_without_model_and_language_gets_the_default_language_or_the_first_model() -> None:
    assert Router({}, [DA, NN], "nn-NO").route(None, None) is NN
    assert Router({}, [DA, NN]).route("", " ") is DA


def test_model_without_languages_among_others_serves_by_name_only() -> None:
    router = Router({}, [UNKNOWN, DA])
    assert router.route(None, "da") is DA
    assert router.route("mystery", "da") is UNKNOWN
    with pytest.raises(UnknownModelError):
        router.route(None, "nb")


def test_only_model_without_declared_languages_serves_any_with_a_warning() -> None:
    router = Router(None, [UNKNOWN])
    assert router.route(None, "nb-NO") is UNKNOWN
    assert router.language_of(UNKNOWN, "nb-NO") == "nb"
    (notice,) = router.notices(None, "nb-NO")
    assert notice.code == "language_undeclared"
    assert "mystery" in notice.message
    assert "'nb'" in notice.message


def test_no_warning_where_the_caller_or_the_operator_chose_the_model() -> None:
    router = Router({"da": ["mystery"]}, [UNKNOWN])
    assert router.notices("mystery", "nb") == ()
    assert router.notices(None, None) == ()
    assert router.notices(None, "da") == ()
    assert Router({}, [NB]).notices(None, "nb") == ()


def test_only_model_with_declared_languages_serves_no_other() -> None:
    with pytest.raises(UnknownModelError, match=r"served: da \(dansk\)"):
        Router({}, [DA]).route(None, "nb")


def test_default_language_may_be_one_that_the_only_model_does_not_declare() -> None:
    router = Router({}, [UNKNOWN], "nb")
    assert router.route(None, None) is UNKNOWN
    assert router.language_of(UNKNOWN, None) == "nb"
    assert router.notices(None, None) == ()
    with pytest.raises(ConfigurationError, match="which no loaded model serves"):
        Router({}, [UNKNOWN, DA], "nb")


def test_answer_has_the_requested_language_or_the_main_one_of_the_model() -> None:
    router = Router({"da": ["nynorsk"]}, [NN, BOTH, UNKNOWN], "nb")
    assert router.language_of(NN, "no") == "nn"
    assert router.language_of(NN, None) == "nn"
    assert router.language_of(NN, "da") == "da"
    assert router.language_of(BOTH, "nob") == "nb"
    assert router.language_of(BOTH, None) == "nb"
    assert router.language_of(UNKNOWN, None) == "und"
    assert router.language_of(UNKNOWN, "da") == "da"


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="NORDLYD_MODELS is empty"):
        Router({}, [])
    with pytest.raises(ConfigurationError, match="both called 'dansk'"):
        Router({}, [DA, ModelCard(id="dansk", hub="org/dansk")])
    with pytest.raises(ConfigurationError, match="which no loaded model serves"):
        Router({}, [DA], "nn")


@given(st.permutations([NN, NB, DA, BOTH, ANY]), st.sampled_from(["nn", "nb", "no", "da"]))
def test_model_chosen_for_a_language_serves_it_by_name_too(
    cards: list[ModelCard], language: str
) -> None:
    router = Router(None, cards)
    chosen = router.route(None, language)
    assert router.route(chosen.id, language) is chosen


def candidates(router: Router, model: str | None = None) -> list[tuple[str, str]]:
    return [(card.id, code) for card, code in router.candidates(model)]


def test_candidates_are_the_models_that_serve_languages_with_their_main_one() -> None:
    assert candidates(Router({}, [DA, NB, NN, UNKNOWN])) == [
        ("dansk", "da"),
        ("bokmaal", "nb"),
        ("nynorsk", "nn"),
    ]
    better = ModelCard(id="better", languages=("da",), priority=1)
    assert candidates(Router(None, [DA, better, NB])) == [("better", "da"), ("bokmaal", "nb")]


def test_model_of_several_languages_stands_for_the_first_that_it_serves() -> None:
    assert candidates(Router({}, [DA, BOTH])) == [("dansk", "da"), ("both", "nb")]
    assert candidates(Router({"sv": ["mystery"]}, [DA, UNKNOWN])) == [
        ("dansk", "da"),
        ("mystery", "sv"),
    ]


def test_candidate_of_a_request_without_language_comes_first() -> None:
    assert candidates(Router({}, [DA, NB, NN], "nn"))[0] == ("nynorsk", "nn")


def test_named_or_only_model_is_the_only_candidate() -> None:
    router = Router({}, [DA, NB])
    assert candidates(router, "bokmaal") == [("bokmaal", "nb")]
    assert candidates(Router(None, [UNKNOWN])) == [("mystery", "und")]
    with pytest.raises(UnknownModelError):
        router.candidates("absent")


def test_models_without_languages_cannot_be_chosen_by_speech() -> None:
    other = ModelCard(id="other")
    with pytest.raises(InvalidRequestError, match="declares which languages") as e:
        Router(None, [UNKNOWN, other]).candidates(None)
    assert (e.value.param, e.value.status) == ("language", 400)
