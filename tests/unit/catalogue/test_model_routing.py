"""Which loaded model serves a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue import ModelCard, Router, canonical_language
from app.errors import ConfigurationError, InvalidRequestError, UnknownModelError
from app.settings import DEFAULT_ROUTES

NN = ModelCard(id="nynorsk", hub="org/nynorsk", languages=("nn",))
NB = ModelCard(id="bokmaal", languages=("nb", "no"))
DA = ModelCard(id="dansk", languages=("da",))
BOTH = ModelCard(id="both", languages=("da", "nb", "no"))
ANY = ModelCard(id="norsk", languages=("no",))
UNKNOWN = ModelCard(id="mystery")


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
def test_languages_are_understood_as_people_write_them(text: str, code: str) -> None:
    assert canonical_language(text) == code


@given(st.text())
def test_a_canonical_language_stays_what_it_is(text: str) -> None:
    code = canonical_language(text)
    assert canonical_language(code) == code


def test_an_explicit_model_wins_by_id_or_hub_id() -> None:
    router = Router({"da": ["dansk"]}, [DA, NN], "da")
    assert router.route("nynorsk", None) is NN
    assert router.route("org/nynorsk", "nn-NO") is NN


def test_an_unknown_model_lists_the_loaded_ones() -> None:
    with pytest.raises(UnknownModelError, match="'big' is not loaded; loaded: dansk, nynorsk") as e:
        Router({}, [DA, NN]).route("big", None)
    assert (e.value.param, e.value.status) == ("model", 404)


def test_a_model_asked_for_another_language_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="'dansk' does not serve language 'nn'") as e:
        Router({}, [DA, NN]).route("dansk", "nn")
    assert (e.value.param, e.value.status) == ("language", 400)


def test_the_first_loaded_model_of_the_route_serves_the_language() -> None:
    routes = {"da": ["absent", "both", "dansk"]}
    assert Router(routes, [DA, BOTH]).route(None, "danish") is BOTH
    assert Router(routes, [DA, NN]).route(None, "danish") is DA


def test_routes_may_use_hub_ids_and_any_name_of_a_language() -> None:
    assert Router({"nn-NO": ["org/nynorsk"]}, [NB, NN]).route(None, "nno") is NN


def test_without_a_route_the_main_language_goes_before_a_side_language() -> None:
    assert Router({}, [BOTH, NB]).route(None, "nb") is NB
    assert Router({}, [BOTH, NN]).route(None, "nb") is BOTH


def test_plain_norwegian_takes_either_written_form_and_bokmaal_first() -> None:
    assert Router({}, [NN, NB]).route(None, "no") is NB
    assert Router({}, [DA, NN]).route(None, "Norwegian") is NN
    assert Router({}, [DA, NN]).route("nynorsk", "no") is NN


def test_a_model_that_says_only_norwegian_takes_both_written_forms() -> None:
    assert Router({}, [DA, ANY]).route(None, "nn") is ANY
    with pytest.raises(UnknownModelError):
        Router({}, [DA, NB]).route(None, "nn")


def test_a_language_nobody_serves_names_what_is_served() -> None:
    with pytest.raises(UnknownModelError, match=r"served: da \(dansk\), nn \(nynorsk\)") as e:
        Router({}, [DA, NN, UNKNOWN]).route(None, "sv")
    assert e.value.param == "language"


def test_with_neither_the_default_language_decides_else_the_first_model() -> None:
    assert Router({}, [DA, NN], "nn-NO").route(None, None) is NN
    assert Router({}, [DA, NN]).route("", " ") is DA


def test_a_model_of_unknown_languages_is_served_by_name_only() -> None:
    router = Router({}, [UNKNOWN, DA])
    assert router.route(None, "da") is DA
    assert router.route("mystery", "da") is UNKNOWN
    with pytest.raises(UnknownModelError):
        router.route(None, "nb")


def test_the_only_model_serves_a_language_that_nobody_declared_and_says_so() -> None:
    router = Router(DEFAULT_ROUTES, [UNKNOWN])
    assert router.route(None, "nb-NO") is UNKNOWN
    assert router.language_of(UNKNOWN, "nb-NO") == "nb"
    (notice,) = router.notices(None, "nb-NO")
    assert notice.code == "language_undeclared"
    assert "mystery" in notice.message
    assert "'nb'" in notice.message


def test_nothing_is_said_where_the_caller_or_the_operator_chose() -> None:
    router = Router({"da": ["mystery"]}, [UNKNOWN])
    assert router.notices("mystery", "nb") == ()
    assert router.notices(None, None) == ()
    assert router.notices(None, "da") == ()
    assert Router({}, [NB]).notices(None, "nb") == ()


def test_the_only_model_does_not_serve_what_its_card_rules_out() -> None:
    with pytest.raises(UnknownModelError, match=r"served: da \(dansk\)"):
        Router({}, [DA]).route(None, "nb")


def test_a_default_language_may_be_one_that_the_only_model_does_not_declare() -> None:
    router = Router({}, [UNKNOWN], "nb")
    assert router.route(None, None) is UNKNOWN
    assert router.language_of(UNKNOWN, None) == "nb"
    assert router.notices(None, None) == ()
    with pytest.raises(ConfigurationError, match="which no loaded model serves"):
        Router({}, [UNKNOWN, DA], "nb")


def test_the_language_on_the_answer() -> None:
    router = Router({"da": ["nynorsk"]}, [NN, BOTH, UNKNOWN], "nb")
    assert router.language_of(NN, "no") == "nn"
    assert router.language_of(NN, None) == "nn"
    assert router.language_of(NN, "da") == "da"
    assert router.language_of(BOTH, "nob") == "nb"
    assert router.language_of(BOTH, None) == "nb"
    assert router.language_of(UNKNOWN, None) == "und"
    assert router.language_of(UNKNOWN, "da") == "da"


def test_settings_that_cannot_work_stop_the_start() -> None:
    with pytest.raises(ConfigurationError, match="NORDLYD_MODELS is empty"):
        Router({}, [])
    with pytest.raises(ConfigurationError, match="both called 'dansk'"):
        Router({}, [DA, ModelCard(id="dansk", hub="org/dansk")])
    with pytest.raises(ConfigurationError, match="which no loaded model serves"):
        Router({}, [DA], "nn")


@given(st.permutations([NN, NB, DA, BOTH, ANY]), st.sampled_from(["nn", "nb", "no", "da"]))
def test_a_language_is_always_served_by_a_model_that_takes_it_by_name(
    cards: list[ModelCard], language: str
) -> None:
    router = Router(DEFAULT_ROUTES, cards)
    chosen = router.route(None, language)
    assert router.route(chosen.id, language) is chosen
