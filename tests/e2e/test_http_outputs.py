"""Every response format over HTTP: its media type, its file name, and software that reads it."""

import io
import json
import re
from collections.abc import Callable
from urllib.parse import unquote
from xml.etree import ElementTree

import docx
import httpx
import pytest
import srt
import webvtt
from demo_model import DEMO
from running import RunningServer
from test_http_refusals import assert_error
from ttconv import model
from ttconv.stl import reader as stl_reader

from app.contract.formats import ResponseFormat
from app.formats import FORMATS, check_subtitles, read_subtitles, rules_of

SAMPLE_ENTRY = json.loads((DEMO / "samples" / "samples.jsonl").read_text("utf-8").splitlines()[0])
SAMPLE = DEMO / "samples" / SAMPLE_ENTRY["audio"]

TYPES = {
    "json": ("application/json", "inline", "json"),
    "text": ("text/plain; charset=utf-8", "inline", "txt"),
    "md": ("text/markdown; charset=utf-8", "attachment", "md"),
    "docx": (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "attachment",
        "docx",
    ),
    "f4": ("text/plain; charset=utf-8", "attachment", "f4.txt"),
    "srt": ("application/x-subrip; charset=utf-8", "attachment", "srt"),
    "vtt": ("text/vtt; charset=utf-8", "attachment", "vtt"),
    "ttml": ("application/ttml+xml", "attachment", "ttml"),
    "stl": ("application/x-ebu-stl", "attachment", "stl"),
    "tsv": ("text/tab-separated-values; charset=utf-8", "attachment", "tsv"),
    "textgrid": ("text/praat-textgrid; charset=utf-8", "attachment", "TextGrid"),
    "eaf": ("application/xml", "attachment", "eaf"),
    "exb": ("application/xml", "attachment", "exb"),
    "ctm": ("text/plain; charset=utf-8", "attachment", "ctm"),
    "stm": ("text/plain; charset=utf-8", "attachment", "stm"),
    "rttm": ("text/plain; charset=utf-8", "attachment", "rttm"),
}


def spoken_in_srt(text: str) -> str:
    return " ".join(cue.content for cue in srt.parse(text))


def spoken_in_vtt(text: str) -> str:
    return " ".join(caption.text for caption in webvtt.from_buffer(io.StringIO(text)))


def spoken_in_docx(body: bytes) -> str:
    _title, *paragraphs = docx.Document(io.BytesIO(body)).paragraphs
    return " ".join(paragraph.text for paragraph in paragraphs)


def spoken_in_stl(body: bytes) -> str:
    texts = stl_reader.to_model(io.BytesIO(body)).get_body().dfs_iterator()
    return " ".join(text.get_text() for text in texts if isinstance(text, model.Text))


def spoken_in_xml(body: bytes, path: str) -> str:
    found = ElementTree.fromstring(body).iterfind(path, {"tt": "http://www.w3.org/ns/ttml"})
    return " ".join(" ".join(element.itertext()) for element in found)


# The words of each format, read by software for such files, or at least not by our own writers.
_TEXTS: dict[str, Callable[[str], str]] = {
    "json": lambda text: json.loads(text)["text"],
    "text": str,
    "md": lambda text: text.partition("\n")[2].strip(),
    "f4": lambda text: re.sub(r" #\d\d:\d\d:\d\d-\d#\n", " ", text).strip(),
    "srt": spoken_in_srt,
    "vtt": spoken_in_vtt,
    "tsv": lambda text: " ".join(line.split("\t")[-1] for line in text.splitlines()[1:]),
    "textgrid": lambda text: " ".join(re.findall(r'text = "([^"]+)"', text)),
    "eaf": lambda text: " ".join(re.findall(r"<ANNOTATION_VALUE>([^<]+)<", text)),
    "ctm": lambda text: " ".join(line.split()[4] for line in text.splitlines()),
    "stm": lambda text: " ".join(line.split(maxsplit=5)[5] for line in text.splitlines()),
    # Who speaks when, without words.
    "rttm": lambda text: "",
}
READERS: dict[str, Callable[[bytes], str]] = {
    **{name: lambda body, read=read: read(body.decode()) for name, read in _TEXTS.items()},
    "docx": spoken_in_docx,
    "stl": spoken_in_stl,
    "ttml": lambda body: spoken_in_xml(body, ".//tt:p"),
    "exb": lambda body: spoken_in_xml(body, ".//tier[@category='v']/event"),
}


@pytest.fixture(scope="module")
def send(demos: RunningServer) -> Callable[..., httpx.Response]:
    def post(
        path: str, name: str = "Møte på Ås.wav", recording: bytes | None = None, **fields: str
    ) -> httpx.Response:
        with demos.client() as client:
            file = (name, SAMPLE.read_bytes() if recording is None else recording)
            return client.post(path, files={"file": file}, data={"language": "nb", **fields})

    return post


def saved_as(answer: httpx.Response) -> str:
    return unquote(answer.headers["content-disposition"].partition("filename*=UTF-8''")[2])


def test_every_format_has_an_expected_type_and_a_reader() -> None:
    assert set(TYPES) == set(READERS) == set(FORMATS)
    assert ResponseFormat.__args__ == FORMATS  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", FORMATS)
def test_transcript_in_each_format_has_its_type_file_name_and_words(
    send: Callable[..., httpx.Response], name: str
) -> None:
    answer = send("/transcribe", response_format=name)
    assert answer.status_code == 200, answer.text
    media_type, disposition, extension = TYPES[name]
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"].startswith(f"{disposition}; ")
    assert saved_as(answer) == f"Møte på Ås.{extension}"
    assert int(answer.headers["x-compute-time"]) >= 0
    plain = send("/transcribe").json()["text"]
    assert name == "rttm" or set(plain.split()) == set(READERS[name](answer.content).split())
    assert name != "rttm" or answer.text.startswith("SPEAKER Møte_på_Ås 1 ")


@pytest.mark.parametrize("name", FORMATS)
def test_alignment_in_each_format_omits_words_that_were_not_found(
    send: Callable[..., httpx.Response], name: str
) -> None:
    text = f"{SAMPLE_ENTRY['text']}, kvasimodo"
    answer = send("/align", response_format=name, text=text)
    assert answer.status_code == 200, answer.text
    media_type, _, extension = TYPES[name]
    assert answer.headers["content-type"] == media_type
    assert saved_as(answer) == f"Møte på Ås.{extension}"
    if name not in {"json", "rttm"}:
        found = set(READERS[name](answer.content).split())
        assert found == {word for word in text.split() if word != "kvasimodo"}


def test_text_format_contains_the_formatted_text_with_format_text(
    send: Callable[..., httpx.Response],
) -> None:
    answer = send("/transcribe", response_format="text", format_text="true")
    body = send("/transcribe", format_text="true").json()
    assert answer.text == body["formatted_text"] + "\n"
    assert answer.text != body["text"] + "\n"


def test_word_cues_add_a_timestamp_to_each_word_of_vtt(
    send: Callable[..., httpx.Response],
) -> None:
    plain = send("/transcribe", response_format="vtt").text
    marked = send("/transcribe", response_format="vtt", word_cues="true").text
    stamp = re.compile(r"<\d\d:\d\d:\d\d\.\d\d\d>")
    assert not stamp.search(plain)
    assert len(stamp.findall(marked)) >= 3
    assert spoken_in_vtt(stamp.sub("", marked)) == spoken_in_vtt(plain)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "vtt"])
def test_word_cues_are_refused_for_formats_other_than_vtt(
    send: Callable[..., httpx.Response], name: str
) -> None:
    answer = send("/transcribe", response_format=name, word_cues="true")
    message = assert_error(answer, 400, code="invalid_request", param="word_cues")
    assert "response_format=vtt" in message


def test_layout_switches_change_formats_for_reading_alone(
    send: Callable[..., httpx.Response],
) -> None:
    plain = send("/transcribe", response_format="text").text
    assert send("/transcribe", response_format="text", times="true").text == f"[00:00:00] {plain}"
    stamped = send("/transcribe", response_format="f4").text
    assert send("/transcribe", response_format="f4", times="false").text == re.sub(
        r" #[-\d:]+#", "", stamped
    )
    for name, field, accepted in (
        ("srt", "times", "text, md, f4 or docx"),
        ("json", "speakers", "text, md, f4 or docx"),
        ("tsv", "paragraphs", "text, md, f4 or docx"),
        ("md", "mark_unsure", "docx"),
    ):
        answer = send("/transcribe", **{"response_format": name, field: "true"})
        message = assert_error(answer, 400, code="invalid_request", param=field)
        assert message.endswith(f"accepted with it: response_format={accepted}.")


def test_subtitles_are_cut_by_the_named_rules(send: Callable[..., httpx.Response]) -> None:
    default = send("/transcribe", response_format="srt").text
    assert send("/transcribe", response_format="srt", subtitles="netflix").text == default
    for name in ("nrk", "dr"):
        text = send("/transcribe", response_format="srt", subtitles=name).text
        broken = {item.rule for item in check_subtitles(read_subtitles(text), rules_of(name))}
        assert broken <= {"reading-speed", "too-short"}
    for field, value in (("subtitles", "dr"), ("reading_speed", "12")):
        refused = send("/transcribe", response_format="json", **{field: value})
        message = assert_error(refused, 400, code="invalid_request", param=field)
        assert message.endswith("accepted with it: response_format=srt, vtt, ttml or stl.")
    unknown = send("/transcribe", response_format="srt", subtitles="bbc")
    message = assert_error(unknown, 400, code="invalid_request", param="subtitles")
    assert "netflix, nrk or dr" in message


def test_unknown_format_is_refused_with_the_accepted_ones(
    send: Callable[..., httpx.Response],
) -> None:
    for path, fields in (("/transcribe", {}), ("/align", {"text": "ja"})):
        answer = send(path, response_format="odt", **fields)
        message = assert_error(answer, 400, code="invalid_request", param="response_format")
        assert ", ".join(FORMATS[:-1]) in message


def test_silence_is_a_valid_file_in_every_format(send: Callable[..., httpx.Response], clip) -> None:
    silence = clip(0, 1.0)[:44] + bytes(32_000)
    for name in FORMATS:
        answer = send("/transcribe", recording=silence, response_format=name)
        assert answer.status_code == 200, answer.text
        assert READERS[name](answer.content) == "" if name != "vtt" else "WEBVTT" in answer.text


def test_file_name_is_escaped_in_content_disposition(demos: RunningServer) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="..\\..\\a\\"; x=\\"b.wav"'
        b"\r\n\r\n" + SAMPLE.read_bytes() + b"\r\n--b--\r\n"
    )
    with demos.client() as client:
        answer = client.post(
            "/transcribe?response_format=srt",
            content=body,
            headers={"content-type": "multipart/form-data; boundary=b"},
        )
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].count('"') == 2
    assert "/" not in answer.headers["content-disposition"]


def test_raw_body_gets_the_default_file_name(demos: RunningServer) -> None:
    with demos.client() as client:
        answer = client.post("/transcribe?response_format=text", content=SAMPLE.read_bytes())
    assert answer.headers["content-disposition"] == 'inline; filename="transcript.txt"'


def test_openapi_page_lists_every_response_media_type(demos: RunningServer) -> None:
    with demos.client() as client:
        document = client.get("/openapi.json").json()
    for path in ("/transcribe", "/align"):
        operation = document["paths"][path]["post"]
        types = set(operation["responses"]["200"]["content"])
        assert {media_type.partition(";")[0] for media_type, _, _ in TYPES.values()} <= types
    line = document["paths"]["/transcribe"]["post"]["responses"]["200"]["content"][
        "application/x-ndjson"
    ]["schema"]
    references = re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(line))
    assert set(references) <= set(document["components"]["schemas"])
    assert {"index", "name", "status", "result", "error"} == set(line["properties"])
