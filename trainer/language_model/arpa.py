"""Writes and reads n-gram models as ARPA files."""

from collections.abc import Iterator
from pathlib import Path

from trainer.errors import LanguageModelError
from trainer.language_model.kneser_ney import NgramModel


def write_arpa(model: NgramModel, path: Path) -> None:
    """Writes the model in the text format that KenLM and most other toolkits read."""
    words = model.vocabulary
    highest = len(model.orders)
    with path.open("w", encoding="utf-8") as file:
        file.write("\\data\\\n")
        for order, ngrams in enumerate(model.orders, start=1):
            file.write(f"ngram {order}={len(ngrams.words)}\n")
        for order, ngrams in enumerate(model.orders, start=1):
            file.write(f"\n\\{order}-grams:\n")
            rows = zip(
                ngrams.log_probs.tolist(),
                ngrams.words.tolist(),
                ngrams.backoffs.tolist(),
                strict=True,
            )
            for probability, ids, backoff in rows:
                text = " ".join([words[index] for index in ids])
                tail = f"\t{backoff:.8g}" if order < highest else ""
                file.write(f"{probability:.8g}\t{text}{tail}\n")
        file.write("\n\\end\\\n")


def read_arpa(path: Path) -> Iterator[tuple[str, float, float]]:
    """Yields every n-gram, its words joined by spaces, with log10 probability and back-off.

    Raises:
        LanguageModelError: the file is cut off or a line is none of the format.
    """
    number = 0
    ended = False
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            fields = line.rstrip("\n").split("\t")
            ended = ended or line.startswith("\\end\\")
            if len(fields) == 1:
                continue
            try:
                yield fields[1], float(fields[0]), float(fields[2]) if len(fields) > 2 else 0.0  # noqa: PLR2004
            except ValueError as error:
                raise LanguageModelError(f"{path}, line {number} is no n-gram") from error
    if not ended:
        raise LanguageModelError(f"{path} is cut off after line {number}")


def ngram_counts(path: Path) -> tuple[int, ...]:
    """Returns the number of n-grams of each order from the header of an ARPA file."""
    counts = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("ngram "):
                counts.append(int(line.partition("=")[2]))
            elif counts:
                break
    return tuple(counts)


def unigrams(path: Path) -> list[str]:
    """Returns the words of an ARPA file without `<unk>`, `<s>` and `</s>`."""
    words = []
    for text, _, _ in read_arpa(path):
        if " " in text:
            break
        if not text.startswith("<"):
            words.append(text)
    return words
