"""A model of names: each is as likely as any other, and its words follow each other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from trainer.language_model.kneser_ney import SPECIAL_WORDS, NgramModel, Ngrams

_FOLLOWING = 0.9


@dataclass(frozen=True, slots=True)
class NameMass:
    """The probability that names get by the mixture.

    Attributes:
        word: of each word of a name, wherever one may stand: that of a noun that is neither rare
            nor common. One that a text has once is a tenth to a hundredth as likely.
        most: of all names together, which is taken from all other words.
    """

    word: float = 1e-4
    most: float = 0.02

    def share(self, names: Sequence[str]) -> float:
        """Returns the share of the mixture that some names get."""
        words = sum(name.count(" ") + 1 for name in names)
        return min(self.word * words, self.most)


def names_model(names: Sequence[str]) -> NgramModel:
    """Returns a bigram model: a name's first word is followed by its second nine times in ten.

    Args:
        names: distinct ones, of words parted by single spaces.
    """
    spelled = [name.split() for name in names]
    counts = Counter(word for name in spelled for word in name)
    vocabulary = (*SPECIAL_WORDS, *counts)
    ids = {word: index for index, word in enumerate(vocabulary)}
    shares = np.array(list(counts.values()), dtype=np.float64) / counts.total()
    pairs = Counter(pair for name in spelled for pair in pairwise(name))
    begins = Counter[str]()
    for (first, _), count in pairs.items():
        begins[first] += count
    words = np.array([[ids[word]] for word in counts], dtype=np.int64)
    backoffs = np.ones(len(words))
    for index, word in enumerate(counts):
        if begins[word]:
            followed = sum(shares[ids[b] - len(SPECIAL_WORDS)] for a, b in pairs if a == word)
            backoffs[index] = (1 - _FOLLOWING) / max(1 - followed, 1e-6)
    singles = Ngrams(words, np.log10(shares), np.minimum(np.log10(backoffs), 0.0))
    if not pairs:
        return NgramModel(vocabulary, (singles,))
    doubles = Ngrams(
        np.array([[ids[first], ids[second]] for first, second in pairs], dtype=np.int64),
        np.log10([_FOLLOWING * count / begins[first] for (first, _), count in pairs.items()]),
        np.zeros(len(pairs)),
    )
    return NgramModel(vocabulary, (singles, doubles))
