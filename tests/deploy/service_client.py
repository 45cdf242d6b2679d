"""Sends a tone to the running service, without a proxy, and prints the status of the response."""

import io
import json
import urllib.error
import urllib.request
import wave
from http.client import HTTPResponse
from typing import Any

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def open_url(request: str | urllib.request.Request) -> HTTPResponse:
    """Sends a request; an `HTTPError`, which is an `OSError`, unless the answer is a 2xx."""
    return _DIRECT.open(request, timeout=60)


def post_tone(address: str, *, key: str | None = None) -> tuple[int, dict[str, Any]]:
    """Sends two seconds of a tone as WAV; the status and the body of the answer."""
    body = io.BytesIO()
    with wave.open(body, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((b"\x00\x10" * 20 + b"\x00\xf0" * 20) * 800)
    headers = {"Content-Type": "audio/wav"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    try:
        with open_url(urllib.request.Request(address, body.getvalue(), headers)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
