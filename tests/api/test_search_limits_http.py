"""The operator's bounds on search options, over HTTP on every route; and the timeout in a form."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from in_process import in_process
from sounds import as_wav, tones

CLIP = as_wav(tones(0, 1.0))
FORM = {"files": {"file": ("clip.wav", CLIP)}}


@pytest.mark.parametrize(
    ("path", "request_", "param"),
    [
        ("/transcribe?beam_width=101", {"content": CLIP}, "beam_width"),
        ("/transcribe", FORM | {"data": {"beam_width": "101"}}, "beam_width"),
        ("/transcribe?hotwords=a,b", {"content": CLIP}, "hotwords"),
        ("/transcribe?prune_logp=-20", {"content": CLIP}, "prune_logp"),
        ("/v1/audio/transcriptions", FORM | {"data": {"beam_width": "101"}}, "beam_width"),
        ("/v1/audio/transcriptions", FORM | {"data": {"keywords[]": ["a", "b"]}}, "hotwords"),
    ],
)
def test_option_beyond_the_bound_of_the_operator_is_a_400_that_names_the_setting(
    path: str, request_: dict[str, object], param: str
) -> None:
    async def run() -> None:
        async with in_process(max_beam_width=100, max_hotwords=1, min_prune_logp=-10) as running:
            await running.until("ready")
            answer = await running.client.post(path, **request_)  # type: ignore[arg-type]
            assert answer.status_code == 400
            assert answer.json()["error"]["param"] == param
            assert "NORDLYD_M" in answer.json()["error"]["message"]
            within = await running.client.post("/transcribe?beam_width=100", content=CLIP)
            assert within.status_code == 200

    asyncio.run(run())


def test_deepgram_keyterms_beyond_the_bound_of_the_operator_are_a_400() -> None:
    async def run() -> None:
        async with in_process(max_hotwords=1) as running:
            await running.until("ready")
            answer = await running.client.post("/v1/listen?keyterm=a&keyterm=b", content=CLIP)
            assert answer.status_code == 400
            assert "2 hotwords; accepted: at most 1 (NORDLYD_MAX_HOTWORDS)" in answer.text

    asyncio.run(run())


def test_timeout_in_a_form_counts_from_the_first_byte_of_the_request() -> None:
    boundary = b"frontier"
    head = b'--%b\r\ncontent-disposition: form-data; name="timeout"\r\n\r\n0.2\r\n' % boundary
    file = b'--%b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n' % boundary

    async def slow_body() -> AsyncIterator[bytes]:
        yield head + file
        await asyncio.sleep(0.4)
        yield CLIP + b"\r\n--%b--\r\n" % boundary

    async def run() -> None:
        async with in_process() as running:
            await running.until("ready")
            answer = await running.client.post(
                "/transcribe",
                content=slow_body(),
                headers={"content-type": "multipart/form-data; boundary=frontier"},
            )
            assert answer.status_code == 504
            assert answer.json()["error"]["code"] == "deadline_exceeded"

    asyncio.run(run())
