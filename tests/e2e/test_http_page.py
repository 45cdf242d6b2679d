"""The files of the page: served without a key, with a security policy, and revalidated."""

import re
from pathlib import Path

import httpx
import pytest
from running import RunningServer

WEB = Path(__file__).resolve().parents[2] / "app" / "web"


def test_page_and_its_files_need_no_key(guarded: RunningServer) -> None:
    with guarded.client() as client:
        page = client.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        names = re.findall(r'(?:href|src)="(web/[^"]+)"', page.text)
        assert len(names) > 5
        types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg"}
        for name in names:
            answer = client.get(f"/{name}")
            assert answer.status_code == 200, name
            assert answer.headers["content-type"].startswith(types[Path(name).suffix])
            assert answer.content == (WEB.parent / name).read_bytes()
        assert client.post("/transcribe", content=b"x").status_code == 401


def test_page_makes_requests_to_its_own_origin_only(client: httpx.Client) -> None:
    for path in ("/", "/web/js/main.js", "/web/js/peaks-worker.js"):
        headers = client.get(path).headers
        policy = dict(
            (rule.split(" ", 1)) for rule in headers["content-security-policy"].split("; ")
        )
        assert policy["default-src"] == policy["connect-src"] == "'self'"
        assert policy["media-src"] == "'self' blob:"
        assert policy["frame-ancestors"] == "'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    texts = [path.read_text("utf-8") for path in WEB.rglob("*") if path.suffix in {".js", ".css"}]
    for text in [*texts, (WEB / "index.html").read_text("utf-8")]:
        assert "http:" not in text.replace('"http://www.w3.org', "")
        assert "//cdn" not in text


def test_unchanged_file_is_answered_with_304(client: httpx.Client) -> None:
    first = client.get("/web/js/main.js")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/web/js/main.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = client.head("/")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "path", ["/web/", "/web/js", "/web/nope.js", "/web/../main.py", "/web/%2e%2e/main.py"]
)
def test_path_outside_the_page_files_is_404(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_page_source_files_have_at_most_350_lines() -> None:
    for path in WEB.rglob("*"):
        if path.suffix in {".js", ".css", ".html"}:
            assert len(path.read_text("utf-8").splitlines()) <= 350, path
