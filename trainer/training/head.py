"""Carries the outputs of a CTC head over to another vocabulary, letter by letter."""

from dataclasses import dataclass

import torch
from torch import nn

from trainer.export.tokens import Tokens
from trainer.model import BLANK, DELIMITER, END, SPECIAL, START, UNKNOWN


@dataclass(frozen=True, slots=True)
class CarriedHead:
    """A head for other tokens; `new` are the tokens that the old head did not have."""

    head: nn.Linear
    new: tuple[str, ...]


def carry_head(head: nn.Linear, source: Tokens, tokens: tuple[str, ...]) -> CarriedHead:
    """Returns a head whose rows are those that the same letters had.

    The row of a new letter is the mean of those of the carried letters: its output is then never
    the largest, so that what the model emits is as before until the letter is learnt (Hewitt 2021,
    "Initializing new word embeddings for pretrained language models").

    Args:
        head: of the model, with a row for each token of `source`.
        source: the tokens that it writes.
        tokens: those that it is to write, in the order of the new rows.
    """
    index = _rows(source)
    carried = nn.Linear(head.in_features, len(tokens))
    with torch.no_grad():
        letters = [index[token] for token in tokens if token in index and token not in SPECIAL]
        if letters:
            carried.weight[:] = head.weight[letters].mean(0)
            carried.bias[:] = head.bias[letters].mean(0)
        for place, token in enumerate(tokens):
            if token in index:
                carried.weight[place] = head.weight[index[token]]
                carried.bias[place] = head.bias[index[token]]
    return CarriedHead(carried, tuple(token for token in tokens if token not in index))


def kept_tokens(source: Tokens, letters: set[str]) -> tuple[str, ...]:
    """Returns the tokens of a model under this trainer's names, then those that it lacks.

    Args:
        source: the tokens of the model, in their order.
        letters: of the transcripts to train on.
    """
    index = _rows(source)
    names = list(source.tokens)
    for token, place in index.items():
        names[place] = token
    missing = sorted(letters - {" "} - index.keys())
    special = [token for token in (DELIMITER, *SPECIAL) if token not in index]
    return (*names, *missing, *special)


def _rows(source: Tokens) -> dict[str, int]:
    """Returns the row of each token, under the name that this trainer has for it.

    A capital letter stands for its small one where a model writes capitals only.
    """
    rows = {token: place for place, token in enumerate(source.tokens)}
    special = {source.blank, source.unknown, source.start, source.end, source.delimiter} - {None}
    named = {token: place for token, place in rows.items() if token not in special}
    for token, place in tuple(named.items()):
        small = token.lower()
        if len(token) == len(small) == 1 and small not in rows:
            named[small] = named.pop(token, place)
    roles = {
        BLANK: source.blank,
        UNKNOWN: source.unknown,
        START: source.start,
        END: source.end,
        DELIMITER: source.delimiter or (" " if " " in rows else None),
    }
    named |= {ours: rows[theirs] for ours, theirs in roles.items() if theirs is not None}
    if " " in rows and named.get(DELIMITER) == rows[" "]:
        named.pop(" ", None)
    return named
