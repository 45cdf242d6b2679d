"""Kokoro's voices in training speech, with a small model in the layout of the real one."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from trainer.errors import SynthesisError
from trainer.recipe_schema import SynthesisRecipe
from trainer.speech.kokoro import RATE, Kokoro, kokoro
from trainer.speech.kokoro_files import MODEL, PHONEMES, VOICES, kokoro_folder
from trainer.speech.synthesis import utterances

SAMPLES_A_SOUND = 1200
SOUNDS = "abdefhijklmnoprstuvyæøɑɡʉˈː?"
SENTENCES = tuple(
    f"{first} liker {last}" for first in ("han", "hun") for last in ("is", "te", "øl")
)


def write_model(folder: Path) -> None:
    """Each sound is a tone, as loud as its number and the style of the voice."""
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 256]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]
    tone = np.resize([1.0, -1.0], SAMPLES_A_SOUND).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["tokens"], ["loud"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["loud"], ["column"]),
        helper.make_node("ReduceMean", ["style"], ["level"], keepdims=1),
        helper.make_node("Mul", ["column", "level"], ["scaled"]),
        helper.make_node("Mul", ["scaled", "tone"], ["sounds"]),
        helper.make_node("Reshape", ["sounds", "flat"], ["audio"]),
    ]
    constants = [
        helper.make_tensor("tone", TensorProto.FLOAT, [1, len(tone)], tone),
        helper.make_tensor("flat", TensorProto.INT64, [1], [-1]),
    ]
    audio = helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["samples"])
    graph = helper.make_graph(nodes, "tones", inputs, [audio], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / MODEL)
    numbers = {sound: number for number, sound in enumerate(SOUNDS, start=1)}
    (folder / PHONEMES).write_text(json.dumps({"vocab": numbers}), "utf-8")
    (folder / VOICES).mkdir()
    for voice, level in (("af_low", 0.01), ("bm_high", 0.02)):
        styles = np.full((510, 1, 256), level, np.float32)
        (folder / VOICES / f"{voice}.bin").write_bytes(styles.tobytes())


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kokoro]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kokoro_folder().mkdir(parents=True)
    write_model(kokoro_folder())
    kokoro.cache_clear()
    yield kokoro()
    kokoro.cache_clear()


def test_sounds_are_spoken_by_the_voice_that_was_chosen(model: Kokoro) -> None:
    assert model.voices == ("af_low", "bm_high")
    low, high = (
        model.speak("hˈuːs", language="nb", voice=voice, speed=1.0) for voice in model.voices
    )
    assert len(low) == SAMPLES_A_SOUND * (len("hˈuːs") + 2)
    np.testing.assert_allclose(high, 2 * low)


def test_danish_stoed_is_left_out_and_unknown_sounds_are_the_nearest(model: Kokoro) -> None:
    def spoken(phonemes: str, language: str) -> list[float]:
        return model.speak(phonemes, language=language, voice="af_low", speed=1.0).tolist()

    assert spoken("hˈ?uʔn", "da") == spoken("hˈun", "da")
    assert spoken("h?un", "nb") != spoken("hun", "nb")
    assert spoken("hʉs", "nb") == spoken("hys", "nb")


@pytest.mark.parametrize("phonemes", ["", "ʘǃ", "a" * 501])
def test_text_without_known_sounds_or_with_too_many_is_refused(
    model: Kokoro, phonemes: str
) -> None:
    with pytest.raises(SynthesisError, match="reads 1 to 500 phonemes"):
        model.speak(phonemes, language="nb", voice="af_low", speed=1.0)


@pytest.mark.usefixtures("model")
def test_kokoro_speaks_its_share_of_the_training_sentences_and_no_others(
    synthesis: SynthesisRecipe,
) -> None:
    recipe = replace(synthesis, voices="espeak+kokoro", kokoro_share=0.5)
    train = [item for item, _ in utterances(SENTENCES, recipe, split="train", seed=1)]
    own = [item for item in train if "+kokoro-" in item.speaker]
    assert 0 < len(own) < len(train) == len(SENTENCES)
    assert all(item.speaker in {"nb+kokoro-af_low", "nb+kokoro-bm_high"} for item in own)
    assert all(item.word_starts == () and item.seconds > SAMPLES_A_SOUND / RATE for item in own)
    held_out = [item for item, _ in utterances(SENTENCES, recipe, split="test", seed=1)]
    assert not any("kokoro" in item.speaker for item in held_out)


def test_missing_model_names_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(SynthesisError, match="run: nordlyd-train kokoro"):
        Kokoro(tmp_path)
