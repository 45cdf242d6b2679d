"""Clients of every kind, good and bad; what each must be answered is part of it."""

from bench.traffic.faults import bad_input, drip, hang_up, refused
from bench.traffic.jobs import assemblyai, erased_job, job
from bench.traffic.recordings import align, clip, deepgram, long, openai, page, stream, vosk
from bench.traffic.site import Kind, Outcome, Site, attempt

KINDS = {
    kind.name: kind
    for kind in (
        Kind("clip", clip, clients=2, pause=0.5),
        Kind("long", long, clients=1, pause=10.0),
        Kind("stream", stream, clients=2, pause=3.0),
        Kind("job", job, clients=2, pause=1.0),
        Kind("erased job", erased_job, clients=1, pause=3.0),
        Kind("align", align, clients=1, pause=3.0),
        Kind("openai", openai, clients=1, pause=2.0),
        Kind("deepgram", deepgram, clients=1, pause=2.0),
        Kind("assemblyai", assemblyai, clients=1, pause=3.0),
        Kind("vosk", vosk, clients=1, pause=5.0),
        Kind("page", page, clients=1, pause=2.0),
        Kind("bad input", bad_input, clients=1, pause=0.3),
        Kind("hang-up", hang_up, clients=1, pause=0.5),
        Kind("slow upload", drip, clients=2, pause=1.0),
        Kind("refused", refused, clients=1, pause=0.5),
    )
}
"""What is sent, by its name: some clients at once, which pause between two requests."""

__all__ = ["KINDS", "Kind", "Outcome", "Site", "attempt"]
