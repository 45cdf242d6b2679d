"""WS /stream against a real server with the bundled models, by the `websockets` client."""

import asyncio
import time
from collections.abc import Callable

import httpx
import numpy as np
import pytest
import soxr
from live import (
    END,
    FLUSH,
    RATE,
    StreamLog,
    converse,
    live_url,
    pieces,
    recording,
    sample,
    silence,
)
from running import RunningServer, live_streams
from sounds import as_wav

# Audio is sent faster than real time, to shorten the tests.
PACE = 0.02


@pytest.fixture(scope="session")
def offline(demos: RunningServer) -> Callable[[np.ndarray], dict]:
    """What POST /transcribe answers to samples, int16."""
    known: dict[bytes, dict] = {}

    def transcribe(samples: np.ndarray) -> dict:
        body = as_wav(samples.astype(np.float32) / 2**15)
        if body not in known:
            with demos.client() as client:
                answer = client.post("/transcribe", files={"file": body}, data={"language": "nb"})
            known[body] = answer.json()
        return known[body]

    return transcribe


def check_order(log: StreamLog) -> None:
    """Checks every stream: the order of messages, and that stable words stay."""
    kinds = log.kinds
    assert kinds[0] == "ready"
    assert kinds[-1] == "end"
    assert log.closed == 1000
    open_utterance: int | None = None
    begun = -1
    stable: list[str] = []
    for message in log.messages[1:-1]:
        match message["type"]:
            case "speech_start":
                assert open_utterance is None
                begun += 1
                open_utterance, stable = message["utterance"], []
                assert open_utterance == begun
            case "partial":
                now = message["stable"].split()
                assert now[: len(stable)] == stable
                assert message["text"].split()[: len(now)] == now
                assert [word["word"] for word in message["words"]] == message["text"].split()
                flags = [word["stable"] for word in message["words"]]
                assert flags == sorted(flags, reverse=True)
                assert sum(flags) == len(now)
                stable = now
            case "final":
                assert message["text"].split()[: len(stable)] == stable
                starts = [word["start"] for word in message["words"]]
                ends = [word["end"] for word in message["words"]]
                assert starts == sorted(starts)
                assert message["start"] <= starts[0]
                assert ends[-1] <= message["end"] + 0.001
            case "endpoint":
                assert message["utterance"] == open_utterance
        if message["type"] == "final":
            open_utterance = None
        else:
            assert message["utterance"] == begun
    assert open_utterance is None
    assert kinds.count("speech_start") == kinds.count("endpoint") == kinds.count("final")


@pytest.mark.parametrize("number", [1, *(pytest.param(n, marks=pytest.mark.long) for n in (2, 3))])
def test_partial_words_arrive_during_speech_and_the_final_text_is_the_offline_one(
    demos: RunningServer, offline, number: int
) -> None:
    samples = sample(number)
    log = asyncio.run(converse(live_url(demos, language="nb"), recording(samples), pace=2 * PACE))
    check_order(log)
    ready = log.messages[0]
    assert (ready["model"], ready["language"], ready["received"]) == ("demo-nb", "nb", 0.0)
    assert ready["session"]
    assert log.text == offline(samples)["text"]
    partials = log.of("partial")
    assert len(partials) >= 5
    assert sum(bool(partial["stable"]) for partial in partials) >= 3
    assert log.messages[-1]["duration"] == pytest.approx(len(samples) / RATE, abs=0.001)
    # Word times are those of the file, since the stream began with it.
    [final] = log.of("final")
    for live, filed in zip(final["words"], offline(samples)["words"], strict=True):
        assert live["start"] == pytest.approx(filed["start"], abs=0.1)


@pytest.mark.parametrize("size", [1, 333, 10**7])
def test_last_words_are_transcribed_whatever_the_message_size(
    demos: RunningServer, offline, size: int
) -> None:
    samples = sample(2)
    # Right after the last sound: no silence, and a piece of a frame of the model.
    ending = len(samples) - 137
    data = samples[:ending].tobytes()
    if size == 1:
        messages = [*pieces(data[:-999], 3200), *pieces(data[-999:], 1)]
    else:
        messages = list(pieces(data, size))
    log = asyncio.run(converse(live_url(demos, language="nb"), [*messages, END]))
    check_order(log)
    assert log.text == offline(samples)["text"]


@pytest.mark.parametrize(
    ("encoding", "rate", "channels"),
    [("f32le", 16_000, 1), ("f32le", 44_100, 2), ("s16le", 48_000, 1)],
)
def test_samples_of_any_encoding_are_transcribed(
    demos: RunningServer, offline, encoding: str, rate: int, channels: int
) -> None:
    samples = sample(2)
    sound = soxr.resample(samples.astype(np.float32) / 2**15, RATE, rate)
    frames = np.repeat(sound[:, None], channels, axis=1)
    data = (frames if encoding == "f32le" else frames * (2**15 - 1)).astype(
        "<f4" if encoding == "f32le" else "<i2"
    )
    url = live_url(demos, language="nb", encoding=encoding, rate=rate, channels=channels)
    log = asyncio.run(converse(url, [*pieces(data.tobytes(), 16_001), END]))
    check_order(log)
    assert log.text == offline(samples)["text"]
    assert log.messages[-1]["duration"] == pytest.approx(len(samples) / RATE, abs=0.01)


def test_pause_ends_an_utterance_and_times_continue(demos: RunningServer, offline) -> None:
    first, second = sample(1), sample(2)
    audio = np.concatenate([first, silence(1.5), second])
    log = asyncio.run(converse(live_url(demos, language="nb"), recording(audio), pace=PACE / 2))
    check_order(log)
    one, other = log.of("final")
    assert one["text"] == offline(first)["text"]
    assert other["text"] == offline(second)["text"]
    began = (len(first) + 1.5 * RATE) / RATE
    assert one["end"] < began
    assert other["words"][0]["start"] > began
    # Ends where the pause was long enough, not where the next speech began.
    endpoint = log.of("endpoint")[0]["time"]
    assert endpoint == pytest.approx(len(first) / RATE + 0.6, abs=0.3)
    assert [word["word"] for word in other["words"]] == other["text"].split()


def test_longer_endpoint_silence_keeps_one_utterance(demos: RunningServer) -> None:
    audio = np.concatenate([sample(1), silence(1.0), sample(2)])
    url = live_url(demos, language="nb", endpoint_silence=2)
    log = asyncio.run(converse(url, recording(audio)))
    check_order(log)
    assert len(log.of("final")) == 1


def test_flush_ends_an_utterance_at_once(demos: RunningServer, offline) -> None:
    first, second = sample(2), sample(3)
    messages = [*pieces(first.tobytes()), FLUSH, *recording(second)]
    log = asyncio.run(converse(live_url(demos, language="nb"), messages))
    check_order(log)
    assert [final["text"] for final in log.of("final")] == [
        offline(first)["text"],
        offline(second)["text"],
    ]
    assert log.of("endpoint")[0]["time"] == pytest.approx(len(first) / RATE, abs=0.001)


def test_speech_without_pauses_is_cut_without_losing_words(demos: RunningServer, offline) -> None:
    spoken = np.concatenate([sample(1), sample(2), sample(3), sample(1)])
    url = live_url(demos, language="nb", max_utterance=4, endpoint_silence=5)
    log = asyncio.run(converse(url, recording(spoken)))
    check_order(log)
    finals = log.of("final")
    assert len(finals) >= 3
    assert all(final["end"] - final["start"] <= 5.1 for final in finals)
    expected = " ".join(offline(sample(number))["text"] for number in (1, 2, 3, 1)).split()
    # A cut may fall into a word; all others are there.
    assert len(set(expected) - set(log.text.split())) <= 3
    assert abs(len(log.text.split()) - len(expected)) <= 4


def test_two_streams_at_once_get_their_own_words(demos: RunningServer, offline) -> None:
    async def both() -> tuple[StreamLog, StreamLog]:
        bokmaal = converse(live_url(demos, language="nb"), recording(sample(1)), pace=PACE)
        danish = converse(live_url(demos, language="da"), recording(sample(2)), pace=PACE)
        return await asyncio.gather(bokmaal, danish)

    one, other = asyncio.run(both())
    check_order(one)
    check_order(other)
    assert one.text == offline(sample(1))["text"]
    assert (other.messages[0]["model"], other.messages[0]["language"]) == ("demo-da", "da")
    assert one.messages[0]["session"] != other.messages[0]["session"]


@pytest.mark.parametrize("seconds", [0.0, 0.01, 3.0])
def test_silence_has_no_words(demos: RunningServer, seconds: float) -> None:
    log = asyncio.run(converse(live_url(demos), [*pieces(silence(seconds).tobytes()), FLUSH, END]))
    assert log.kinds == ["ready", "end"]
    assert log.messages[-1]["duration"] == seconds
    assert log.closed == 1000


def test_repeated_and_late_flush_and_end_are_accepted(demos: RunningServer, offline) -> None:
    messages = [FLUSH, *recording(sample(2))[:-1], FLUSH, FLUSH, END, END, FLUSH]
    log = asyncio.run(converse(live_url(demos, language="nb"), messages))
    check_order(log)
    assert log.text == offline(sample(2))["text"]


def test_options_choose_the_fields_of_results(demos: RunningServer) -> None:
    options = {
        "language": "nb", "words": "false", "n_best": "3",
        "format_text": "true", "lm": "default", "beta": "-4",
    }  # fmt: skip
    url = live_url(demos, partials="false", **options)
    log = asyncio.run(converse(url, recording(sample(2)), pace=PACE))
    assert log.of("partial") == []
    [final] = log.of("final")
    assert "words" not in final
    with demos.client() as client:
        body = as_wav(sample(2).astype(np.float32) / 2**15)
        answer = client.post("/transcribe", files={"file": body}, data=options).json()
    assert len(final["alternatives"]) == len(answer["alternatives"])
    assert final["formatted_text"] == answer["formatted_text"]
    assert final["alternatives"][0]["text"] == final["text"]
    scores = [alternative["score"] for alternative in final["alternatives"]]
    assert scores == sorted(scores, reverse=True)
    assert 0 < final["confidence"] <= 1


def test_greedy_words_equal_those_of_the_offline_greedy_decoder(demos: RunningServer) -> None:
    samples = sample(2)
    log = asyncio.run(
        converse(live_url(demos, language="nb", decoder="greedy"), recording(samples), pace=PACE)
    )
    check_order(log)
    with demos.client() as client:
        answer = client.post(
            "/transcribe",
            files={"file": as_wav(samples.astype(np.float32) / 2**15)},
            data={"language": "nb", "decoder": "greedy"},
        ).json()
    assert log.text == answer["text"]


def test_live_streams_are_counted(demos: RunningServer) -> None:
    with demos.client() as client:
        asyncio.run(converse(live_url(demos, language="nb"), recording(sample(2)), pace=PACE))
        # The client's side of a stream ends before the service's, and one of another test may wait
        # a minute for its client to come back.
        until = time.monotonic() + 90
        while live_streams(client) and time.monotonic() < until:
            time.sleep(0.1)
        assert live_streams(client) == 0
        metrics = client.get("/metrics").text
    assert 'nordlyd_live_word_seconds_count{model="demo-nb"}' in metrics
    assert 'nordlyd_requests_total{route="/stream",status="101"}' in metrics
    assert '"path": "/stream"' in demos.log.read_text()


def test_http_request_to_the_stream_is_a_404(demos: RunningServer) -> None:
    with demos.client() as client:
        answer: httpx.Response = client.get("/stream")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
