"""Pieces of recordings whose transcripts differ from what is said, against the aligner alone.

`nordlyd bench segmentation`: sentences are synthesised by espeak-ng one after another. What
`segment` keeps is compared with the lines of the transcript as `POST /align` places them, for
each kind of transcript:

numbers, everyday, compounds: an eighth of the sentences is not written, and every twentieth is
followed in the transcript by one that is not said; sentences with numbers and names of the kind
that the demos were trained on, everyday ones, and ones full of compounds and names;
paraphrased: everyday sentences, a third of them with another word, a word less or two exchanged;
moved: everyday sentences, an eighth of them written three lines late;
edited: everyday sentences and ones with numbers as minutes have them: a third has lost a filler,
a sixth a word, and numbers are digits.
"""

import argparse
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from app.acoustic import load_checkpoint
from app.audio import SAMPLE_RATE
from app.catalogue import read_card
from app.decoding import ModelDecoders
from bench.meetings import Meeting, Tally, make_meeting
from bench.minutes import KINDS, sentences
from bench.report import finish, table
from bench.startup import bundled_demos
from trainer.segmentation import Segmenter, normalise_transcript

_RIGHT_AIM, _KEPT_AIM = 0.99, 0.95
_SEED = 20260314
_PER_RECORDING = 60
_MAX_SECONDS = 15.0
_SHARES = ("right", "kept", "matching_kept", "align_right", "align_kept")


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(
        prog="nordlyd bench segmentation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", type=Path, help="checkpoint; default: the first bundled demo")
    parser.add_argument("--sentences", type=int, default=240, help="of each kind, at most")
    parser.add_argument("--kinds", default=",".join(KINDS), help="comma-separated")
    arguments = parser.parse_args(argv)
    folder = arguments.model or next(iter(bundled_demos()), None)
    if folder is None:
        parser.error("there is no bundled demo model; name a checkpoint with --model")
    kinds = arguments.kinds.split(",")
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        parser.error(f"there is no kind {unknown[0]}; accepted: {', '.join(KINDS)}")
    language = read_card(folder / "model.toml").languages[0]
    made = {kind: meetings(kind, language, arguments.sentences) for kind in kinds}
    finish(measure(folder, language, made))


def meetings(kind: str, language: str, count: int) -> list[Meeting]:
    """Returns recordings of so many sentences in all, with transcripts of a kind."""
    material, rewrite = KINDS[kind]
    choice = random.Random(_SEED)
    said = sentences(material, language, count)
    return [
        make_meeting(
            rewrite(said[first : first + _PER_RECORDING], language, choice),
            language=language,
            seed=_SEED + first,
        )
        for first in range(0, len(said), _PER_RECORDING)
    ]


@dataclass(slots=True)
class Measured:
    """What was kept of the meetings of one kind."""

    seconds: float = 0.0
    spent: float = 0.0
    ours: Tally = field(default_factory=Tally)
    theirs: Tally = field(default_factory=Tally)

    def add(self, segmenter: Segmenter, item: Meeting) -> None:
        """Segments and aligns a meeting."""
        words = normalise_transcript(item.written, segmenter.language).words
        began = time.perf_counter()
        found = segmenter.segment(item.wave, words)
        self.spent += time.perf_counter() - began
        self.seconds += len(item.wave) / SAMPLE_RATE
        self.ours.add(item, [(piece.start, piece.end, piece.text) for piece in found.pieces])
        self.theirs.add(item, aligned_lines(segmenter, item))

    def result(self) -> dict[str, float]:
        """Returns the figures."""
        return {
            "seconds": round(self.seconds, 1),
            "words": self.ours.kept,
            "right": round(self.ours.right_share, 4),
            "kept": round(self.ours.kept_share, 4),
            "matching_kept": round(self.ours.matching_kept_share, 4),
            "align_right": round(self.theirs.right_share, 4),
            "align_kept": round(self.theirs.kept_share, 4),
        }


def measure(
    folder: Path, language: str, made: Mapping[str, Sequence[Meeting]]
) -> dict[str, object]:
    """Segments and aligns meetings of each kind, compares, prints a table."""
    model = load_checkpoint(folder, dtype="float32")
    segmenter = Segmenter(model, ModelDecoders(model.vocabulary, [folder]), language, _MAX_SECONDS)
    found = {kind: Measured() for kind in made}
    for kind, items in made.items():
        for item in items:
            found[kind].add(segmenter, item)
    results = {kind: own.result() for kind, own in found.items()}
    table(
        f"{folder.name}: of the kept words those that are right; of the words of sentences written "
        "as they were said, and of all that were both said and written, those kept",
        ["", "minutes", "words", *_SHARES],
        [
            [kind, f"{own['seconds'] / 60:.1f}", f"{own['words']:.0f}"]
            + [f"{100 * own[name]:.2f} %" for name in _SHARES]
            for kind, own in results.items()
        ],
    )
    seconds = sum(own.seconds for own in found.values())
    return {
        "benchmark": "segmentation",
        "model": folder.name,
        "seconds": round(seconds, 1),
        "real_time_factor": round(sum(own.spent for own in found.values()) / seconds, 4),
        "kinds": results,
        "right": min(own["right"] for own in results.values()),
        "kept": min(own["kept"] for own in results.values()),
        "holds": all(
            own["right"] >= _RIGHT_AIM and own["kept"] >= _KEPT_AIM for own in results.values()
        ),
    }


def aligned_lines(segmenter: Segmenter, item: Meeting) -> list[tuple[float, float, str]]:
    """Returns each line of the transcript from its first found word to its last, and its words."""
    written = [normalise_transcript([line], segmenter.language).words for line in item.written]
    words = [word for line in written for word in line]
    aligned = iter(segmenter.align(segmenter.emissions(item.wave), words, len(item.wave)))
    lines = []
    for line in written:
        found = [word for word in islice(aligned, len(line)) if word.found]
        if found and found[0].start is not None and found[-1].end is not None:
            text = " ".join(word.word for word in found)
            lines.append((found[0].start, found[-1].end, text))
    return lines


if __name__ == "__main__":
    main()
