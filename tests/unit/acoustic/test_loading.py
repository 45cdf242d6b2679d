"""Which checkpoint folders load, and the errors for those that do not."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import LETTERS, make_model, vocabulary, write_checkpoint
from safetensors.torch import load_file, save_file
from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2Processor

from app.acoustic import load_checkpoint
from app.errors import CheckpointError, ConfigurationError

WAVEFORM = np.random.default_rng(0).standard_normal(8_000).astype(np.float32)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("originals")
    for layout in ("today", "2022"):
        write_checkpoint(folder / layout, layout=layout)
    return {layout: folder / layout for layout in ("today", "2022")}


@pytest.fixture(params=["today", "2022"])
def folder(request, originals, tmp_path) -> Path:
    """A copy of a good checkpoint, to be spoilt."""
    return Path(shutil.copytree(originals[request.param], tmp_path / request.param))


def edit(path: Path, **changes: object) -> None:
    value = json.loads(path.read_text())
    path.write_text(json.dumps(value | changes))


def test_both_layouts_hold_the_same_model(originals):
    today, old = (load_checkpoint(originals[layout]) for layout in ("today", "2022"))
    assert today.vocabulary == old.vocabulary
    np.testing.assert_array_equal(today.emissions([WAVEFORM])[0], old.emissions([WAVEFORM])[0])


def test_vocabulary_is_read_from_the_checkpoint(folder):
    model = load_checkpoint(folder)
    assert model.vocabulary.tokens == ("|", *LETTERS, "[UNK]", "[PAD]", "<s>", "</s>")
    assert model.vocabulary.delimiter == 0
    assert model.vocabulary.tokens[model.vocabulary.blank] == "[PAD]"
    assert {model.vocabulary.tokens[i] for i in model.vocabulary.special} == {
        "[UNK]",
        "[PAD]",
        "<s>",
        "</s>",
    }


def test_folder_written_by_transformers_processor_loads(tmp_path):
    model = make_model("xls-r")
    plain = {token: i for token, i in vocabulary().items() if token not in {"<s>", "</s>"}}
    (tmp_path / "plain.json").write_text(json.dumps(plain))
    tokenizer = Wav2Vec2CTCTokenizer(
        str(tmp_path / "plain.json"), unk_token="[UNK]", pad_token="[PAD]"
    )
    features = Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)
    folder = tmp_path / "checkpoint"
    Wav2Vec2Processor(feature_extractor=features, tokenizer=tokenizer).save_pretrained(folder)
    model.save_pretrained(folder)
    ours = load_checkpoint(folder)
    assert list(ours.vocabulary.tokens) == tokenizer.convert_ids_to_tokens(list(range(34)))
    assert ours.vocabulary.blank == tokenizer.pad_token_id


def test_added_tokens_extend_the_vocabulary(originals, tmp_path):
    folder = Path(shutil.copytree(originals["today"], tmp_path / "added"))
    tokens = vocabulary()
    moved = {token: tokens.pop(token) for token in ("<s>", "</s>")}
    (folder / "vocab.json").write_text(json.dumps(tokens))
    edit(
        folder / "tokenizer_config.json",
        added_tokens_decoder={str(index): {"content": token} for token, index in moved.items()},
    )
    assert load_checkpoint(folder).vocabulary.tokens[-2:] == ("<s>", "</s>")


def test_emissions_are_natural_log_probabilities_in_the_order_of_the_batch(folder):
    model = load_checkpoint(folder)
    answers = model.emissions([WAVEFORM, WAVEFORM[:400], WAVEFORM[:4_000]])
    assert [answer.shape for answer in answers] == [(24, 34), (1, 34), (12, 34)]
    for answer in answers:
        np.testing.assert_allclose(np.exp(answer).sum(axis=1), 1, atol=1e-5)
    assert model.emissions([]) == []


def test_normalisation_follows_the_feature_extractor_config(originals, tmp_path):
    folder = Path(shutil.copytree(originals["2022"], tmp_path / "plain"))
    edit(folder / "preprocessor_config.json", do_normalize=False)
    plain, normalising = load_checkpoint(folder), load_checkpoint(originals["2022"])
    louder = 20 * WAVEFORM + 3
    same = normalising.emissions([WAVEFORM])[0], normalising.emissions([louder])[0]
    np.testing.assert_allclose(*same, atol=1e-3)
    assert np.abs(plain.emissions([WAVEFORM])[0] - plain.emissions([louder])[0]).max() > 0.1


def test_weights_in_half_precision_load(originals, tmp_path):
    folder = Path(shutil.copytree(originals["today"], tmp_path / "half"))
    weights = load_file(folder / "model.safetensors")
    save_file({k: v.half() for k, v in weights.items()}, folder / "model.safetensors")
    (ours,) = load_checkpoint(folder).emissions([WAVEFORM])
    (full,) = load_checkpoint(originals["today"]).emissions([WAVEFORM])
    np.testing.assert_allclose(ours, full, atol=0.02)


def refusal(folder: Path, **options: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_checkpoint(folder, **options)
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("name", ["config.json", "vocab.json"])
def test_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert f"lacks {name}" in refusal(folder)


def test_missing_weights_are_named(folder):
    for name in ("model.safetensors", "pytorch_model.bin"):
        (folder / name).unlink(missing_ok=True)
    assert "lacks model.safetensors (or pytorch_model.bin)" in refusal(folder)


def test_missing_feature_extractor_is_named(folder):
    for name in ("preprocessor_config.json", "processor_config.json"):
        (folder / name).unlink(missing_ok=True)
    message = refusal(folder)
    assert "preprocessor_config.json" in message
    assert "processor_config.json" in message


def test_truncated_weights_are_refused(folder):
    (path,) = [*folder.glob("*.safetensors"), *folder.glob("*.bin")]
    path.write_bytes(path.read_bytes()[:5_000])
    message = refusal(folder)
    assert path.name in message
    assert "cannot be read as weights" in message


def test_pickle_that_runs_code_is_refused(originals, tmp_path):
    folder = Path(shutil.copytree(originals["2022"], tmp_path / "evil"))

    class HostilePickle:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path(tmp_path / "ran").touch, ())

    torch.save({"lm_head.weight": HostilePickle()}, folder / "pytorch_model.bin")
    assert "cannot be read as weights" in refusal(folder)
    assert not (tmp_path / "ran").exists()


def test_another_kind_of_model_is_refused(folder):
    edit(folder / "config.json", model_type="whisper")
    assert "model_type 'whisper'" in refusal(folder)


def test_model_without_ctc_head_is_refused(originals, tmp_path):
    folder = Path(shutil.copytree(originals["today"], tmp_path / "base"))
    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: tensor for name, tensor in weights.items() if not name.startswith("lm_head")},
        folder / "model.safetensors",
    )
    message = refusal(folder)
    assert "lm_head.weight" in message
    assert "not a fine-tuned CTC checkpoint" in message


def test_architecture_without_ctc_is_refused(folder):
    edit(folder / "config.json", architectures=["Wav2Vec2ForPreTraining"])
    assert "Wav2Vec2ForPreTraining" in refusal(folder)


def test_head_and_vocabulary_that_differ_are_refused_with_both_sizes(folder):
    tokens = json.loads((folder / "vocab.json").read_text())
    tokens["é"] = 34
    (folder / "vocab.json").write_text(json.dumps(tokens))
    message = refusal(folder)
    assert "34 outputs" in message
    assert "35 tokens" in message


def test_pad_token_that_is_not_the_blank_is_refused(folder):
    edit(folder / "config.json", pad_token_id=3)
    assert "pad_token_id 3" in refusal(folder)


def test_weights_that_do_not_fit_the_config_are_refused_with_both_shapes(folder):
    edit(folder / "config.json", intermediate_size=256)
    message = refusal(folder)
    assert "intermediate_dense.weight" in message
    assert "(128, 64)" in message
    assert "(256, 64)" in message


def test_fewer_layers_in_the_weights_than_in_the_config_are_refused(folder):
    edit(folder / "config.json", num_hidden_layers=4)
    assert "encoder.layers.3" in refusal(folder)


def test_another_sampling_rate_is_refused(originals, tmp_path):
    folder = Path(shutil.copytree(originals["2022"], tmp_path / "rate"))
    edit(folder / "preprocessor_config.json", sampling_rate=8_000)
    assert "8000 Hz" in refusal(folder)


def test_path_that_is_no_folder_is_refused(tmp_path):
    assert "is not a folder" in refusal(tmp_path / "nowhere")


def test_broken_json_file_is_named(folder):
    (folder / "config.json").write_text("{")
    assert "config.json cannot be read as JSON" in refusal(folder)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "tpu9"}, "known: auto, cuda, mps, cpu"),
        ({"dtype": "float8"}, "known: auto, float32, bfloat16, float16"),
    ],
)
def test_unknown_devices_and_precisions_are_refused(originals, options, message):
    assert message in refusal(originals["today"], **options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_without_a_card_is_named_in_the_error(originals):
    assert "torch finds no CUDA device" in refusal(originals["today"], device="cuda")


def test_checkpoint_errors_stop_the_start(folder):
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError):
        load_checkpoint(folder)
