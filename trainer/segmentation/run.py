"""Segments recordings by their transcripts, one after another, into a data folder."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.audio.manifest import ManifestAudio
from app.errors import NordlydError
from trainer.documents import read_document
from trainer.errors import DataError
from trainer.evaluation.test_set import FileAudio
from trainer.segmentation.folder import Cut, Folder, left_out_counts, open_folder
from trainer.segmentation.pairs import Pair, Pairs
from trainer.segmentation.report import page
from trainer.segmentation.segment import Segmenter
from trainer.segmentation.written import normalise_transcript

REPORT = "report.html"

Notify = Callable[[str], None]


def segment(
    segmenter: Segmenter, found: Pairs, output: Path, *, model: str, notify: Notify
) -> dict[str, Any]:
    """Writes the data folder; returns its counts, whose keys docs/data.md has.

    A recording or transcript that cannot be used is left out, with a line.

    Args:
        segmenter: cuts the recordings.
        found: the recordings and their transcripts.
        output: the folder; there must be none yet, or an empty one.
        model: what the model is called.
        notify: called with lines of progress.

    Raises:
        DataError: the folder is there already, or nothing could be kept.
    """
    for file in found.without_transcript:
        notify(f"{file}: no transcript has this name; left out")
    for file in found.without_recording:
        notify(f"{file}: no recording has this name; left out")
    failed: list[dict[str, str]] = []
    with open_folder(output, segmenter.language) as folder:
        for pair in found.pairs:
            try:
                _add(folder, segmenter, pair)
            except (DataError, NordlydError) as error:
                failed.append({"recording": pair.name, "reason": str(error)})
                notify(f"{pair.name}: left out: {error}")
                continue
            notify(f"{pair.name}: {_line(folder.cuts[-1])}")
        if not any(cut.files for cut in folder.cuts):
            raise DataError(_nothing_kept(failed, segmenter.language))
        counts = {
            "model": model,
            "language": segmenter.language,
            **_counts(folder.cuts, folder.write_manifests()),
            "failed": failed,
            "without_transcript": [str(file) for file in found.without_transcript],
            "without_recording": [str(file) for file in found.without_recording],
        }
        folder.write_counts(counts)
        (folder.path / REPORT).write_text(page(counts, folder.cuts), encoding="utf-8")
    return counts


def _add(folder: Folder, segmenter: Segmenter, pair: Pair) -> None:
    written = normalise_transcript(read_document(pair.transcript), segmenter.language)
    if not written.words:
        raise DataError(f"{pair.transcript} has no words")
    wave = FileAudio(ManifestAudio(pair.recording)).waveform()
    folder.add(pair, wave, written, segmenter.segment(wave, written.words))


def _counts(cuts: Sequence[Cut], splits: Mapping[str, Sequence[Cut]]) -> dict[str, Any]:
    pieces = [piece for cut in cuts for piece in cut.segments.pieces]
    return {
        "recordings": len(cuts),
        "hours": round(sum(cut.segments.seconds for cut in cuts) / 3600, 4),
        "pieces": len(pieces),
        "piece_hours": round(sum(piece.seconds for piece in pieces) / 3600, 4),
        "words": sum(len(piece.text.split()) for piece in pieces),
        "left_out": left_out_counts(cuts),
        **{
            split: {
                "recordings": [cut.pair.name for cut in own],
                "utterances": sum(len(cut.files) for cut in own),
                "hours": round(sum(cut.seconds for cut in own) / 3600, 4),
            }
            for split, own in splits.items()
        },
    }


def _line(cut: Cut) -> str:
    return (
        f"{len(cut.files)} pieces, {cut.seconds / 60:.1f} of {cut.segments.seconds / 60:.1f} "
        "minutes kept"
    )


def _nothing_kept(failed: Sequence[Mapping[str, str]], language: str) -> str:
    if failed:
        return f"nothing could be kept; the first: {failed[0]['recording']}: {failed[0]['reason']}"
    return (
        "nothing could be kept: no transcript has what is said in its recording; is it in "
        f"{language}, and does the model read these voices?"
    )
