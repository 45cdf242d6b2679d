"""What vosk-server's own clients send, byte for byte, to a real server's port for them.

The dialogues are those of https://github.com/alphacep/vosk-server: `websocket/test*.py` and
`client-samples/`.
"""

import io
import json
import time
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from running import RunningServer
from vosk_client import EOF, RESET, TEXTS, chunks, speech, talk, text_of
from websockets.sync.client import ClientConnection, connect

PHRASES = """{"config" : 
                    { "phrase_list" : ["zero one two three four five", "six seven eight nine oh"],
                      "sample_rate" : %d,
                      "words" : 0}}"""  # noqa: W291 - as test_words.py sends it


def wav(samples: np.ndarray, rate: int) -> bytes:
    """A file as a telephone writes it, header and all."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", "not compressed"))
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def assert_forms(replies: list[str]) -> None:
    """Checks that every reply is a partial or a final result, written as vosk writes it."""
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
def test_each_audio_message_gets_one_reply_and_the_text_is_complete(
    vosk: ClientConnection, config: str, rate: int, size: int
) -> None:
    audio = speech(rate=rate)
    parts = chunks(audio.tobytes(), size)
    replies = talk(vosk, [config % rate, *parts, EOF])
    assert len(replies) == len(parts) + 1
    assert_forms(replies)
    assert text_of(replies) == TEXTS[0]
    words = [word for reply in replies for word in json.loads(reply).get("result", [])]
    assert [word["word"] for word in words] == TEXTS[0].split()
    starts = [word["start"] for word in words]
    assert starts == sorted(starts)
    assert all(0 < word["conf"] <= 1 for word in words)
    assert all(word["start"] < word["end"] <= len(audio) / rate for word in words)


def test_partial_results_arrive_during_speech_and_a_pause_ends_an_utterance(
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
        """Sends empty audio until a result is not empty."""
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
    while TEXTS[0] not in text_of(replies):
        until("text")
    assert text_of(replies) == TEXTS[0]
    assert send(b"") == {"partial": ""}
    replies += talk(vosk, [*chunks(second.tobytes(), 6_400), EOF])
    assert_forms(replies)
    assert text_of(replies) == f"{TEXTS[0]} {TEXTS[1]}"
    # Times are those of the stream, not of the utterance.
    words = [word for reply in replies for word in json.loads(reply).get("result", [])]
    second_start = words[len(TEXTS[0].split())]["start"]
    assert second_start > (len(first) + 24_000) / 16_000


def test_alternatives_have_scores_and_words_without_confidence(vosk: ClientConnection) -> None:
    """test_alternatives.py."""
    config = '{"config" : { "max_alternatives" : 20, "sample_rate" : 16000, "model" : "demo-da" } }'
    parts = chunks(speech(1, folder="demo-da").tobytes(), 6_400)
    replies = talk(vosk, [config, *parts, EOF])
    assert len(replies) == len(parts) + 1
    finals = [result for reply in replies if "alternatives" in (result := json.loads(reply))]
    hypotheses = finals[0]["alternatives"]
    assert len(finals) == 1
    assert len(hypotheses) > 1
    assert hypotheses[0]["text"] == "som standard bruges det sidste element i menuhierarkiet"
    assert len({hypothesis["text"] for hypothesis in hypotheses}) == len(hypotheses)
    for hypothesis in hypotheses:
        assert list(hypothesis) == ["confidence", "result", "text"]
        assert [word["word"] for word in hypothesis["result"]] == hypothesis["text"].split()
        assert all(list(word) == ["end", "start", "word"] for word in hypothesis["result"])
    scores = [hypothesis["confidence"] for hypothesis in hypotheses]
    assert scores == sorted(scores, reverse=True)


def test_phrase_list_does_not_restrict_the_text_and_words_0_omits_the_words(
    vosk: ClientConnection,
) -> None:
    """test_words.py, in whose form phrases are the only ones possible; here they are not."""
    replies = talk(vosk, [PHRASES % 16_000, *chunks(speech().tobytes(), 6_400), EOF])
    assert text_of(replies) == TEXTS[0]
    assert all("result" not in json.loads(reply) for reply in replies)


def test_phrase_list_biases_the_text(vosk: ClientConnection) -> None:
    config = '{"config": {"phrase_list": ["lerretet", "[unk]"], "sample_rate": 16000}}'
    replies = talk(vosk, [config, *chunks(speech().tobytes(), 6_400), EOF])
    assert text_of(replies) == TEXTS[0].replace("lerretets", "lerretet")


def test_client_without_a_config_sends_8_khz_with_a_wav_header(vosk: ClientConnection) -> None:
    """asr-test.php, and main.go that fills its last buffer up."""
    parts = chunks(wav(speech(rate=8_000), 8_000), 8_000)
    parts[-1] = parts[-1].ljust(8_000, b"\0")
    replies = talk(vosk, [*parts, EOF])
    assert len(replies) == len(parts) + 1
    assert_forms(replies)
    assert text_of(replies) == TEXTS[0]


def test_client_that_does_not_wait_gets_every_reply_in_order(vosk: ClientConnection) -> None:
    """test.js: 64 KiB at a time, without waiting for replies."""
    parts = chunks(wav(speech(1, rate=8_000), 8_000), 65_536)
    replies = talk(vosk, [*parts, EOF], waiting=False)
    assert len(replies) == len(parts) + 1
    assert text_of(replies) == TEXTS[1]


@pytest.mark.parametrize("eof", [EOF, '{"eof":1}', '{ "eof" : 1 }\n', '{"eof": true}'])
def test_eof_is_accepted_in_any_spacing(vosk: ClientConnection, eof: str) -> None:
    assert talk(vosk, [eof]) == ['{"text": ""}']


def test_silence_gives_an_empty_text(demos: RunningServer) -> None:
    silence = chunks(bytes(32_000), 6_400)
    with connect(demos.vosk) as connection:
        replies = talk(connection, [*silence, EOF])
    assert replies == ['{\n  "partial" : ""\n}'] * len(silence) + ['{"text": ""}']
    with connect(demos.vosk) as connection:
        replies = talk(connection, ['{"config": {"max_alternatives": 1}}', *silence, EOF])
    assert replies[-1] == '{"alternatives" : [{"text": "", "confidence" : 1.0}] }'


def test_reset_gives_the_final_result_and_times_continue(vosk: ClientConnection) -> None:
    parts = chunks(speech().tobytes(), 6_400)
    messages = ['{"config": {"sample_rate": 16000}}', *parts, RESET]
    for message in messages:
        vosk.send(message)
    first = [vosk.recv(60) for _ in range(len(parts) + 1)]
    assert text_of(first) == TEXTS[0]
    assert_forms(first)
    vosk.send(RESET)
    assert vosk.recv(60) == '{"text": ""}'
    # A configuration applies to the audio after it.
    vosk.send('{"config": {"max_alternatives": 2}}')
    second = talk(vosk, [*chunks(speech(1).tobytes(), 6_400), EOF])
    hypothesis = json.loads(second[-1])["alternatives"][0]
    assert hypothesis["text"] == TEXTS[1]
    assert hypothesis["result"][0]["start"] > len(speech()) / 16_000


def test_config_of_one_client_does_not_affect_others(demos: RunningServer) -> None:
    danish = "den genererede rapporter et writer dokument som du også kan redigere"
    no_model_of_ours = '{"config": {"sample_rate": 48000, "model": "/opt/vosk-model-en"}}'
    in_danish = '{"config": {"sample_rate": 16000, "language": "da-DK", "x": 1}}'
    requests = [
        ("", '{"config": {"sample_rate": 8000, "words": false}}', speech(rate=8_000)),
        ("", '{"config": {"sample_rate": 16000, "max_alternatives": 3}}', speech()),
        ("/?language=da", '{"config": {"sample_rate": 16000}}', speech(folder="demo-da")),
        ("/?model=demo-da", '{"config": {"sample_rate": 16000}}', speech(folder="demo-da")),
        ("", '{"config": {"sample_rate": 16000, "model": "demo-da"}}', speech(folder="demo-da")),
        ("", no_model_of_ours, speech(rate=48_000)),
        ("", in_danish, speech(folder="demo-da")),
        ("", '{"config": {"sample_rate": 16000}}', speech()),
    ]

    def transcribe(path: str, config: str, audio: np.ndarray) -> dict[str, object]:
        with connect(f"{demos.vosk}{path}") as connection:
            replies = talk(connection, [config, *chunks(audio.tobytes(), 9_600), EOF])
        best = [json.loads(reply) for reply in replies if '"partial"' not in reply]
        assert len(best) == 1
        return best[0]

    with ThreadPoolExecutor(len(requests)) as pool:
        answers = list(pool.map(lambda request: transcribe(*request), requests))
    plain, alternatives, *others = answers
    assert plain == {"text": TEXTS[0]}
    assert alternatives["alternatives"][0]["text"] == TEXTS[0]
    texts = [answer["text"] for answer in others]
    assert texts == [danish, danish, danish, TEXTS[0], danish, TEXTS[0]]
    assert all("result" in answer for answer in others)
