"""Pieces of recordings whose transcripts lack sentences and have others, against the aligner alone.

`nordlyd bench segmentation`: sentences are synthesised by espeak-ng one after another; an eighth of
them is not written, and every twentieth is followed in the transcript by one that is not said. What
`segment` keeps is compared with the lines of the transcript as `POST /align` places them.
"""

import argparse
import random
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from app.acoustic import load_checkpoint
from app.audio import SAMPLE_RATE
from app.catalogue import read_card
from app.decoding import ModelDecoders
from bench.meetings import Meeting, Tally, make_meeting
from bench.report import finish, table
from bench.startup import bundled_demos
from trainer.segmentation import Segmenter
from trainer.text.numbers import number_sentences

_RIGHT_AIM, _KEPT_AIM = 0.99, 0.95
_SEED = 20260314
_PER_RECORDING = 60
_NOT_WRITTEN, _NOT_SAID = 1 / 8, 1 / 20


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench segmentation", description=__doc__)
    parser.add_argument("--model", type=Path, help="checkpoint; default: the first bundled demo")
    parser.add_argument("--sentences", type=int, default=240)
    arguments = parser.parse_args(argv)
    folder = arguments.model or next(iter(bundled_demos()), None)
    if folder is None:
        parser.error("there is no bundled demo model; name a checkpoint with --model")
    language = read_card(folder / "model.toml").languages[0]
    finish(measure(folder, language, meetings(language, arguments.sentences)))


def meetings(language: str, count: int) -> list[Meeting]:
    """Returns recordings of so many sentences in all, with dates, numbers and names."""
    choice = random.Random(_SEED)
    sentences = number_sentences(language, seed=_SEED)
    made = []
    for first in range(0, count, _PER_RECORDING):
        said = list(islice(sentences, min(_PER_RECORDING, count - first)))
        places = range(len(said))
        made.append(
            make_meeting(
                said,
                language=language,
                seed=_SEED + first,
                not_written=[place for place in places if choice.random() < _NOT_WRITTEN],
                not_said={
                    place: next(sentences) for place in places if choice.random() < _NOT_SAID
                },
            )
        )
    return made


def measure(folder: Path, language: str, made: Sequence[Meeting]) -> dict[str, object]:
    """Segments and aligns, compares, prints a table."""
    model = load_checkpoint(folder, dtype="float32")
    segmenter = Segmenter(model, ModelDecoders(model.vocabulary, [folder]), language, 15.0)
    ours, theirs = Tally(), Tally()
    seconds = sum(len(item.wave) for item in made) / SAMPLE_RATE
    spent = 0.0
    for item in made:
        words = [word for line in item.written for word in line.split()]
        began = time.perf_counter()
        found = segmenter.segment(item.wave, words)
        spent += time.perf_counter() - began
        ours.add(item, [(piece.start, piece.end, piece.text) for piece in found.pieces])
        theirs.add(item, aligned_lines(segmenter, item))
    table(
        f"{folder.name}: {len(made)} recordings, {seconds / 60:.1f} minutes",
        ["", "words kept", "right, %", "of matching words kept, %"],
        [
            [name, str(own.kept), f"{100 * own.right_share:.2f}", f"{100 * own.kept_share:.2f}"]
            for name, own in (("segment", ours), ("align", theirs))
        ],
    )
    return {
        "benchmark": "segmentation",
        "model": folder.name,
        "seconds": round(seconds, 1),
        "real_time_factor": round(spent / seconds, 4),
        "words": ours.kept,
        "right": round(ours.right_share, 4),
        "kept": round(ours.kept_share, 4),
        "align_right": round(theirs.right_share, 4),
        "align_kept": round(theirs.kept_share, 4),
        "holds": ours.right_share >= _RIGHT_AIM and ours.kept_share >= _KEPT_AIM,
    }


def aligned_lines(segmenter: Segmenter, item: Meeting) -> list[tuple[float, float, str]]:
    """Returns each line of the transcript from its first found word to its last, and its words."""
    words = [word for line in item.written for word in line.split()]
    aligned = iter(segmenter.align(segmenter.emissions(item.wave), words, len(item.wave)))
    lines = []
    for line in item.written:
        found = [word for word in islice(aligned, len(line.split())) if word.found]
        if found and found[0].start is not None and found[-1].end is not None:
            text = " ".join(word.word for word in found)
            lines.append((found[0].start, found[-1].end, text))
    return lines


if __name__ == "__main__":
    main()
