"""How far a run is, from the bytes and the audio of what it has done."""

from app.archive.progress import Progress
from app.archive.results import Result
from app.errors import AudioError


def test_hours_left_follow_from_the_bytes_that_are_left() -> None:
    reported: list[int] = []
    progress = Progress(4, 1000, lambda each: reported.append(each.done))
    assert progress.audio_seconds_left is None
    assert progress.describe() == "0 of 4, 0.0 h done"
    progress.count(300, Result({"duration": 7200.0}), transcribed=True)
    # A copy and a failure take away from what is left, and give no audio.
    progress.count(300, Result({"duration": 7200.0}), transcribed=False)
    progress.count(100, Result.of_error(AudioError("no audio")), transcribed=True)
    assert progress.audio_seconds_left == 7200.0
    line = progress.describe()
    assert line.startswith("3 of 4, 2.0 h done, about 2.0 h left, ")
    assert " × real time, " in line
    assert line.endswith("left, 1 failed")
    assert reported == [1, 2, 3]
    assert (progress.transcribed, progress.audio_seconds) == (1, 7200.0)


def test_result_is_kept_as_the_same_bytes_and_read_as_it_was() -> None:
    result = Result({"text": "blåbær", "words": [], "duration": 1.5})
    assert result.pack() == Result(dict(result.body)).pack()
    assert Result.unpack(result.pack()) == result
    failed = Result.of_error(AudioError("no audio"))
    assert Result.unpack(failed.pack()) == failed
    assert failed.failed
