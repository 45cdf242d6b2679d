"""E-mail addresses as they are spoken, and names of a list."""

from pathlib import Path

import pytest
from spoken_words import spoken, text_of

from app.errors import ConfigurationError, InvalidRequestError
from app.redaction import RedactionOptions, mask_hypotheses, read_names, with_operator_names


def masked(text: str, language: str = "nb", names: tuple[str, ...] = ()) -> str:
    options = RedactionOptions(frozenset({"names" if names else "email"}), names)  # type: ignore[arg-type]
    (words,), _ = mask_hypotheses([spoken(text)], language, options)
    return text_of(words)


@pytest.mark.parametrize(
    ("language", "address"),
    [
        ("nb", "kari punktum nordmann krøllalfa eksempel punktum no"),
        ("nb", "kari punktum nordmann krøll alfa eksempel prikk no"),
        ("nn", "kari bindestrek nordmann alfakrøll døme punktum no"),
        ("nb", "kari to tre krøllalfa eksempel punktum n o"),
        ("nb", "k a r i krøllalfa eksempel punktum no"),
        ("nb", "post krøllalfa min bedrift punktum no"),
        ("nb", "kari krøllalfa gmail"),
        ("da", "jens punktum hansen snabel-a eksempel punktum dk"),
        ("da", "jens snabel a eksempel prik d k"),
        ("da", "jens understreg hansen snabela mail punktum eksempel punktum dk"),
        ("nb", "kari punktum nordmann at gmail punktum com"),
        ("nb", "kari.nordmann@eksempel.no"),
    ],
)
def test_spoken_address_is_one_label(language: str, address: str) -> None:
    label = "[e-mailadresse]" if language == "da" else "[e-postadresse]"
    assert (
        masked(f"skriv til {address} så svarer vi", language) == f"skriv til {label} så svarer vi"
    )


@pytest.mark.parametrize(
    "text",
    ["han sa at det er bra", "vi satte punktum for saken", "det er et punkt på lista at vi vil"],
)
def test_words_of_addresses_in_other_sentences_stay(text: str) -> None:
    assert masked(text) == text


def test_full_stop_that_is_dictated_does_not_continue_an_address() -> None:
    text = "kari krøllalfa eksempel punktum no punktum vi ses"
    assert masked(text) == "[e-postadresse] punktum vi ses"


def test_names_are_masked_in_any_case_in_the_genitive_and_the_longest_first() -> None:
    names = ("Kari Nordmann", "Kari", "Anne-Marie", "Åse")
    text = "kari nordmann og karis bil og Åse, og anne marie og annemarie kom"
    assert masked(text, "nb", names) == "[navn] og [navn] bil og [navn] og [navn] og [navn] kom"
    assert masked("kari kom", "nn", names) == "[namn] kom"


def test_words_that_only_begin_like_a_name_stay() -> None:
    assert masked("karin og ås kom", "nb", ("Kari", "Åse")) == "karin og ås kom"


def test_list_of_the_operator_has_a_name_a_line_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "names.txt"
    file.write_text("# staff\nKari Nordmann\n\nOla  # the boss\n", "utf-8")
    assert read_names(file) == ("Kari Nordmann", "Ola")


def test_list_that_cannot_be_read_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_names(tmp_path / "absent.txt")
    (tmp_path / "latin.txt").write_bytes("Åse".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_names(tmp_path / "latin.txt")


def test_operators_names_are_added_and_their_absence_is_reported() -> None:
    options = RedactionOptions(frozenset({"names"}), ("Kari",), names_required=True)
    joined, notice = with_operator_names(options, ("Ola",))
    assert (joined.names, notice) == (("Kari", "Ola"), None)
    with pytest.raises(InvalidRequestError, match="redact_names"):
        with_operator_names(RedactionOptions(frozenset({"names"}), names_required=True), ())
    _, notice = with_operator_names(RedactionOptions(frozenset({"names", "phone"})), ())
    assert notice is not None
    assert notice.code == "no_names"
