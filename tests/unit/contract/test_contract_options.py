"""Options of requests: hotwords, bounds, and the help of the command line."""

import pytest
from pydantic import ValidationError

from app.contract.command_line import command_line
from app.contract.options import (
    HOTWORD_WEIGHT,
    MAX_HOTWORDS,
    AlignOptions,
    TextOptions,
    TranscribeOptions,
    parse_hotwords,
)
from app.decoding import DecodingOptions, Hotword
from app.errors import InvalidRequestError
from app.itn import FormattingOptions
from app.pipeline.options import decoding_options, diarization_options, formatting_options
from app.speakers import DiarizationOptions

# Set by the command's own arguments, or of use over HTTP alone.
NOT_ON_THE_COMMAND_LINE = {"words", "response_format", "url", "timeout", "text", "characters"}


def test_hotwords_have_a_weight_after_a_colon_or_the_default() -> None:
    assert parse_hotwords(" Stortinget, Ås:12 ,, ny ordning:-6.5") == (
        ("Stortinget", HOTWORD_WEIGHT),
        ("Ås", 12.0),
        ("ny ordning", -6.5),
    )
    assert parse_hotwords(None) == parse_hotwords(" , ") == ()


@pytest.mark.parametrize("text", [":5", "a:", "a:b", "a:nan", "a:inf", "a:-1e999"])
def test_hotword_without_word_or_finite_weight_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no hotword; accepted"):
        parse_hotwords(text)


def test_too_many_hotwords_are_refused() -> None:
    with pytest.raises(ValueError, match=f"at most {MAX_HOTWORDS}"):
        parse_hotwords("a," * (MAX_HOTWORDS + 1))


def test_unknown_option_is_refused() -> None:
    for model in (TextOptions, TranscribeOptions, AlignOptions):
        with pytest.raises(ValidationError, match="lang"):
            model.model_validate({"lang": "da"})


def test_every_decoding_option_reaches_the_decoder() -> None:
    given = {
        "decoder": "beam", "beam_width": "7", "alpha": "0.25", "beta": "-1.5",
        "prune_logp": "-20", "min_token_logp": "-6", "hotwords": "Ås:12", "n_best": "3",
        "lm": "parliament",
    }  # fmt: skip
    assert set(given) == set(DecodingOptions.__dataclass_fields__)
    assert decoding_options(TextOptions.model_validate(given)) == DecodingOptions(
        decoder="beam", beam_width=7, alpha=0.25, beta=-1.5, prune_logp=-20.0,
        min_token_logp=-6.0, hotwords=(Hotword("Ås", 12.0),), n_best=3, lm="parliament",
    )  # fmt: skip
    assert decoding_options(TextOptions()) == DecodingOptions()


def test_every_formatting_option_reaches_the_formatter() -> None:
    options = TextOptions(format_text=True, remove_hesitations=True, mask_profanities=True)
    assert formatting_options(options) == FormattingOptions(
        remove_hesitations=True, mask_profanities=True
    )
    assert formatting_options(TextOptions()) is None


def test_command_line_help_shows_every_option() -> None:
    for model in (TranscribeOptions, AlignOptions):
        for name in model.model_fields:
            shown = command_line(model, name)
            assert (shown is None) == (name in NOT_ON_THE_COMMAND_LINE), name
            if shown is not None:
                assert shown.help
                assert len(shown.help) < 80


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"diarize": "false"}, None),
        ({"diarize": "true"}, DiarizationOptions()),
        ({"diarize": "true", "num_speakers": "3"}, DiarizationOptions(3, 3)),
        ({"diarize": "true", "min_speakers": "2"}, DiarizationOptions(2, None)),
        ({"diarize": "true", "min_speakers": "2", "max_speakers": "2"}, DiarizationOptions(2, 2)),
    ],
)
def test_limits_of_the_speakers_are_those_that_are_given(
    given: dict[str, str], expected: DiarizationOptions | None
) -> None:
    assert diarization_options(TranscribeOptions.model_validate(given)) == expected


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"num_speakers": "2"}, "num_speakers"),
        ({"max_speakers": "2", "diarize": "false"}, "max_speakers"),
        ({"known_speakers": "true"}, "known_speakers"),
        ({"diarize": "true", "num_speakers": "2", "min_speakers": "1"}, "num_speakers"),
        ({"diarize": "true", "num_speakers": "2", "max_speakers": "2"}, "num_speakers"),
        ({"diarize": "true", "min_speakers": "3", "max_speakers": "2"}, "min_speakers"),
        ({"diarize": "true", "channels": "separate"}, "diarize"),
    ],
)
def test_options_of_speakers_that_contradict_each_other_are_refused(
    given: dict[str, str], param: str
) -> None:
    with pytest.raises(InvalidRequestError, match="accepted") as refused:
        diarization_options(TranscribeOptions.model_validate(given))
    assert refused.value.param == param


@pytest.mark.parametrize("name", ["num_speakers", "min_speakers", "max_speakers"])
@pytest.mark.parametrize("value", ["0", "-1", "101", "two", "1.5"])
def test_number_of_speakers_that_is_none_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name):
        TranscribeOptions.model_validate({"diarize": "true", name: value})
