"""The options of the command line that this process applies itself."""

import pytest

from nordlyd_client.cli.options import check_printable, take_layout
from nordlyd_client.contract.layout import Layout
from nordlyd_client.errors import InvalidRequestError


def test_layout_is_taken_out_of_what_the_service_is_sent() -> None:
    options = {"language": "nb", "times": "true", "speakers": "false"}
    assert take_layout(options, ("srt", "docx")) == Layout(speakers=False, times=True)
    assert options == {"language": "nb"}


def test_layout_without_a_format_for_it_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequestError, match="--format text, md, f4 or docx") as refused:
        take_layout({"paragraphs": "false"}, ("srt", "vtt"))
    assert refused.value.param == "paragraphs"


@pytest.mark.parametrize(
    ("formats", "message"),
    [
        (("docx",), "docx is no text to print; it needs a folder: --output DIR"),
        (("text", "srt"), "several formats .text, srt. need a folder: --output DIR"),
    ],
)
def test_what_is_no_single_text_is_not_printed(formats: tuple[str, ...], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        check_printable(formats)
    check_printable(("srt",))
