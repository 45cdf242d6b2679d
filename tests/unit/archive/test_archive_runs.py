"""Runs of an archive: rows, texts, copies, changes, errors, and what a second run does."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from archives import by_path, rows, run, visible
from s3_server import S3Server
from speaker_weights import write_weights

from app.archive import ArchivePlan, run_archive
from app.archive.manifest import Manifest
from app.errors import ConfigurationError, InvalidRequestError
from app.settings import Settings

Clip = Callable[..., bytes]


@pytest.fixture
def folder(tmp_path: Path, clip: Clip) -> Path:
    """Three recordings of two contents, one that is none, and a file that is no recording."""
    archive = tmp_path / "in"
    (archive / "b").mkdir(parents=True)
    (archive / "b" / "one.wav").write_bytes(clip(1))
    (archive / "b" / "copy of one.wav").write_bytes(clip(1))
    (archive / "two.wav").write_bytes(clip(2))
    (archive / "bad.wav").write_bytes(b"no sound")
    (archive / "notes.txt").write_text("no recording")
    (archive / ".hidden.wav").write_bytes(clip(3))
    return archive


def test_archive_has_a_row_for_each_recording_in_the_order_of_paths(
    checkpoints: dict[str, Path], folder: Path, tmp_path: Path, clip: Clip
) -> None:
    summary = run(checkpoints["tiny-nb"], folder, tmp_path / "out")
    found = rows(tmp_path / "out")
    assert [row["path"] for row in found] == [
        "b/copy of one.wav", "b/one.wav", "bad.wav", "two.wav",
    ]  # fmt: skip
    copy, one, bad, two = found
    assert one["sha256"] == hashlib.sha256(clip(1)).hexdigest()
    assert one["duration"] == 1.5
    assert (one["model"], one["language"], one["error"]) == ("tiny-nb", "nb", None)
    assert one["text"] == " ".join(word["word"] for word in one["words"]) != ""
    assert one["segments"][0]["text"] in one["text"]
    assert 0 <= one["confidence"] <= 1
    assert copy == one | {"path": "b/copy of one.wav"}
    assert two["text"] != one["text"]
    assert bad["error"]["code"] == "unsupported_audio"
    assert (bad["text"], bad["words"], bad["duration"]) == (None, None, None)
    assert (summary.recordings, summary.failed, summary.transcribed) == (4, 1, 2)
    assert summary.audio_seconds == 3.0


@pytest.mark.long
def test_speakers_are_in_rows_and_files_where_they_are_told_apart(
    checkpoints: dict[str, Path], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_weights(tmp_path / "store" / "speakers")
    monkeypatch.setenv("NORDLYD_STORE", str(tmp_path / "store"))
    plan = {"options": {"diarize": "true"}, "formats": ("rttm",)}
    assert run(checkpoints["tiny-nb"], folder, tmp_path / "out", **plan).failed == 1
    row = by_path(tmp_path / "out")["two.wav"]
    assert row["words"]
    assert {item["speaker"] for item in (*row["words"], *row["segments"])} == {"speaker 1"}
    (speaker,) = row["speakers"]
    assert (speaker["speaker"], speaker["seconds"] > 0) == ("speaker 1", True)
    assert "speaker_1" in (tmp_path / "out" / "two.wav.rttm").read_text()
    # The rows without speakers are of another request.
    assert run(checkpoints["tiny-nb"], folder, tmp_path / "out").transcribed == 2
    row = by_path(tmp_path / "out")["two.wav"]
    assert row["speakers"] is None
    assert {word["speaker"] for word in row["words"]} == {None}


def test_archive_without_the_weights_of_speakers_is_refused(
    checkpoints: dict[str, Path], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORDLYD_STORE", str(tmp_path / "none"))
    with pytest.raises(InvalidRequestError, match="nordlyd speakers pull"):
        run(checkpoints["tiny-nb"], folder, tmp_path / "out", options={"diarize": "true"})


@pytest.mark.long
def test_row_has_what_the_pipeline_answers(
    checkpoints: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    run(checkpoints["tiny-nb"], folder, tmp_path / "out", formats=("json", "srt"))
    texts = visible(tmp_path / "out")
    assert set(texts) == {
        "transcripts-00000.parquet", "bad.wav.error.txt",
        "two.wav.json", "two.wav.srt", "b/one.wav.json", "b/one.wav.srt",
        "b/copy of one.wav.json", "b/copy of one.wav.srt",
    }  # fmt: skip
    assert texts["b/copy of one.wav.json"] == texts["b/one.wav.json"]
    assert texts["two.wav.srt"].startswith(b"1\n00:00:0")


@pytest.mark.long
def test_second_run_transcribes_nothing_and_writes_the_same(
    checkpoints: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    run(checkpoints["tiny-nb"], folder, tmp_path / "out")
    before = visible(tmp_path / "out")
    again = run(checkpoints["tiny-nb"], folder, tmp_path / "out")
    assert (again.recordings, again.failed, again.transcribed) == (4, 1, 0)
    assert visible(tmp_path / "out") == before


@pytest.mark.long
def test_moved_recording_is_not_transcribed_again_and_a_changed_one_is(
    checkpoints: dict[str, Path], folder: Path, tmp_path: Path, clip: Clip
) -> None:
    run(checkpoints["tiny-nb"], folder, tmp_path / "out")
    before = by_path(tmp_path / "out")
    (folder / "two.wav").rename(folder / "b" / "moved.wav")
    (folder / "b" / "one.wav").write_bytes(clip(4))
    summary = run(checkpoints["tiny-nb"], folder, tmp_path / "out")
    assert summary.transcribed == 1
    after = by_path(tmp_path / "out")
    assert "two.wav" not in after
    assert after["b/moved.wav"] == before["two.wav"] | {"path": "b/moved.wav"}
    assert after["b/one.wav"]["sha256"] == hashlib.sha256(clip(4)).hexdigest()
    assert after["b/one.wav"]["text"] != before["b/one.wav"]["text"]
    # As if it had never been otherwise.
    run(checkpoints["tiny-nb"], folder, tmp_path / "fresh")
    assert visible(tmp_path / "out") == visible(tmp_path / "fresh")


@pytest.mark.long
def test_other_formats_are_written_from_the_results_of_an_earlier_run(
    checkpoints: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    run(checkpoints["tiny-nb"], folder, tmp_path / "out")
    summary = run(checkpoints["tiny-nb"], folder, tmp_path / "out", formats=("vtt",))
    assert summary.transcribed == 0
    assert visible(tmp_path / "out")["b/one.wav.vtt"].startswith(b"WEBVTT")
    run(checkpoints["tiny-nb"], folder, tmp_path / "fresh", formats=("vtt",))
    assert visible(tmp_path / "out") == visible(tmp_path / "fresh")


@pytest.mark.long
def test_other_model_or_options_transcribe_everything_again(
    checkpoints: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    run(checkpoints["tiny-nb"], folder, tmp_path / "out", formats=("text",))
    other = run(
        checkpoints["tiny-nb"], folder, tmp_path / "out", formats=("text",),
        options={"format_text": "true"},
    )  # fmt: skip
    assert other.transcribed == 2
    formatted = by_path(tmp_path / "out")["two.wav"]["formatted_text"]
    assert formatted[0].isupper()
    assert visible(tmp_path / "out")["two.wav.txt"].decode().strip() == formatted
    assert run(checkpoints["tiny-da"], folder, tmp_path / "out").transcribed == 2
    assert by_path(tmp_path / "out")["two.wav"]["model"] == "tiny-da"


@pytest.mark.long
def test_failed_recording_is_tried_again_by_the_next_run(
    checkpoints: dict[str, Path], folder: Path, tmp_path: Path, clip: Clip
) -> None:
    listed = tmp_path / "list"
    listed.write_text(f"{folder}/two.wav\n\n{folder}/gone.wav\n")
    summary = run(checkpoints["tiny-nb"], listed, tmp_path / "out", formats=("text",))
    assert (summary.recordings, summary.failed) == (2, 1)
    gone = by_path(tmp_path / "out")[f"{folder}/gone.wav"]
    assert gone["error"] == {
        "code": "unreadable", "message": "The file cannot be read: No such file or directory.",
    }  # fmt: skip
    assert gone["sha256"] is None
    errors = tmp_path / "out" / f"{folder}/gone.wav.error.txt".lstrip("/")
    assert errors.exists()
    (folder / "gone.wav").write_bytes(clip(5))
    summary = run(checkpoints["tiny-nb"], listed, tmp_path / "out", formats=("text",))
    assert (summary.failed, summary.transcribed) == (0, 1)
    assert not errors.exists()


@pytest.mark.long
def test_glob_and_single_recording_and_names_that_are_no_text(
    checkpoints: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    run(checkpoints["tiny-nb"], f"{folder}/*/*.wav", tmp_path / "globbed")
    assert [*by_path(tmp_path / "globbed")] == ["b/copy of one.wav", "b/one.wav"]
    odd = os.fsdecode(b"b\xe6r.wav")
    shutil.copy(folder / "two.wav", folder / odd)
    run(checkpoints["tiny-nb"], folder / odd, tmp_path / "single", formats=("text",))
    assert [*by_path(tmp_path / "single")] == ["b\\xe6r.wav"]
    assert (tmp_path / "single" / f"{odd}.txt").exists()


@pytest.mark.long
def test_listed_pipe_is_a_row_with_an_error(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "list").write_text(f"{tmp_path}/pipe.wav\n")
    assert run(checkpoints["tiny-nb"], tmp_path / "list", tmp_path / "out").failed == 1
    [row] = rows(tmp_path / "out")
    assert row["error"]["message"] == "The file cannot be read: it is a pipe or a device."


@pytest.mark.long
def test_output_that_cannot_be_written_is_reported_by_its_name(
    checkpoints: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    # In the place of the file of a recording.
    (output / "two.wav.txt" / "x").mkdir(parents=True)
    with pytest.raises(InvalidRequestError, match=r"two\.wav\.txt.*: cannot be written: "):
        run(checkpoints["tiny-nb"], folder, output, formats=("text",))


@pytest.mark.parametrize("source", ["nowhere", "*.nothing"])
def test_source_that_is_not_there_is_refused_before_anything_is_written(
    checkpoints: dict[str, Path], tmp_path: Path, source: str
) -> None:
    with pytest.raises(InvalidRequestError, match=r"there is no such file|no file matches"):
        run(checkpoints["tiny-nb"], f"{tmp_path}/{source}", tmp_path / "out")
    assert visible(tmp_path / "out") == {}


@pytest.mark.long
def test_results_of_an_earlier_run_stay_where_the_source_cannot_be_listed(
    checkpoints: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    run(checkpoints["tiny-nb"], folder, tmp_path / "out")
    before = visible(tmp_path / "out")
    folder.rename(tmp_path / "unmounted")
    with pytest.raises(InvalidRequestError):
        run(checkpoints["tiny-nb"], folder, tmp_path / "out")
    assert visible(tmp_path / "out") == before


@pytest.mark.long
def test_output_inside_the_folder_is_not_searched(
    checkpoints: dict[str, Path], folder: Path
) -> None:
    output = folder / "out"
    run(checkpoints["tiny-nb"], folder, output)
    shutil.copy(folder / "two.wav", output / "x.wav")
    assert run(checkpoints["tiny-nb"], folder, output).recordings == 4


def test_second_process_is_kept_out_of_the_output(
    checkpoints: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    with (
        Manifest(tmp_path / "out", "request"),
        pytest.raises(InvalidRequestError, match="another nordlyd writes to this folder"),
    ):
        run(checkpoints["tiny-nb"], folder, tmp_path / "out")


def test_wrong_option_is_refused_with_what_is_accepted(
    checkpoints: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequestError, match="beam_width is '0'"):
        run(checkpoints["tiny-nb"], folder, tmp_path / "out", options={"beam_width": "0"})


@pytest.mark.long
def test_recordings_of_a_bucket_are_read_from_it(
    checkpoints: dict[str, Path],
    s3_server: S3Server,
    tmp_path: Path,
    clip: Clip,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    store = s3_server.store("archive")
    for name, data in {"a/one.wav": clip(1), "two.wav": clip(2), "notes.txt": b"none"}.items():
        store.put(name, data)
    output = tmp_path / "out"
    source = "s3://nordlyd/archive"
    assert run(checkpoints["tiny-nb"], source, output, formats=("text",)).transcribed == 2
    found = by_path(output)
    assert [*found] == ["a/one.wav", "two.wav"]
    assert found["two.wav"]["sha256"] == hashlib.sha256(clip(2)).hexdigest()
    assert (output / "a" / "one.wav.txt").exists()
    assert run(checkpoints["tiny-nb"], source, output).transcribed == 0
    # The same rows as from a folder.
    (tmp_path / "in" / "a").mkdir(parents=True)
    (tmp_path / "in" / "a" / "one.wav").write_bytes(clip(1))
    (tmp_path / "in" / "two.wav").write_bytes(clip(2))
    run(checkpoints["tiny-nb"], tmp_path / "in", tmp_path / "local", formats=("text",))
    assert visible(output) == visible(tmp_path / "local")


@pytest.mark.long
def test_model_that_is_missing_is_reported_before_the_folder_is_made(
    checkpoints: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    settings = Settings(models=[str(tmp_path / "no model")], media_workers=1)
    plan = ArchivePlan(str(folder), tmp_path / "out")
    with pytest.raises(ConfigurationError, match="no model"):
        run_archive(settings, plan)
    assert not (tmp_path / "out").exists()
