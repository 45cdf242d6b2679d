"""Decoding options: defaults, bounds and hotwords."""

import pytest

from app.decoding.types import DecodingOptions, Hotword, InvalidOptionError


def numbers(options: DecodingOptions) -> tuple[object, ...]:
    return (
        options.beam_width, options.prune_logp, options.min_token_logp, options.alpha, options.beta
    )  # fmt: skip


def test_defaults_of_a_beam_search_are_pyctcdecodes() -> None:
    assert numbers(DecodingOptions().resolve()) == (100, -10.0, -5.0, 0.0, 0.0)
    assert numbers(DecodingOptions("beam").resolve(alpha=0.5, beta=1.5)) == (
        100, -10.0, -5.0, 0.5, 1.5
    )  # fmt: skip


def test_greedy_with_a_language_model_searches_a_narrow_beam() -> None:
    assert numbers(DecodingOptions("greedy+lm").resolve()) == (8, -8.0, -4.0, 0.0, 0.0)


def test_given_values_replace_the_defaults() -> None:
    given = DecodingOptions("greedy+lm", 3, 0.0, -1.0, 0.0, -100.0)
    resolved = given.resolve(alpha=2.0, beta=2.0)
    assert numbers(resolved) == (3, 0.0, -100.0, 0.0, -1.0)
    assert resolved.resolve(alpha=9.0, beta=9.0) == resolved


@pytest.mark.parametrize(
    "options",
    [
        DecodingOptions(beam_width=1, n_best=1),
        DecodingOptions(beam_width=2000, n_best=100),
        DecodingOptions(alpha=-10, beta=-100, prune_logp=-1000, min_token_logp=-100),
        DecodingOptions(alpha=10, beta=100, prune_logp=0, min_token_logp=0),
        DecodingOptions(hotwords=(Hotword("a"),) * 1000),
        DecodingOptions(hotwords=(Hotword("a" * 256, 1000.0), Hotword("b", -1000.0))),
    ],
)
def test_values_at_their_bounds_are_accepted(options: DecodingOptions) -> None:
    options.resolve()


@pytest.mark.parametrize(
    ("options", "name", "message"),
    [
        (DecodingOptions(beam_width=0), "beam_width", "beam_width is 0, must be 1 to 2000"),
        (DecodingOptions(beam_width=2001), "beam_width", "must be 1 to 2000"),
        (DecodingOptions(n_best=0), "n_best", "n_best is 0, must be 1 to 100"),
        (DecodingOptions(n_best=101), "n_best", "must be 1 to 100"),
        (DecodingOptions(alpha=10.1), "alpha", "must be -10 to 10"),
        (DecodingOptions(alpha=-10.1), "alpha", "must be -10 to 10"),
        (DecodingOptions(beta=100.1), "beta", "must be -100 to 100"),
        (DecodingOptions(beta=-100.1), "beta", "must be -100 to 100"),
        (DecodingOptions(prune_logp=0.1), "prune_logp", "must be -1000 to 0"),
        (DecodingOptions(prune_logp=-1000.1), "prune_logp", "must be -1000 to 0"),
        (DecodingOptions(min_token_logp=0.1), "min_token_logp", "must be -100 to 0"),
        (DecodingOptions(min_token_logp=-100.1), "min_token_logp", "must be -100 to 0"),
        (DecodingOptions(hotwords=(Hotword("a"),) * 1001), "hotwords", "1001 hotwords"),
        (DecodingOptions(hotwords=(Hotword("a" * 257),)), "hotwords", "257 characters"),
        (DecodingOptions(hotwords=(Hotword("a", 1000.5),)), "hotwords", "must be -1000 to 1000"),
        (DecodingOptions(hotwords=(Hotword("a", -1e308),)), "hotwords", "must be -1000 to 1000"),
    ],
)  # fmt: skip
def test_value_beyond_its_bounds_is_named(
    options: DecodingOptions, name: str, message: str
) -> None:
    with pytest.raises(InvalidOptionError, match=message) as caught:
        options.resolve()
    assert caught.value.option == name
    assert not str(caught.value).startswith("(")


def test_options_that_need_a_beam_search_are_listed_by_name() -> None:
    assert DecodingOptions("greedy").given_beam_options() == ()
    assert DecodingOptions(n_best=2).given_beam_options() == ("n_best",)
    every = DecodingOptions("auto", 1, 0.0, 0.0, 0.0, 0.0, (Hotword("a"),), 2, "news")
    assert every.given_beam_options() == (
        "beam_width", "alpha", "beta", "prune_logp", "min_token_logp", "hotwords", "n_best", "lm"
    )  # fmt: skip


def test_hotwords_are_split_into_words_and_the_last_weight_counts() -> None:
    hotwords = (Hotword("by og land", 1.0), Hotword("og", 2.0), Hotword("land", 0.0))
    options = DecodingOptions(hotwords=hotwords)
    assert options.hotword_weights() == {"by": 1.0, "og": 2.0}
    upper = options.map_hotwords(str.upper)
    assert upper.hotwords == (Hotword("BY", 1.0), Hotword("OG", 2.0))


@pytest.mark.parametrize(
    ("text", "weight", "message"),
    [
        ("", 1.0, "empty"),
        (" ", 1.0, "empty"),
        ("a", float("inf"), "inf"),
        ("a", float("nan"), "nan"),
    ],
)
def test_empty_hotword_or_infinite_weight_is_refused(
    text: str, weight: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Hotword(text, weight)
