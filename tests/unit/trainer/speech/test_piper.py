"""Piper's voices in training speech, with small voices in the layout of the real ones."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hub_server import HubServer
from onnx import TensorProto, helper

from trainer.errors import SynthesisError
from trainer.recipe_schema import SynthesisRecipe
from trainer.speech.piper import PiperVoice, piper_voices
from trainer.speech.piper_files import piper_folder
from trainer.speech.synthesis import utterances

RATE = 22_050
SAMPLES_A_NUMBER = 500
SIGNS = "_^$ abdefhijklmnoprstuvyæøɑɡʉˈː\u0303"
SENTENCES = tuple(
    f"{first} liker {last}" for first in ("han", "hun") for last in ("is", "te", "øl")
)


def write_voice(folder: Path, name: str, *, language: str, speakers: int = 1) -> Path:
    """Each number is a tone of its loudness, as long as the scales say, and louder by speaker."""
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "phonemes"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    if speakers > 1:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
    tone = np.resize([0.01, -0.01], SAMPLES_A_NUMBER).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["input"], ["loud"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["loud"], ["column"]),
        helper.make_node("Gather", ["scales", "second"], ["length"]),
        helper.make_node("Mul", ["column", "length"], ["scaled"]),
        *(
            [
                helper.make_node("Cast", ["sid"], ["speaker"], to=TensorProto.FLOAT),
                helper.make_node("Add", ["speaker", "one"], ["level"]),
                helper.make_node("Mul", ["scaled", "level"], ["leveled"]),
            ]
            if speakers > 1
            else [helper.make_node("Identity", ["scaled"], ["leveled"])]
        ),
        helper.make_node("Mul", ["leveled", "tone"], ["sounds"]),
        helper.make_node("Reshape", ["sounds", "flat"], ["output"]),
    ]
    constants = [
        helper.make_tensor("tone", TensorProto.FLOAT, [1, len(tone)], tone),
        helper.make_tensor("flat", TensorProto.INT64, [4], [1, 1, 1, -1]),
        helper.make_tensor("second", TensorProto.INT64, [1], [1]),
        helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
    ]
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, "samples"])
    graph = helper.make_graph(nodes, "tones", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / f"{name}.onnx")
    config = {
        "audio": {"sample_rate": RATE, "quality": "medium"},
        "espeak": {"voice": language},
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "phoneme_type": "espeak",
        "phoneme_id_map": {sign: [number] for number, sign in enumerate(SIGNS)},
        "num_symbols": 256,
        "num_speakers": speakers,
        "speaker_id_map": {f"person {number}": number for number in range(speakers)},
    }
    (folder / f"{name}.onnx.json").write_text(json.dumps(config), "utf-8")
    return folder / f"{name}.onnx"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    piper_voices.cache_clear()
    yield piper_folder()
    piper_voices.cache_clear()


def numbers_in(speech: np.ndarray) -> list[float]:
    return [round(float(block.max()) * 100, 3) for block in np.split(speech, len(speech) // 500)]


def test_phonemes_are_numbered_with_padding_between_them(folder: Path) -> None:
    voice = PiperVoice(write_voice(folder, "one", language="nb"))
    place = SIGNS.index
    expected = [1, 0, place("h"), 0, place("ʉ"), 0, place("s"), 0, 2]
    assert numbers_in(voice.speak("hʉs", speaker=0, speed=1.0)) == expected
    assert numbers_in(voice.speak("hʉs", speaker=0, speed=2.0)) == [n / 2 for n in expected]


def test_combined_signs_are_read_apart_and_unknown_ones_left_out(folder: Path) -> None:
    voice = PiperVoice(write_voice(folder, "one", language="nb"))
    nasal = voice.speak("\u00e3", speaker=0, speed=1.0)  # ã, of two signs in the voice's list
    assert numbers_in(nasal) == [1, 0, SIGNS.index("a"), 0, SIGNS.index("\u0303"), 0, 2]
    np.testing.assert_array_equal(
        voice.speak("hʘs", speaker=0, speed=1.0), voice.speak("hs", speaker=0, speed=1.0)
    )
    with pytest.raises(SynthesisError, match="one knows none of the phonemes"):
        voice.speak("ʘǃ", speaker=0, speed=1.0)


def test_speaker_of_several_is_chosen(folder: Path) -> None:
    voice = PiperVoice(write_voice(folder, "several", language="nb", speakers=3))
    first, third = (voice.speak("hʉs", speaker=number, speed=1.0) for number in (0, 2))
    np.testing.assert_allclose(third, 3 * first, rtol=1e-5)


def test_piper_speaks_its_share_of_the_training_sentences_and_no_others(
    folder: Path, synthesis: SynthesisRecipe
) -> None:
    write_voice(folder, "no_NO-one-medium", language="no")
    write_voice(folder, "no_NO-two-medium", language="nb", speakers=2)
    write_voice(folder, "da_DK-other-medium", language="da")
    recipe = replace(synthesis, voices="espeak+piper", piper_share=0.6)
    train = [item for item, _ in utterances(SENTENCES * 3, recipe, split="train", seed=1)]
    own = {item.speaker for item in train if "+piper-" in item.speaker}
    assert own <= {"nb+piper-no_NO-one-medium", *(f"nb+piper-no_NO-two-medium-{n}" for n in "01")}
    assert 0 < sum(item.speaker in own for item in train) < len(train)
    assert all(item.word_starts == () for item in train if item.speaker in own)
    held_out = [item for item, _ in utterances(SENTENCES, recipe, split="test", seed=1)]
    assert not any("piper" in item.speaker for item in held_out)


def test_missing_voice_names_the_command_that_fetches_it(folder: Path) -> None:
    write_voice(folder, "no_NO-one-medium", language="no")
    with pytest.raises(
        SynthesisError, match=r"no voice of Piper for da .* run: nordlyd-train piper"
    ):
        piper_voices("da")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "cannot be read"),
        ('{"audio": {"sample_rate": 22050}}', "cannot be read: 'espeak'"),
        (None, "cannot be read"),
    ],
)
def test_damaged_voice_is_refused(folder: Path, config: str | None, message: str) -> None:
    file = write_voice(folder, "one", language="nb")
    if config is None:
        file.write_bytes(file.read_bytes()[:100])
    else:
        file.with_suffix(".onnx.json").write_text(config)
    with pytest.raises(SynthesisError, match=message):
        PiperVoice(file)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    """The hub with one voice, in the folders of the real one."""
    source = write_voice(tmp_path / "source", "no_NO-small-medium", language="nb")
    place = "no/no_NO/small/medium"
    files = {
        f"{place}/{file.name}": file.read_bytes()
        for file in (source, source.with_suffix(".onnx.json"))
    }
    server = HubServer("rhasspy/piper-voices", files | {f"{place}/MODEL_CARD": b"* License: CC0"})
    yield server
    server.close()


def fetch(hub: HubServer, folder: Path, *voices: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trainer", "piper", *voices],
        env=os.environ
        | {
            "HF_ENDPOINT": hub.endpoint,
            "HF_HOME": str(folder / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "XDG_CACHE_HOME": str(folder / "cache"),
        },
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_voices_are_fetched_from_the_hub_once(tmp_path: Path, hub: HubServer) -> None:
    done = fetch(hub, tmp_path, "no_NO-small-medium")
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip().splitlines()[-1])
    assert PiperVoice(folder / "no_NO-small-medium.onnx").language == "nb"
    assert (folder / "no_NO-small-medium.card").read_text() == "* License: CC0"
    requests = len(hub.requests)
    assert fetch(hub, tmp_path, "no_NO-small-medium").returncode == 0
    assert len(hub.requests) == requests


def test_voice_that_the_hub_lacks_is_one_line(tmp_path: Path, hub: HubServer) -> None:
    missing = fetch(hub, tmp_path, "da_DK-missing-medium")
    assert missing.returncode == 1
    assert "da_DK-missing-medium cannot be fetched from the hub" in missing.stderr
    assert "Traceback" not in missing.stderr
    wrong = fetch(hub, tmp_path, "talesyntese")
    assert wrong.returncode == 1
    assert "'talesyntese' is no voice" in wrong.stderr
