"""The description of a recording's file in an answer."""

from app.api.schemas import TranscriptionBody
from app.audio import AudioInfo, TrackInfo
from app.notices import Notice
from app.transcript import Timing, Transcript


def test_an_answer_describes_the_file_and_the_track_that_was_read() -> None:
    tracks = (TrackInfo(0, "aac", 2, 48000, "eng"), TrackInfo(1, "opus", 1, 16000, None))
    transcript = Transcript(
        text="",
        segments=(),
        language="nb",
        model="m",
        duration=1.0,
        timing=Timing(0, 0, 0, 0, 0),
        audio=AudioInfo("Matroska", tracks, track=1),
        notices=(Notice("silent_track", "Track 1 is silent."),),
    )
    body = TranscriptionBody.of(transcript, words=True, request_id="r").model_dump()
    assert body["audio"] == {
        "container": "Matroska", "codec": "opus", "channels": 1, "rate": 16000, "track": 1,
        "tracks": [
            {"index": 0, "codec": "aac", "channels": 2, "rate": 48000, "language": "eng"},
            {"index": 1, "codec": "opus", "channels": 1, "rate": 16000, "language": None},
        ],
    }  # fmt: skip
    assert body["warnings"] == [{"code": "silent_track", "message": "Track 1 is silent."}]
