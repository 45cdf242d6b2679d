"""Options of the decoder and of formatted text: the command gives what a server gives."""

import json
from pathlib import Path

import httpx
import pytest
from test_command_line import nordlyd


@pytest.fixture
def speech(tmp_path: Path, clip) -> Path:
    path = tmp_path / "speech.wav"
    path.write_bytes(clip(seconds=4.0))
    return path


@pytest.mark.long
def test_command_output_equals_that_of_the_server(
    client: httpx.Client, tiny_settings: dict[str, str], speech: Path
) -> None:
    options = {
        "language": "da", "decoder": "beam", "beam_width": "20", "beta": "-0.5",
        "hotwords": "å:3, ø", "n_best": "2", "format_text": "true",
    }  # fmt: skip
    answer = client.post("/transcribe", data=options, files={"file": speech.read_bytes()}).json()
    ended = nordlyd(
        "transcribe", speech, "--language", "da", "--decoder", "beam", "--beam-width", "20",
        "--beta", "-0.5", "--hotwords", "å:3, ø", "--n-best", "2", "--format-text",
        "--format", "json", settings=tiny_settings,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    body = json.loads(ended.stdout)
    assert list(body) == list(answer)
    for name in ("text", "words", "formatted_text", "formatted_words", "formatted_segments"):
        assert body[name] == answer[name]
    assert body["alternatives"] == answer["alternatives"]
    assert len(body["alternatives"]) == 2
    assert (body["decoder"], body["lm"]) == ("beam", None)
    assert body["formatted_text"][0].isupper()
    assert body["formatted_text"].endswith(".")


@pytest.mark.long
def test_formatted_text_masks_the_operators_words(
    tiny_settings: dict[str, str], speech: Path, tmp_path: Path
) -> None:
    words = tmp_path / "words.txt"
    words.write_text("\n".join(f"{letter}*" for letter in "abcdefghijklmnopqrstuvwxyzæøå"), "utf-8")
    ended = nordlyd(
        "transcribe", speech, "--language", "nb", "--format-text", "--mask-profanities",
        settings=tiny_settings | {"PROFANITIES": str(words)},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    masked = ended.stdout.split()
    assert masked
    assert all(set(word[1:]) <= set("*,.") for word in masked)
    assert "*" in ended.stdout


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "value"), [("beam_width", "0"), ("mask_profanities", "true"), ("lm", "news")]
)
def test_command_refuses_the_options_that_the_server_refuses(
    client: httpx.Client, tiny_settings: dict[str, str], speech: Path, name: str, value: str
) -> None:
    refused = client.post("/transcribe", params={name: value}, content=speech.read_bytes())
    assert refused.status_code == 400
    option = f"--{name.replace('_', '-')}"
    given = [option] if value == "true" else [option, value]
    ended = nordlyd("transcribe", speech, *given, settings=tiny_settings)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"nordlyd: {refused.json()['error']['message']}\n"


def test_n_best_needs_the_json_format(speech: Path) -> None:
    ended = nordlyd("transcribe", speech, "--n-best", "3")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "nordlyd: n_best is 3: only --format json lists the alternatives.\n"


@pytest.mark.long
def test_unreadable_profanity_list_is_one_line(
    tiny_settings: dict[str, str], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text("to ord\n", "utf-8")
    for path, message in ((tmp_path / "none.txt", "No such file"), (bad, "line 1: 'to ord'")):
        ended = nordlyd("serve", "--port", "0", settings=tiny_settings | {"PROFANITIES": str(path)})
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"nordlyd: NORDLYD_PROFANITIES: {path}")
        assert message in ended.stderr
        assert ended.stderr.count("\n") == 1
