"""What vosk-server's own clients send, byte for byte, to a real server's port for them.

The dialogues are those of https://github.com/alphacep/vosk-server: `websocket/test*.py` and
`client-samples/`.
"""

import io
import json
import socket
import time
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import pytest
import soundfile
import soxr
from demo_model import DEMO, sample_texts
from running import RunningServer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

EOF = '{"eof" : 1}'
RESET = '{"reset" : 1}'
TEXTS = sample_texts()
PHRASES = """{"config" : 
                    { "phrase_list" : ["zero one two three four five", "six seven eight nine oh"],
                      "sample_rate" : %d,
                      "words" : 0}}"""  # noqa: W291 - as test_words.py sends it


def speech(number: int = 0, rate: int = 16_000, folder: str = "demo-nb") -> np.ndarray:
    """A sample as 16-bit PCM at some rate."""
    file = DEMO.parent / folder / "samples" / f"sample-{number + 1}.flac"
    samples, own = soundfile.read(file)
    resampled = soxr.resample(samples, own, rate)
    return (np.clip(resampled, -1, 1) * 32767).astype("<i2")


def chunks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def wav(samples: np.ndarray, rate: int) -> bytes:
    """A file as a telephone writes it, header and all."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", "not compressed"))
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def talk(
    connection: ClientConnection, messages: list[bytes | str], *, waiting: bool = True
) -> list[str]:
    """Send messages; returns every reply until the server closes, which it must do properly."""
    replies: list[str] = []
    for message in messages:
        connection.send(message)
        if waiting and (isinstance(message, bytes) or "config" not in message):
            replies.append(connection.recv(60))
    replies += connection
    assert connection.close_code == 1000
    return replies


def said(replies: list[str]) -> str:
    """The text of all final results."""
    results = [json.loads(reply) for reply in replies]
    return " ".join(result["text"] for result in results if result.get("text"))


def assert_forms(replies: list[str]) -> None:
    """Check that every reply is a partial or a final result, written as vosk writes it."""
    for reply in replies:
        result = json.loads(reply)
        if "partial" in result:
            assert reply == f'{{\n  "partial" : "{result["partial"]}"\n}}'
        elif result["text"] == "":
            assert reply == '{"text": ""}'
        else:
            assert reply.startswith('{\n  "result" : [{\n      "conf" : ')
            assert list(result) == ["result", "text"]
            assert all(list(word) == ["conf", "end", "start", "word"] for word in result["result"])


@pytest.fixture
def vosk(demos: RunningServer) -> Iterator[ClientConnection]:
    with connect(demos.vosk) as connection:
        yield connection


@pytest.mark.parametrize(
    ("config", "rate", "size"),
    [
        # test.py, and asr-test.py with another spelling of the same
        ('{ "config" : { "sample_rate" : %d } }', 16_000, 6_400),
        ('{ "config" : { "sample_rate" : %d } }', 8_000, 3_200),
        # eagi.py of Asterisk
        ('{ "config" : { "sample_rate" : %d } }', 8_000, 8_000),
        # test_ffmpeg.py
        ('{ "config" : { "sample_rate" : %d } }', 16_000, 8_000),
        # VoskClient.java
        ('{ "config" : { "sample_rate" : %d } }', 16_000, 2_048),
        # Jigasi
        ('{"config" : {"sample_rate" : %d.0 }}', 48_000, 19_200),
    ],
)
def test_each_message_of_audio_gets_one_reply_and_the_text_is_whole(
    vosk: ClientConnection, config: str, rate: int, size: int
) -> None:
    audio = speech(rate=rate)
    parts = chunks(audio.tobytes(), size)
    replies = talk(vosk, [config % rate, *parts, EOF])
    assert len(replies) == len(parts) + 1
    assert_forms(replies)
    assert said(replies) == TEXTS[0]
    words = [word for reply in replies for word in json.loads(reply).get("result", [])]
    assert [word["word"] for word in words] == TEXTS[0].split()
    starts = [word["start"] for word in words]
    assert starts == sorted(starts)
    assert all(0 < word["conf"] <= 1 for word in words)
    assert all(word["start"] < word["end"] <= len(audio) / rate for word in words)


def test_partial_results_come_while_one_speaks_and_a_pause_ends_an_utterance(
    vosk: ClientConnection,
) -> None:
    vosk.send('{ "config" : { "sample_rate" : 16000 } }')
    first, second = speech(0), speech(1)
    pause = bytes(2 * 24_000)
    replies = []

    def send(data: bytes) -> dict[str, object]:
        vosk.send(data)
        replies.append(vosk.recv(60))
        return json.loads(replies[-1])

    def until(name: str) -> str:
        """Ask, without more audio, until a result is not empty."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if text := send(b"").get(name):
                return str(text)
            time.sleep(0.02)
        raise AssertionError(f"no {name}")

    for part in chunks(first.tobytes()[:96_000], 6_400):
        send(part)
    assert until("partial")
    for part in chunks(first.tobytes()[96_000:] + pause, 6_400):
        send(part)
    vosk.send(b"")
    replies.append(vosk.recv(60))
    while TEXTS[0] not in said(replies):
        until("text")
    assert said(replies) == TEXTS[0]
    assert send(b"") == {"partial": ""}
    replies += talk(vosk, [*chunks(second.tobytes(), 6_400), EOF])
    assert_forms(replies)
    assert said(replies) == f"{TEXTS[0]} {TEXTS[1]}"
    # Times are those of the stream, not of the utterance.
    words = [word for reply in replies for word in json.loads(reply).get("result", [])]
    second_start = words[len(TEXTS[0].split())]["start"]
    assert second_start > (len(first) + 24_000) / 16_000


def test_alternatives_have_scores_and_words_with_times_alone(vosk: ClientConnection) -> None:
    """test_alternatives.py."""
    config = '{"config" : { "max_alternatives" : 20, "sample_rate" : 16000 } }'
    parts = chunks(speech().tobytes(), 6_400)
    replies = talk(vosk, [config, *parts, EOF])
    assert len(replies) == len(parts) + 1
    finals = [result for reply in replies if "alternatives" in (result := json.loads(reply))]
    readings = finals[0]["alternatives"]
    assert len(finals) == 1
    assert len(readings) > 1
    assert readings[0]["text"] == TEXTS[0]
    assert len({reading["text"] for reading in readings}) == len(readings)
    for reading in readings:
        assert list(reading) == ["confidence", "result", "text"]
        assert [word["word"] for word in reading["result"]] == reading["text"].split()
        assert all(list(word) == ["end", "start", "word"] for word in reading["result"])
    scores = [reading["confidence"] for reading in readings]
    assert scores == sorted(scores, reverse=True)


def test_phrases_are_expected_and_words_may_be_left_out(vosk: ClientConnection) -> None:
    """test_words.py, in whose form phrases are the only ones possible; here they are not."""
    replies = talk(vosk, [PHRASES % 16_000, *chunks(speech().tobytes(), 6_400), EOF])
    assert said(replies) == TEXTS[0]
    assert all("result" not in json.loads(reply) for reply in replies)


def test_a_phrase_of_the_list_is_heard_where_it_could_be(vosk: ClientConnection) -> None:
    config = '{"config": {"phrase_list": ["lerretet", "[unk]"], "sample_rate": 16000}}'
    replies = talk(vosk, [config, *chunks(speech().tobytes(), 6_400), EOF])
    assert said(replies) == TEXTS[0].replace("lerretets", "lerretet")


def test_a_client_without_a_config_sends_8_khz_and_its_header(vosk: ClientConnection) -> None:
    """asr-test.php, and main.go that fills its last buffer up."""
    parts = chunks(wav(speech(rate=8_000), 8_000), 8_000)
    parts[-1] = parts[-1].ljust(8_000, b"\0")
    replies = talk(vosk, [*parts, EOF])
    assert len(replies) == len(parts) + 1
    assert_forms(replies)
    assert said(replies) == TEXTS[0]


def test_a_client_that_does_not_wait_gets_as_many_replies_in_order(vosk: ClientConnection) -> None:
    """test.js: 64 KiB at a time, and it reads when it likes."""
    parts = chunks(wav(speech(1, rate=8_000), 8_000), 65_536)
    replies = talk(vosk, [*parts, EOF], waiting=False)
    assert len(replies) == len(parts) + 1
    assert said(replies) == TEXTS[1]


@pytest.mark.parametrize("eof", [EOF, '{"eof":1}', '{ "eof" : 1 }\n', '{"eof": true}'])
def test_eof_is_read_in_any_spacing_and_nothing_said_is_an_empty_text(
    vosk: ClientConnection, eof: str
) -> None:
    assert talk(vosk, [eof]) == ['{"text": ""}']


def test_silence_is_an_empty_text(demos: RunningServer) -> None:
    silence = chunks(bytes(32_000), 6_400)
    with connect(demos.vosk) as connection:
        replies = talk(connection, [*silence, EOF])
    assert replies == ['{\n  "partial" : ""\n}'] * len(silence) + ['{"text": ""}']
    with connect(demos.vosk) as connection:
        replies = talk(connection, ['{"config": {"max_alternatives": 1}}', *silence, EOF])
    assert replies[-1] == '{"alternatives" : [{"text": "", "confidence" : 1.0}] }'


def test_a_reset_gives_what_was_said_and_times_go_on(vosk: ClientConnection) -> None:
    parts = chunks(speech().tobytes(), 6_400)
    messages = ['{"config": {"sample_rate": 16000}}', *parts, RESET]
    for message in messages:
        vosk.send(message)
    first = [vosk.recv(60) for _ in range(len(parts) + 1)]
    assert said(first) == TEXTS[0]
    assert_forms(first)
    vosk.send(RESET)
    assert vosk.recv(60) == '{"text": ""}'
    # What is configured now is for what comes now.
    vosk.send('{"config": {"max_alternatives": 2}}')
    second = talk(vosk, [*chunks(speech(1).tobytes(), 6_400), EOF])
    reading = json.loads(second[-1])["alternatives"][0]
    assert reading["text"] == TEXTS[1]
    assert reading["result"][0]["start"] > len(speech()) / 16_000


def test_clients_with_different_settings_do_not_change_each_other(demos: RunningServer) -> None:
    danish = "den genererede rapport er et writer dokument som du også kan redigere"
    no_model_of_ours = '{"config": {"sample_rate": 48000, "model": "/opt/vosk-model-en"}}'
    in_danish = '{"config": {"sample_rate": 16000, "language": "da-DK", "x": 1}}'
    wishes = [
        ("", '{"config": {"sample_rate": 8000, "words": false}}', speech(rate=8_000)),
        ("", '{"config": {"sample_rate": 16000, "max_alternatives": 3}}', speech()),
        ("/?language=da", '{"config": {"sample_rate": 16000}}', speech(folder="demo-da")),
        ("/?model=demo-da", '{"config": {"sample_rate": 16000}}', speech(folder="demo-da")),
        ("", '{"config": {"sample_rate": 16000, "model": "demo-da"}}', speech(folder="demo-da")),
        ("", no_model_of_ours, speech(rate=48_000)),
        ("", in_danish, speech(folder="demo-da")),
        ("", '{"config": {"sample_rate": 16000}}', speech()),
    ]

    def ask(path: str, config: str, audio: np.ndarray) -> dict[str, object]:
        with connect(f"{demos.vosk}{path}") as connection:
            replies = talk(connection, [config, *chunks(audio.tobytes(), 9_600), EOF])
        best = [json.loads(reply) for reply in replies if '"partial"' not in reply]
        assert len(best) == 1
        return best[0]

    with ThreadPoolExecutor(len(wishes)) as pool:
        answers = list(pool.map(lambda wish: ask(*wish), wishes))
    plain, alternatives, *others = answers
    assert plain == {"text": TEXTS[0]}
    assert alternatives["alternatives"][0]["text"] == TEXTS[0]
    heard = [answer["text"] for answer in others]
    assert heard == [danish, danish, danish, TEXTS[0], danish, TEXTS[0]]
    assert all("result" in answer for answer in others)


@pytest.mark.parametrize(
    ("path", "message", "said"),
    [
        ("", "hallo", "accepted: {\"config\": {…}}, {\"eof\": 1} or {\"reset\": 1}"),
        ("", "[1, 2]", "accepted: {\"config\""),
        ("", '{"eof" : 0}', "accepted: {\"config\""),
        ("", '{"config" : 16000}', "accepted: {\"config\""),
        ("", '{"config": {"sample_rate": "fast"}}', "accepted: a whole number"),
        ("", '{"config": {"sample_rate": 7}}', "7"),
        ("", '{"config": {"sample_rate": 1e999}}', "accepted: a whole number"),
        ("", '{"config": {"max_alternatives": -1}}', "accepted: a whole number"),
        ("", '{"config": {"words": "yes"}}', "accepted: true or false"),
        ("", '{"config": {"phrase_list": "one two"}}', "accepted: a list"),
        ("", '{"config": {"language": "sv"}}', "served: nb"),
        ("/?language=sv", None, "served: nb"),
        ("/?model=demo-sv", None, "loaded: demo-nb, demo-da"),
        ("/?lang=da", None, "accepted: language and model"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_said_and_the_next_client_is_served(
    demos: RunningServer, path: str, message: str | None, said: str
) -> None:
    with connect(f"{demos.vosk}{path}") as connection:
        if message is not None:
            connection.send(message)
        error = json.loads(connection.recv(60))["error"]
        assert said in error["message"]
        assert list(error) == ["message", "type", "param", "code"]
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(60)
    assert closed.value.rcvd.code == 1008
    assert error["message"].startswith(closed.value.rcvd.reason[:40])
    with connect(demos.vosk) as connection:
        assert talk(connection, [bytes(1_600), EOF])[-1] == '{"text": ""}'


def test_a_message_has_an_end(demos: RunningServer) -> None:
    with connect(demos.vosk) as connection:
        connection.send(bytes(2**20))
        assert connection.recv(60) == '{\n  "partial" : ""\n}'
        connection.send(bytes(2**20 + 1))
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(60)
    assert closed.value.rcvd.code == 1009


def test_a_client_that_hangs_up_frees_its_stream(demos: RunningServer) -> None:
    with demos.client() as client:

        def streams() -> float:
            lines = client.get("/metrics").text.splitlines()
            return float(
                next(line for line in lines if line.startswith("nordlyd_live_streams ")).split()[1]
            )

        before = streams()
        with ExitStack() as opened:
            connections = [opened.enter_context(connect(demos.vosk)) for _ in range(3)]
            for connection in connections:
                connection.send(speech().tobytes())
                connection.recv(60)
            assert streams() == before + len(connections)
            connections[0].close()
            for connection in connections[1:]:
                # As when the program at the other end is killed.
                connection.socket.shutdown(socket.SHUT_RDWR)
        end = time.monotonic() + 30
        while streams() > before and time.monotonic() < end:
            time.sleep(0.02)
        assert streams() == before
