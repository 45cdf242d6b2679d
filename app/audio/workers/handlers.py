"""The handlers of media workers: decode a recording, measure an excerpt, decode a pipe."""

import io
import os
from contextlib import suppress

import numpy as np
import soundfile

from app.audio.containers.sniff import sniff
from app.audio.decode import decode_audio, decode_into
from app.audio.excerpt import check_whole, read_excerpt
from app.audio.live import decode_live
from app.audio.options import AudioLimits
from app.audio.workers.messages import (
    Message,
    decoded_to_json,
    limits_from_json,
    options_from_json,
    statistics_to_json,
)
from app.audio.workers.worker import Handler, Job
from app.errors import NordlydError


def recording(job: Job) -> Message:
    """Decodes a whole recording to 16 kHz."""
    options = options_from_json(job.request["options"])
    limits = limits_from_json(job.request["limits"])
    stream = job.open()
    if options.raw is None:
        with suppress(NordlydError):
            job.report_format(sniff(stream).container.value)
        stream.seek(0)
    writer = job.writer()
    decoded = decode_into(writer, stream, options=options, limits=limits)
    writer.finish()
    return {
        "decoded": decoded_to_json(decoded),
        "statistics": statistics_to_json(writer.statistics),
    }


def excerpt(job: Job) -> Message:
    """Decodes a part of a file and returns its length in seconds."""
    stream, start, end = job.open(), job.request["from"], job.request["to"]
    if not start and end is None:
        check_whole(stream)
    samples, rate = read_excerpt(stream, start=start, end=end)
    return {"seconds": samples.size / rate}


def live(job: Job) -> Message:
    """Decodes a pipe while it is written; the output is float32 at 16 kHz."""
    for samples in decode_live(io.FileIO(job.input.file, closefd=False)):
        view = memoryview(samples.tobytes())
        while view:
            view = view[os.write(job.output, view) :]
    return {}


HANDLERS: dict[str, Handler] = {"recording": recording, "excerpt": excerpt, "live": live}
"""By the kind of request."""


def warm_up() -> None:
    """Decodes a short tone with each library, so that it has loaded what it needs."""
    tone = np.sin(np.arange(4_800) / 10).astype(np.float32)
    for container, subtype in (("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "OPUS")):
        file = io.BytesIO()
        soundfile.write(file, tone, 48_000, format=container, subtype=subtype)
        file.seek(0)
        decode_audio(file, limits=AudioLimits(1.0))
