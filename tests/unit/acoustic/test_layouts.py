"""Checkpoints in the layouts in use: each has the emissions of stock transformers."""

import json
import pickle
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import LETTERS, make_model, vocabulary, write_checkpoint, write_tokenizer
from safetensors.torch import load_file, save_file
from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2ForCTC

from app.acoustic import load_checkpoint
from app.decoding import GreedyDecoder
from app.errors import CheckpointError

WAVEFORM = np.random.default_rng(0).standard_normal(8_000).astype(np.float32)
POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    "size 1261909312\n"
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    write_checkpoint(folder)
    return folder


@pytest.fixture
def folder(original, tmp_path) -> Path:
    """A copy of a good checkpoint, to be changed."""
    return Path(shutil.copytree(original, tmp_path / "checkpoint"))


@pytest.fixture(scope="module")
def expected(original) -> np.ndarray:
    return load_checkpoint(original).emissions([WAVEFORM])[0]


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes, ensure_ascii=False))


def answer(folder: Path) -> np.ndarray:
    return load_checkpoint(folder).emissions([WAVEFORM])[0]


def refusal(folder: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder)
    assert "\n" not in caught.value.message
    return caught.value.message


def save_pickled(folder: Path, wrap=lambda weights: weights, **options: object) -> Path:
    """Replaces the weights by a `pytorch_model.bin` that holds `wrap` of them."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(wrap(weights), folder / "pytorch_model.bin", **options)
    return folder / "pytorch_model.bin"


def shard(folder: Path, suffix: str) -> Path:
    """Replaces the weights by shards, as `save_pretrained` writes or (bin) wrote them."""
    if suffix == "safetensors":
        model = Wav2Vec2ForCTC.from_pretrained(folder)
        (folder / "model.safetensors").unlink()
        model.save_pretrained(folder, max_shard_size="200KB")
        return folder / "model.safetensors.index.json"
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = list(weights)
    places = {}
    for number, part in enumerate((names[::2], names[1::2]), 1):
        file = f"pytorch_model-{number:05}-of-00002.bin"
        torch.save({name: weights[name] for name in part}, folder / file)
        places |= dict.fromkeys(part, file)
    index = folder / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return index


# The vocabulary


def test_special_tokens_beyond_the_head_are_left_out(tmp_path):
    """The layout of 2021: `<s>` and `</s>` were added after training, 32 and 33 of a head of 32."""
    tokens = {token: i for token, i in vocabulary().items() if token not in {"<s>", "</s>"}}
    model = make_model("xls-r")
    model.lm_head = torch.nn.Linear(64, len(tokens))
    model.config.vocab_size = len(tokens)
    model.save_pretrained(tmp_path)
    write_tokenizer(tmp_path, layout="2022")
    assert json.loads((tmp_path / "added_tokens.json").read_text()) == {"<s>": 32, "</s>": 33}

    ours = load_checkpoint(tmp_path)
    stock = Wav2Vec2ForCTC.from_pretrained(tmp_path)
    with torch.inference_mode():
        logits = stock(torch.from_numpy(ours.prepare(WAVEFORM))[None]).logits[0]
    np.testing.assert_allclose(answer(tmp_path), logits.log_softmax(-1).numpy(), atol=1e-4)
    assert ours.vocabulary.tokens == ("|", *LETTERS, "[UNK]", "[PAD]")
    assert ours.vocabulary.tokens[ours.vocabulary.blank] == "[PAD]"


def test_special_tokens_of_vocab_json_beyond_the_head_are_left_out(folder, expected):
    tokens = json.loads((folder / "vocab.json").read_text())
    edit(folder / "vocab.json", **{"<mask>": len(tokens)})
    edit(folder / "tokenizer_config.json", bos_token="<mask>")
    np.testing.assert_array_equal(answer(folder), expected)


def test_letter_beyond_the_head_is_refused(folder):
    edit(folder / "vocab.json", é=34)
    assert "34 outputs but the vocabulary 35 tokens" in refusal(folder)


def test_blank_beyond_the_head_is_refused(folder):
    edit(folder / "vocab.json", **{"[PAD]": 34})
    edit(folder / "config.json", pad_token_id=34)
    assert "34 outputs but the vocabulary 33 tokens" in refusal(folder)


def test_do_lower_case_writes_lower_case_as_transformers_does(folder):
    tokens = {token.upper() if token in LETTERS else token: i for token, i in vocabulary().items()}
    (folder / "vocab.json").write_text(json.dumps(tokens))
    edit(folder / "tokenizer_config.json", do_lower_case=True)
    model = load_checkpoint(folder)
    emissions = model.emissions([np.tile(WAVEFORM, 4)])[0]
    stock = Wav2Vec2CTCTokenizer.from_pretrained(folder)
    expected = stock.decode(emissions.argmax(axis=1), skip_special_tokens=True)
    ours = GreedyDecoder(model.vocabulary).decode(emissions, frame_seconds=0.02, duration=2.0)
    assert ours.text.replace(" ", "") == expected.replace(" ", "")
    assert ours.text == ours.text.lower() != ours.text.upper()
    assert "[UNK]" in model.vocabulary.tokens


# The weights


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_shards_load(folder, expected, suffix):
    index = shard(folder, suffix)
    assert len(set(json.loads(index.read_text())["weight_map"].values())) > 1
    np.testing.assert_array_equal(answer(folder), expected)


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_missing_shard_is_named(folder, suffix):
    index = shard(folder, suffix)
    lost = max(folder.glob(f"*-of-*.{suffix}"))
    lost.unlink()
    assert f"lacks {lost.name}, which {index.name} names" in refusal(folder)


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", "..", 3, None])
def test_index_with_a_path_outside_the_folder_is_refused(folder, name):
    index = shard(folder, "safetensors")
    shutil.copy(next(folder.glob("*-of-*")), folder.parent / "secret.safetensors")
    places = json.loads(index.read_text())["weight_map"]
    places[next(iter(places))] = name
    index.write_text(json.dumps({"weight_map": places}))
    assert "only files of the folder itself are read" in refusal(folder)


def test_index_without_a_map_is_refused(folder):
    shard(folder, "safetensors").write_text("{}")
    assert "has no weight_map" in refusal(folder)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickle_of_any_age_loads(folder, expected, zipped):
    """torch before 1.6 wrote bare pickles, which cannot be memory-mapped."""
    save_pickled(folder, _use_new_zipfile_serialization=zipped)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(answer(folder), expected)


class HostilePickle:
    """Touches a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("kind", ["zip", "legacy", "bare", "shard", "adapter"])
def test_hostile_pickle_is_never_executed(folder, tmp_path, kind):
    mark = tmp_path / "ran"
    evil = {"lm_head.weight": HostilePickle(mark)}
    path = folder / "pytorch_model.bin"
    if kind == "shard":
        path = next(iter(shard(folder, "bin").parent.glob("*-of-*.bin")))
    elif kind == "adapter":
        edit(folder / "config.json", adapter_attn_dim=16)
        edit(folder / "tokenizer_config.json", target_lang="nob")
        path = folder / "adapter.nob.bin"
    else:
        (folder / "model.safetensors").unlink()
    if kind == "bare":
        path.write_bytes(pickle.dumps(evil))
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=kind != "legacy")
    assert f"{path.name} cannot be read as weights" in refusal(folder)
    assert not mark.exists()
    # It would have run elsewhere.
    if kind == "bare":
        pickle.loads(path.read_bytes())
        assert mark.exists()


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: f"module.{name}",
        lambda name: f"_orig_mod.{name}",
        lambda name: f"module._orig_mod.{name}",
        lambda name: f"model.{name}",
        lambda name: f"model._orig_mod.{name}",
        lambda name: name.replace("encoder.layers.1.", "encoder.layers.1._fsdp_wrapped_module."),
    ],
)
def test_prefixes_of_training_wrappers_are_removed(folder, expected, rename):
    path = folder / "model.safetensors"
    save_file({rename(name): tensor for name, tensor in load_file(path).items()}, path)
    np.testing.assert_array_equal(answer(folder), expected)


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict", "module"])
def test_nested_state_dicts_load(folder, expected, key):
    save_pickled(
        folder,
        lambda weights: {
            "epoch": 3,
            "step": torch.tensor(4),
            key: {f"module.{name}": tensor for name, tensor in weights.items()},
            "optimizer": {"state": {}},
        },
    )
    np.testing.assert_array_equal(answer(folder), expected)


def test_unknown_prefix_is_named_in_the_error(folder):
    path = folder / "model.safetensors"
    save_file({f"net.asr.{name}": tensor for name, tensor in load_file(path).items()}, path)
    assert "begin with 'net.asr.' (net.asr.lm_head.weight)" in refusal(folder)


def test_pickle_without_tensors_names_its_keys(folder):
    save_pickled(folder, lambda weights: {"epoch": 3, "ema": weights})
    assert "holds no tensors; it has the keys epoch, ema" in refusal(folder)


def test_two_tensors_of_one_name_are_refused(folder):
    path = folder / "model.safetensors"
    weights = load_file(path)
    weights["module.lm_head.bias"] = weights["lm_head.bias"] + 1
    save_file(weights, path)
    assert "two tensors that are both lm_head.bias" in refusal(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "vocab.json"])
def test_git_lfs_pointer_is_named_in_the_error(folder, name):
    if name != "vocab.json":
        (folder / "model.safetensors").unlink()
    (folder / name).write_text(POINTER)
    message = refusal(folder)
    assert f"{name} is a Git LFS pointer" in message
    assert "1,261,909,312 bytes" in message
    assert "git lfs pull" in message


# Other families


@pytest.mark.parametrize(
    ("model_type", "why"),
    [
        ("wavlm", "gated relative position bias"),
        ("wav2vec2-conformer", "Conformer layers"),
        ("sew-d", "disentangled"),
        ("whisper", "served are CTC heads on wav2vec2, hubert"),
    ],
)
def test_other_architecture_is_refused_by_name(folder, model_type, why):
    edit(folder / "config.json", model_type=model_type)
    message = refusal(folder)
    assert repr(model_type) in message
    assert why in message


def test_hubert_with_batch_norm_is_refused(tmp_path):
    write_checkpoint(tmp_path, "hubert-base")
    edit(tmp_path / "config.json", conv_pos_batch_norm=True)
    assert "conv_pos_batch_norm" in refusal(tmp_path)


def test_errors_use_the_tensor_names_of_the_checkpoint(tmp_path):
    write_checkpoint(tmp_path, "hubert-base")
    edit(tmp_path / "config.json", num_hidden_layers=4)
    assert "hubert.encoder.layers.3" in refusal(tmp_path)


def test_base_model_of_another_family_has_no_head(tmp_path):
    write_checkpoint(tmp_path, "hubert-base")
    edit(tmp_path / "config.json", architectures=["HubertModel"])
    assert "names HubertForCTC" in refusal(tmp_path)
