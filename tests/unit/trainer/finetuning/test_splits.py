"""No speaker and no recording is in two splits."""

from collections import defaultdict

import pytest

from trainer.errors import DataError
from trainer.finetuning.splits import Origin, divide


def held_apart(origins: list[Origin], names: tuple[str, ...], field: str) -> bool:
    splits: defaultdict[str, set[str]] = defaultdict(set)
    for origin, name in zip(origins, names, strict=True):
        splits[getattr(origin, field)].add(name)
    return all(len(each) == 1 for key, each in splits.items() if key)


def test_speakers_and_their_recordings_are_in_one_split() -> None:
    # Two speakers in each recording; every third speaker is in two of them.
    origins = [
        Origin(f"speaker-{(number // 5 * 2 + number % 2) // 3 * 3}", f"{number // 5}.wav", "", 4.0)
        for number in range(600)
    ]
    splits = divide(origins)
    assert splits.by == "speaker"
    assert held_apart(origins, splits.names, "speaker")
    assert held_apart(origins, splits.names, "recording")
    seconds = {name: 4.0 * splits.names.count(name) for name in ("train", "valid", "test")}
    assert 0.05 * 2400 <= seconds["valid"] <= 0.15 * 2400
    assert 0.05 * 2400 <= seconds["test"] <= 0.15 * 2400
    assert divide(origins) == splits


def test_recordings_are_held_apart_where_no_speaker_is_known() -> None:
    origins = [Origin("", f"{number // 10}.wav", "", 4.0) for number in range(200)]
    splits = divide(origins)
    assert splits.by == "recording"
    assert held_apart(origins, splits.names, "recording")
    assert set(splits.names) == {"train", "valid", "test"}


def test_one_speaker_in_all_recordings_leaves_the_recordings() -> None:
    origins = [Origin("kari", f"{number // 10}.wav", "", 4.0) for number in range(200)]
    splits = divide(origins)
    assert splits.by == "recording"
    assert held_apart(origins, splits.names, "recording")


def test_clips_in_a_folder_for_each_recording_stay_together() -> None:
    origins = [Origin("", f"{number // 10}/{number}.wav", "", 4.0) for number in range(200)]
    splits = divide(origins)
    assert splits.by == "folder"
    folders = [Origin("", origin.recording.split("/")[0], "", 0.0) for origin in origins]
    assert held_apart(folders, splits.names, "recording")


def test_given_splits_are_kept_and_a_missing_one_is_taken_from_train() -> None:
    given = ["Training", "dev", "train", "train", "train"]
    origins = [Origin("", f"{number}.wav", name, 4.0) for number, name in enumerate(given)]
    splits = divide(origins)
    assert splits.by == "given"
    assert splits.names[1] == "valid"
    assert sorted(splits.names) == ["test", "train", "train", "train", "valid"]


def test_at_most_an_hour_is_taken_from_much_speech() -> None:
    origins = [Origin("", f"{number}.wav", "", 360.0) for number in range(1000)]
    splits = divide(origins)
    assert splits.names.count("valid") * 360 <= 3600
    assert splits.names.count("test") * 360 <= 3600


def test_two_recordings_give_no_test_split() -> None:
    origins = [Origin("", "long.wav", "", 50.0), Origin("", "short.wav", "", 20.0)]
    splits = divide(origins)
    assert (splits.names, splits.test) == (("train", "valid"), False)


def test_one_recording_is_refused() -> None:
    origins = [Origin("", "a.wav", "", 4.0), Origin("", "a.wav", "", 4.0), Origin("", "", "", 0.0)]
    with pytest.raises(DataError, match=r"one recording.*column split"):
        divide(origins)
