"""Throughput of `nordlyd archive`, in one process, against the bare encoder on the same recordings.

`nordlyd bench archive --model demo-nb --files 60`: half of the windows by the encoder, all
recordings by the archive, then the other half. Reading, decoding of audio and of text, and writing
are the archive's; loading the model counts for neither.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.acoustic import load_checkpoint
from app.archive import ArchivePlan, run_archive
from app.bundled import catalogue_folder
from app.catalogue import Catalogue
from app.logging import configure_quiet_logging
from app.model_loading import source_of
from app.settings import load_settings
from bench.machine import cpu_name
from bench.report import finish, table
from bench.server import best_batch, encode
from bench.sounds import noise, prepared, recording_of, speech, wav, windows_of

AIM = 0.90
_SECONDS = (15.0, 60.0, 180.0)
_FAINT = 0.01
_MOST_WINDOWS = 8


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench archive", description=__doc__)
    parser.add_argument("--model", default="demo-nb", help="a bundled model, or a folder")
    parser.add_argument("--files", type=int, default=60, help="recordings")
    options = parser.parse_args(argv)
    archive, encoder = archive_and_encoder(options.model, options.files)
    table(
        f"{options.model}, {options.files} recordings, {cpu_name()}",
        ["", "audio s per s"],
        [["archive", f"{archive:.1f}"], ["bare encoder", f"{encoder:.1f}"]],
    )
    finish(
        {
            "benchmark": "archive",
            "model": options.model,
            "machine": cpu_name(),
            "files": options.files,
            "archive_audio_s_per_s": round(archive, 2),
            "encoder_audio_s_per_s": round(encoder, 2),
            "archive_share_of_encoder": round(archive / encoder, 4),
            "holds": archive >= AIM * encoder,
        }
    )


def archive_and_encoder(model: str, files: int) -> tuple[float, float]:
    """Returns the audio seconds a second of the archive and of the bare encoder."""
    with tempfile.TemporaryDirectory(prefix="nordlyd-bench-") as folder:
        source = Path(folder) / "in"
        source.mkdir()
        bodies = [_recording(model, number) for number in range(files)]
        for number, body in enumerate(bodies):
            (source / f"{number:05}.wav").write_bytes(body)
        settings = load_settings({}, models=model)
        configure_quiet_logging(settings)
        catalogue = Catalogue.load(settings.catalogue, settings.target_langs)
        checkpoint = source_of(settings, catalogue.resolve(model)).folder
        # In the precision of the archive: load_checkpoint has another default.
        acoustic = load_checkpoint(
            checkpoint, settings.device, settings.dtype, kernels=settings.kernels
        )
        windows = []
        for body in bodies:
            recording = recording_of(body)
            windows += prepared(acoustic, recording, windows_of(acoustic, recording.samples))
        batch = best_batch(acoustic, windows, limit=_MOST_WINDOWS)
        half = len(windows) // 2
        seconds = encode(acoustic, windows[:half], batch)
        summary = run_archive(settings, ArchivePlan(str(source), Path(folder) / "out"))
        seconds += encode(acoustic, windows[half:], batch)
    return summary.audio_seconds / summary.seconds, summary.audio_seconds / seconds


def _recording(model: str, number: int) -> bytes:
    """Returns a WAV file unlike the others: the archive transcribes equal ones once."""
    seconds = _SECONDS[number % len(_SECONDS)]
    faint = noise(seconds, number)
    clip = speech(catalogue_folder() / model / "samples", seconds)
    return wav(faint if clip is None else (clip[: len(faint)] + _FAINT * faint).astype(np.float32))


if __name__ == "__main__":
    main()
