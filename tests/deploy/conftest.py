"""What the deployment tests share: the paths, a tiny checkpoint and a free port."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def new_port() -> Callable[[], int]:
    """Finds a port of loopback that is free now; another one each time."""

    def find() -> int:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            return int(listener.getsockname()[1])

    return find


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wav2vec2-CTC checkpoint of random weights: it loads in a moment."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    tokens = ["[PAD]", "[UNK]", "|", *"abcdefghijklmnopqrstuvwxyzæøå"]
    torch.manual_seed(7)
    model = Wav2Vec2ForCTC(
        Wav2Vec2Config(
            vocab_size=len(tokens),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            conv_dim=(32,) * 7,
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=4,
            do_stable_layer_norm=True,
            feat_extract_norm="layer",
            conv_bias=True,
            pad_token_id=0,
        )
    )
    model.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True).save_pretrained(folder)
    vocabulary = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), "utf-8")
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "word_delimiter_token": "|"}
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "Wav2Vec2CTCTokenizer", **special}), "utf-8"
    )
    (folder / "special_tokens_map.json").write_text(json.dumps(special), "utf-8")
    return folder
