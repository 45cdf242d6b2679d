"""Which options go with which formats, and the layout that they make."""

import pytest

from app.contract.layout import FORMAT_OPTIONS, Layout, LayoutOptions, option_without_effect
from app.contract.options import TranscribeOptions


def test_layout_is_that_of_the_options() -> None:
    options = TranscribeOptions.model_validate({"speakers": "false", "mark_unsure": "true"})
    layout = Layout.of(options)
    assert layout == Layout(speakers=False, mark_unsure=True)
    assert layout.given() == {"speakers": False, "mark_unsure": True}
    assert Layout.of(LayoutOptions()).given() == {}


@pytest.mark.parametrize(
    ("given", "formats", "refused"),
    [
        ({"times": True}, ("srt",), "times"),
        ({"times": False}, ("srt",), "times"),
        ({"times": True}, ("srt", "docx"), None),
        ({"mark_unsure": True}, ("text", "md", "f4"), "mark_unsure"),
        ({"word_cues": True}, ("srt",), "word_cues"),
        ({"word_cues": False, "speakers": None}, ("srt",), None),
        ({"paragraphs": False}, ("f4",), None),
    ],
)
def test_option_that_changes_no_format_is_refused(
    given: dict[str, bool | None], formats: tuple[str, ...], refused: str | None
) -> None:
    found = option_without_effect(given, formats, named="--format ")
    assert (found and found[0]) == refused
    assert found is None or "; accepted with it: --format " in found[1]


def test_every_option_of_a_layout_is_one_of_formats() -> None:
    assert set(FORMAT_OPTIONS) == {*LayoutOptions.model_fields, "word_cues"}
