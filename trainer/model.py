"""A model recipe in, a wav2vec2-CTC model with random weights and its vocabulary out."""

import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from app.text import LETTERS
from trainer.recipe import ModelRecipe, TrainingRecipe

DELIMITER, UNKNOWN, BLANK, START, END = "|", "[UNK]", "[PAD]", "<s>", "</s>"

TOKENS: tuple[str, ...] = (DELIMITER, *LETTERS, UNKNOWN, BLANK, START, END)
"""In the order of the published checkpoints: `|` is 0, the special tokens come last."""

_INDEX = {token: index for index, token in enumerate(TOKENS)}
BLANK_ID = _INDEX[BLANK]


def encode(text: str) -> list[int]:
    """Return the token indexes of a normalised transcript."""
    return [_INDEX.get(DELIMITER if letter == " " else letter, _INDEX[UNKNOWN]) for letter in text]


def collapse(path: list[int]) -> str:
    """Return the text of a CTC path: repetitions merged, blanks and special tokens dropped."""
    text: list[str] = []
    previous = BLANK_ID
    for index in path:
        if index != previous and index < _INDEX[UNKNOWN]:
            text.append(" " if index == 0 else TOKENS[index])
        previous = index
    return " ".join("".join(text).split())


def configuration(model: ModelRecipe, training: TrainingRecipe) -> Wav2Vec2Config:
    """Return the transformers configuration of a recipe: layer-norm extractor, pre-norm layers."""
    return Wav2Vec2Config(
        vocab_size=len(TOKENS),
        pad_token_id=BLANK_ID,
        bos_token_id=_INDEX[START],
        eos_token_id=_INDEX[END],
        feat_extract_norm="layer",
        conv_bias=True,
        do_stable_layer_norm=True,
        conv_dim=list(model.conv_dim),
        conv_kernel=list(model.conv_kernel),
        conv_stride=list(model.conv_stride),
        hidden_size=model.hidden_size,
        num_hidden_layers=model.layers,
        num_attention_heads=model.heads,
        intermediate_size=model.intermediate_size,
        num_conv_pos_embeddings=model.position_kernel,
        num_conv_pos_embedding_groups=model.position_groups,
        hidden_dropout=model.dropout,
        attention_dropout=model.dropout,
        activation_dropout=model.dropout,
        feat_proj_dropout=model.dropout,
        final_dropout=model.dropout,
        layerdrop=model.layerdrop,
        apply_spec_augment=training.mask_time_prob > 0 or training.mask_feature_prob > 0,
        mask_time_prob=training.mask_time_prob,
        mask_time_length=training.mask_time_length,
        mask_time_min_masks=0,
        mask_feature_prob=training.mask_feature_prob,
        mask_feature_length=training.mask_feature_length,
        ctc_loss_reduction="mean",
        ctc_zero_infinity=training.zero_infinity,
    )


def random_model(model: ModelRecipe, training: TrainingRecipe, *, seed: int) -> Wav2Vec2ForCTC:
    """Return a model with random weights; the same seed gives the same weights."""
    torch.manual_seed(seed)
    return Wav2Vec2ForCTC(configuration(model, training))
