"""MMS checkpoints: which language's adapter, head and vocabulary are used."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import ALPHABETS, language_tokens, write_multilingual_checkpoint
from safetensors.torch import load_file, save_file
from transformers import Wav2Vec2ForCTC

from app.acoustic import load_checkpoint
from app.errors import CheckpointError

WAVEFORM = np.random.default_rng(0).standard_normal(8_000).astype(np.float32)


@pytest.fixture(scope="module")
def mms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of `eng`, adapters of all three languages, and a vocabulary for each."""
    return write_multilingual_checkpoint(tmp_path_factory.mktemp("mms"))


@pytest.fixture
def folder(mms, tmp_path) -> Path:
    """A copy, to be changed."""
    return Path(shutil.copytree(mms, tmp_path / "mms"))


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def stock(folder: Path, code: str) -> np.ndarray:
    """What transformers answers with that language's adapter."""
    model = Wav2Vec2ForCTC.from_pretrained(folder, target_lang=code, ignore_mismatched_sizes=True)
    prepared = load_checkpoint(folder, target_lang=code).prepare(WAVEFORM)
    with torch.inference_mode():
        return model(torch.from_numpy(prepared)[None]).logits[0].log_softmax(-1).numpy()


def check(folder: Path, code: str, target_lang: str | None = None) -> None:
    model = load_checkpoint(folder, target_lang=target_lang)
    assert model.target_lang == code
    assert model.vocabulary.tokens == tuple(language_tokens(code))
    assert model.vocabulary.blank == 0
    np.testing.assert_allclose(model.emissions([WAVEFORM])[0], stock(folder, code), atol=1e-4)


def refusal(folder: Path, target_lang: str | None = None) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder, target_lang=target_lang)
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("code", ALPHABETS)
def test_named_language_selects_adapter_head_and_vocabulary(mms, code):
    check(mms, code, target_lang=code)


def test_languages_give_different_emissions(mms):
    answers = [
        load_checkpoint(mms, target_lang=code).emissions([WAVEFORM])[0] for code in ("eng", "nob")
    ]
    assert answers[0].shape == answers[1].shape
    assert np.abs(answers[0] - answers[1]).max() > 0.1


@pytest.mark.parametrize("code", ["eng", "dan"])
def test_language_of_the_tokenizer_is_the_default(folder, code):
    edit(folder / "tokenizer_config.json", target_lang=code)
    check(folder, code)


def test_only_vocabulary_is_used_when_the_tokenizer_names_another_language(folder):
    (folder / "vocab.json").write_text(json.dumps({"nob": language_tokens("nob")}))
    check(folder, "nob")


def test_several_vocabularies_and_no_language_are_refused(folder):
    edit(folder / "tokenizer_config.json", target_lang=None)
    message = refusal(folder)
    assert "3 languages (dan, eng, nob)" in message
    assert "NORDLYD_TARGET_LANGS" in message


def test_unknown_language_is_refused_with_the_available_ones(mms):
    assert "no language 'swe' to serve (target_lang); it has: dan, eng, nob" in refusal(mms, "swe")


def test_missing_adapter_is_named_and_no_other_is_used(folder):
    (folder / "adapter.nob.safetensors").unlink()
    message = refusal(folder, "nob")
    assert "lacks adapter.nob.safetensors" in message
    assert "adapters for: dan, eng" in message


def test_weights_without_an_adapter_file_are_for_the_language_of_the_tokenizer(folder):
    (folder / "adapter.eng.safetensors").unlink()
    ours = load_checkpoint(folder).emissions([WAVEFORM])[0]
    expected = load_checkpoint(folder, target_lang="eng").emissions([WAVEFORM])[0]
    np.testing.assert_array_equal(ours, expected)


def test_adapter_of_another_shape_is_refused(folder):
    path = folder / "adapter.nob.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if name.endswith("linear_1.weight"))
    save_file(weights | {name: weights[name][:8].clone()}, path)
    assert "linear_1.weight has the shape (8, 64)" in refusal(folder, "nob")


def test_adapter_with_missing_or_unexpected_weights_is_refused(folder):
    path = folder / "adapter.nob.safetensors"
    weights = load_file(path)
    extra = "wav2vec2.encoder.layer_norm.bias"
    save_file(weights | {extra: torch.zeros(64)}, path)
    assert f"no adapter of this model: it holds {extra}" in refusal(folder, "nob")
    del weights["lm_head.bias"]
    save_file(weights, path)
    assert "it lacks lm_head.bias" in refusal(folder, "nob")


@pytest.mark.parametrize("code", ["../nob", "/etc/x", "a/../../b", "", "."])
def test_language_that_is_a_path_outside_the_folder_is_refused(folder, code):
    shutil.copy(folder / "adapter.nob.safetensors", folder.parent / "adapter.nob.safetensors")
    assert "target_lang" in refusal(folder, code)
    # Nor one that comes with the checkpoint.
    edit(folder / "tokenizer_config.json", target_lang=code)
    (folder / "vocab.json").write_text(
        json.dumps(dict.fromkeys((code, "x"), language_tokens("nob")))
    )
    assert "name the one to serve by target_lang" in refusal(folder)
