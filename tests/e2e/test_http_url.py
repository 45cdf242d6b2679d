"""Audio that a real server fetches from URLs, and hosts that it never connects to."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from checkpoints import write_tiny_checkpoint
from ngrams import write_language_model
from running import RunningServer
from test_http_refusals import assert_error
from web_server import WebServer, web_server

MIB = 2**20


@dataclass(frozen=True)
class Place:
    """A server that may fetch from `allowed`, and any public host on the port of `forbidden`."""

    client: httpx.Client
    server: RunningServer
    allowed: WebServer
    forbidden: WebServer

    def transcribe(self, url: str, **more: str) -> httpx.Response:
        return self.client.post("/transcribe", params={"url": url, **more})


@pytest.fixture(scope="module")
def place(
    tiny_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory, clip
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("url")
    speaking = write_tiny_checkpoint(folder / "tiny-lm", languages=("nn",), seed=2)
    write_language_model(speaking / "language_models" / "news", ["a", "a b"], order=2)
    files = {"/møte.wav": clip(), "/large.wav": clip(0, 40.0), "/text.wav": b"no audio", "/e": b""}
    with web_server(files) as allowed, web_server({"/": b"secret of the inside"}) as forbidden:
        settings = tiny_settings | {
            "MODELS": f"{tiny_settings['MODELS']},{speaking}",
            "URL_HOSTS": f"internal!http://127.0.0.1:{allowed.port}, http://*:{forbidden.port}",
            "URL_MAX_MB": "1",
            "MAX_BATCH_FILES": "5",
        }
        server = RunningServer(folder, settings).wait_ready()
        with server.client() as client:
            yield Place(client, server, allowed, forbidden)
        assert server.stop() == 0
    log = server.log.read_text()
    assert "Traceback" not in log
    assert "signature" not in log


def test_recording_at_a_url_is_transcribed(place: Place, clip) -> None:
    url = place.allowed.url("/m%C3%B8te.wav?signature=1")
    sent = place.client.post("/transcribe", files={"file": clip()}).json()
    answer = place.transcribe(url)
    assert answer.status_code == 200, answer.text
    assert answer.json()["words"] == sent["words"]
    by_form = place.client.post("/transcribe", files={"url": (None, url), "words": (None, "true")})
    assert by_form.json()["words"] == sent["words"]
    subtitles = place.transcribe(url, response_format="srt")
    assert subtitles.headers["content-disposition"].endswith("filename*=UTF-8''m%C3%B8te.srt")
    redirected = place.transcribe(place.allowed.url("/to?/m%C3%B8te.wav"))
    assert redirected.json()["words"] == sent["words"]


def test_url_in_a_batch_is_one_line(place: Place) -> None:
    url = place.allowed.url("/m%C3%B8te.wav")
    lines = {"accept": "application/x-ndjson"}
    good = place.client.post("/transcribe", params={"url": url}, headers=lines)
    assert good.headers["content-type"] == "application/x-ndjson"
    line = good.json()
    assert (line["index"], line["name"], line["status"]) == (0, url, 200)
    missing = place.client.post("/transcribe", params={"url": url + "x"}, headers=lines).json()
    assert (missing["status"], missing["error"]["code"]) == (422, "url_failed")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/none", 422, "url_failed"),
        ("/cut", 422, "url_failed"),
        ("/bomb", 422, "url_failed"),
        ("/large.wav", 413, "too_large"),
        ("/endless", 413, "too_large"),
        ("/to?http://169.254.169.254/latest/meta-data/", 400, "url_not_allowed"),
        ("/to?file:///etc/passwd", 400, "url_not_allowed"),
        ("/to?http://127.0.0.1:{forbidden}/", 400, "url_not_allowed"),
        ("/to?http://localhost:{forbidden}/", 400, "url_not_allowed"),
    ],
)
def test_failed_fetch_does_not_reveal_the_response(
    place: Place, path: str, status: int, code: str
) -> None:
    answer = place.transcribe(place.allowed.url(path.format(forbidden=place.forbidden.port)))
    message = assert_error(answer, status, code=code, param="url")
    assert "inside" not in message
    assert "169.254" not in message
    assert place.forbidden.requests == []


@pytest.mark.parametrize("path", ["/text.wav", "/e"])
def test_fetched_file_that_is_not_audio_is_refused(place: Place, path: str) -> None:
    answer = place.transcribe(place.allowed.url(path))
    assert answer.status_code in {415, 422}
    assert answer.json()["error"]["code"] in {"unsupported_audio", "invalid_audio"}
    assert "no audio" not in answer.text


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{forbidden}/", "http://localhost:{forbidden}/", "http://0:{forbidden}/",
        "http://[::1]:{forbidden}/", "http://[::ffff:127.0.0.1]:{forbidden}/",
        "http://2130706433:{forbidden}/", "http://127.0.0.1:{service}/metrics",
        "https://127.0.0.1:{allowed}/m%C3%B8te.wav", "http://user:pw@127.0.0.1:{allowed}/",
        "http://archive.example.org/", "file:///etc/passwd", "/etc/passwd", "not a url", "http://",
    ],
)  # fmt: skip
def test_url_that_is_not_allowed_is_never_connected_to(place: Place, url: str) -> None:
    before = len(place.allowed.requests)
    ports = {
        "forbidden": place.forbidden.port,
        "allowed": place.allowed.port,
        "service": httpx.URL(place.server.address).port,
    }
    answer = place.transcribe(url.format(**ports))
    assert_error(answer, 400, code="url_not_allowed", param="url")
    assert place.forbidden.requests == []
    assert len(place.allowed.requests) == before


def test_slow_url_respects_the_deadline_of_the_request(place: Place) -> None:
    answer = place.transcribe(place.allowed.url("/held"), timeout="0.3")
    assert_error(answer, 504, code="deadline_exceeded", param=None)


def test_url_and_file_together_are_refused(place: Place, clip) -> None:
    url = place.allowed.url("/m%C3%B8te.wav")
    for body in ({"files": {"file": clip()}}, {"content": clip()}):
        answer = place.client.post("/transcribe", params={"url": url}, **body)
        message = assert_error(answer, 400, code="invalid_request", param="url")
        assert "one of them" in message


def test_fetching_is_off_by_default(client: httpx.Client, clip) -> None:
    with web_server({"/a.wav": clip()}) as web:
        for fields in (
            {"params": {"url": web.url("/a.wav")}},
            {"data": {"url": web.url("/a.wav")}},
        ):
            answer = client.post("/transcribe", files={"words": (None, "true")}, **fields)
            message = assert_error(answer, 400, code="url_not_allowed", param="url")
            assert "accepted: the audio itself" in message
        assert web.requests == []


def test_form_with_too_many_files_is_refused(place: Place, clip) -> None:
    files = [("file", (f"{index}.wav", clip())) for index in range(6)]
    answer = place.client.post("/transcribe", files=files)
    assert "5" in assert_error(answer, 400, code="invalid_request", param=None)
    assert len(place.client.post("/transcribe", files=files[1:]).text.splitlines()) == 5


def test_query_options_are_checked_against_the_model_in_the_form(place: Place, clip) -> None:
    """The first model has no language model called news, the one in the form has."""
    for query in ("lm=news", "lm=news&language=nn", "lm=news&beam_width=20"):
        answer = place.client.post(
            f"/transcribe?{query}", files={"file": clip()}, data={"model": "tiny-lm"}
        )
        assert answer.status_code == 200, answer.text
        assert (answer.json()["model"], answer.json()["lm"]) == ("tiny-lm", "news")
    answer = place.client.post("/transcribe?lm=news", files={"file": clip()})
    assert_error(answer, 400, code="invalid_request", param="lm")
    answer = place.client.post(
        "/transcribe?model=tiny-nb&lm=news", files={"file": clip()}, data={"n_best": "2"}
    )
    assert_error(answer, 400, code="invalid_request", param="lm")


def test_invalid_host_pattern_stops_the_start(tmp_path: Path) -> None:
    from app.errors import ConfigurationError
    from app.main import create_app
    from app.settings import Settings

    with pytest.raises(ConfigurationError, match=r"NORDLYD_URL_HOSTS: 'internal!\*' does not name"):
        create_app(Settings(models=["demo-da"], url_hosts=["a.example", "internal!*"]))
