"""One transformer layer of transformers' weights, with fewer passes over memory.

Queries, keys and values are one product, and the scale of the scores is in its weights, where
it costs nothing.
"""

from typing import Any

import torch
from torch.nn import functional

from trainer.training.dropout import dropout


def run_layer(
    layer: Any,  # noqa: ANN401 - of two classes of transformers with the same parts
    hidden: torch.Tensor,
    bias: torch.Tensor | None,
    *,
    norm_first: bool,
) -> torch.Tensor:
    """Returns what a layer makes of hidden states [items, frames, channels].

    Args:
        layer: `Wav2Vec2EncoderLayer`, or the kind with norms before attention and feed-forward.
        hidden: what goes in.
        bias: added to the scores, [items, 1, frames], where rows are padded.
        norm_first: which of the two it is.
    """
    inner = layer.layer_norm(hidden) if norm_first else hidden
    hidden = hidden + layer.dropout(self_attention(layer.attention, inner, bias))
    if not norm_first:
        hidden = layer.layer_norm(hidden)
        normed: torch.Tensor = layer.final_layer_norm(hidden + layer.feed_forward(hidden))
        return normed
    hidden = hidden + layer.feed_forward(layer.final_layer_norm(hidden))
    adapter = layer.adapter_layer
    return hidden if adapter is None else hidden + adapter(hidden)


def self_attention(
    attention: Any,  # noqa: ANN401 - Wav2Vec2Attention
    hidden: torch.Tensor,
    bias: torch.Tensor | None,
) -> torch.Tensor:
    """Returns self-attention with its output projection, [items, frames, channels].

    On a CPU these are plain matrix products: the backward pass of the fused kernel takes five
    times as long there, for the short sequences of training.
    """
    items, frames, channels = hidden.shape
    heads, width = attention.num_heads, attention.head_dim
    q, k, v = attention.q_proj, attention.k_proj, attention.v_proj
    scale = attention.scaling
    weight = torch.cat([q.weight * scale, k.weight, v.weight])
    together = functional.linear(hidden, weight, torch.cat([q.bias * scale, k.bias, v.bias]))
    # [3, items, heads, frames, width], in one copy
    parts = together.view(items, frames, 3, heads, width).permute(2, 0, 3, 1, 4).contiguous()
    loss_rate = attention.dropout if attention.training else 0.0
    if hidden.device.type == "cpu":
        query, key, value = parts.flatten(1, 2).unbind(0)
        scores = torch.bmm(query, key.transpose(1, 2))
        if bias is not None:
            scores = (scores.view(items, heads, frames, frames) + bias[:, None]).view_as(scores)
        weights = dropout(scores.softmax(-1), loss_rate, training=attention.training)
        mixed = torch.bmm(weights, value).view(items, heads, frames, width)
    else:
        query, key, value = parts.unbind(0)
        mask = None if bias is None else bias[:, None]
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=loss_rate, scale=1.0
        )
    merged = mixed.transpose(1, 2).reshape(items, frames, channels)
    out: torch.Tensor = attention.out_proj(merged)
    return out
