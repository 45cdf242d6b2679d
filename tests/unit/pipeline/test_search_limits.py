"""The operator's bounds on the options of a search."""

import pytest

from app.contract.options import MAX_BEAM_WIDTH, MAX_HOTWORDS
from app.decoding import DecodingOptions, Hotword
from app.errors import ConfigurationError, InvalidRequestError
from app.main import search_limits
from app.pipeline import SearchLimits
from app.settings import Settings, load_settings

LOWERED = SearchLimits(
    max_beam_width=100,
    max_n_best=2,
    max_hotwords=2,
    max_hotword_characters=5,
    max_hotword_weight=20,
    max_alpha=1,
    max_beta=2,
    min_prune_logp=-20,
    min_token_logp=-6,
)


@pytest.mark.parametrize(
    ("options", "param", "message"),
    [
        ({"beam_width": 101}, "beam_width", "beam_width is 101; accepted: 1 to 100"),
        ({"n_best": 3}, "n_best", "n_best is 3; accepted: 1 to 2"),
        ({"alpha": 1.5}, "alpha", "alpha is 1.5; accepted: -1 to 1"),
        ({"alpha": -1.5}, "alpha", "alpha is -1.5"),
        ({"beta": 3.0}, "beta", "beta is 3; accepted: -2 to 2"),
        ({"prune_logp": -21.0}, "prune_logp", "prune_logp is -21; accepted: -20 to 0"),
        ({"min_token_logp": -7.0}, "min_token_logp", "min_token_logp is -7; accepted: -6 to 0"),
        ({"hotwords": (Hotword("a"),) * 3}, "hotwords", "3 hotwords; accepted: at most 2"),
        ({"hotwords": (Hotword("lerret"),)}, "hotwords", "has 6 characters; accepted: at most 5"),
        ({"hotwords": (Hotword("ja", 21),)}, "hotwords", "'ja' is 21; accepted: -20 to 20"),
        ({"hotwords": (Hotword("ja", -21),)}, "hotwords", "'ja' is -21"),
    ],
)
def test_option_beyond_its_bound_is_refused_with_value_bound_and_setting(
    options: dict[str, object], param: str, message: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        LOWERED.check(DecodingOptions(**options))  # type: ignore[arg-type]
    assert (refused.value.status, refused.value.param) == (400, param)
    assert message in refused.value.message
    assert "(NORDLYD_M" in refused.value.message
    SearchLimits().check(DecodingOptions(**options))  # type: ignore[arg-type]


def test_options_at_their_bounds_and_defaults_are_accepted() -> None:
    hotwords = (Hotword("lærte", 20), Hotword("nei", -20))
    LOWERED.check(DecodingOptions())
    LOWERED.check(
        DecodingOptions(
            beam_width=100, n_best=2, alpha=-1, beta=2, prune_logp=-20, min_token_logp=-6,
            hotwords=hotwords,
        )
    )  # fmt: skip


def test_bounds_are_the_settings_and_by_default_those_of_the_contract() -> None:
    assert search_limits(Settings()) == SearchLimits()
    assert SearchLimits().max_beam_width == MAX_BEAM_WIDTH
    lowered = search_limits(Settings(max_hotwords=7, min_prune_logp=-50))
    assert (lowered.max_hotwords, lowered.min_prune_logp) == (7, -50)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_beam_width", MAX_BEAM_WIDTH + 1),
        ("max_beam_width", 99),
        ("max_n_best", 101),
        ("max_hotwords", MAX_HOTWORDS + 1),
        ("max_hotword_characters", 257),
        ("max_hotword_weight", 1001),
        ("max_hotword_weight", 9),
        ("max_alpha", 10.5),
        ("max_beta", 101),
        ("min_prune_logp", -1001),
        ("min_prune_logp", -9),
        ("min_token_logp", -101),
        ("min_token_logp", -4),
    ],
)
def test_bound_above_what_the_search_allows_or_below_the_default_stops_the_start(
    name: str, value: float
) -> None:
    with pytest.raises(ConfigurationError, match=f"NORDLYD_{name.upper()} is {value}"):
        load_settings({}, **{name: value})
