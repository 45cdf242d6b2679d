"""How an answer describes the file of a recording."""

import json

from blank_transcript import blank_transcript

from app.audio import AudioInfo, TrackInfo
from app.contract.answers import Notice
from app.pipeline.encoding import audio_file


def test_answer_describes_the_file_and_the_track_that_was_read() -> None:
    tracks = (TrackInfo(0, "aac", 2, 48000, "eng"), TrackInfo(1, "opus", 1, 16000, None))
    transcript = blank_transcript(
        1.0,
        audio=audio_file(AudioInfo("Matroska", tracks, track=1)),
        warnings=(Notice("silent_track", "Track 1 is silent."),),
    )
    body = json.loads(transcript.to_json())
    assert body["audio"] == {
        "container": "Matroska", "codec": "opus", "channels": 1, "rate": 16000, "track": 1,
        "tracks": [
            {"index": 0, "codec": "aac", "channels": 2, "rate": 48000, "language": "eng"},
            {"index": 1, "codec": "opus", "channels": 1, "rate": 16000, "language": None},
        ],
    }  # fmt: skip
    assert body["warnings"] == [{"code": "silent_track", "message": "Track 1 is silent."}]
