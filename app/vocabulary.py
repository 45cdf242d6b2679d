"""The tokens of a CTC checkpoint, as everything after the encoder needs them. No torch here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Tokens by index, and the indexes with a meaning of their own.

    `blank` is the CTC blank ([PAD] in this family), `delimiter` the token between words
    (`|`), `special` every index that never becomes text ([UNK], [PAD], <s>, </s>).
    """

    tokens: tuple[str, ...]
    blank: int
    delimiter: int | None
    special: frozenset[int]

    def __len__(self) -> int:
        return len(self.tokens)


def spellings(vocabulary: Vocabulary) -> dict[str, int]:
    """Returns the tokens that become text, each with its index."""
    return {
        token: number
        for number, token in enumerate(vocabulary.tokens)
        if token
        and not token.isspace()
        and number not in {vocabulary.delimiter, vocabulary.blank}
        and number not in vocabulary.special
    }
