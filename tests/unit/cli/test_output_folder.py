"""The output folder: what counts as done, and which files may be replaced."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nordlyd_client.cli.backends import Input
from nordlyd_client.cli.folder import OutputFolder, place_outputs
from nordlyd_client.cli.inputs import find_inputs
from nordlyd_client.errors import InvalidRequestError

REQUEST = {"language": "nb"}


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "one.wav"
    path.parent.mkdir()
    path.write_bytes(b"sound")
    return path


def left_to_do(
    tmp_path: Path,
    sound: Path,
    formats: Sequence[str] = ("text",),
    request: dict[str, object] = REQUEST,
    *,
    force: bool = False,
    ended_after: int | None = None,
) -> list[str]:
    """One run over the folder `in`: the recordings that it does."""
    inputs = find_inputs(sorted(str(path) for path in sound.parent.iterdir()))
    folder = OutputFolder(tmp_path / "out", inputs, formats, request, force=force)
    try:
        done = [item for item in inputs if not folder.is_done(item)]
        for item in done[:ended_after]:
            folder.check(item)
            folder.write(item, dict.fromkeys(formats, b"ja\n"))
        return [item.path.name for item in done]
    finally:
        folder.close()


def test_recording_is_done_until_it_or_the_request_changes(tmp_path: Path, sound: Path) -> None:
    def run(**changes: object) -> bool:
        return bool(left_to_do(tmp_path, sound, **changes))  # type: ignore[arg-type]

    assert [run(), run(), run(force=True), run()] == [True, False, True, False]
    other: dict[str, object] = {"language": "nb", "hotwords": "Ås"}
    assert [run(request=other), run(request=other), run(), run()] == [True, False, True, False]
    more = ("srt", "text")
    assert [run(formats=("srt",)), run(formats=more), run()] == [True, False, False]
    os.utime(sound, (1, 1))
    assert [run(), run()] == [True, False]
    # The old subtitles are of another sound.
    assert [run(formats=more), run(formats=more)] == [True, False]
    (tmp_path / "out" / "one.txt").unlink()
    assert [run(), run()] == [True, False]


def test_journal_has_the_field_names_of_earlier_versions(tmp_path: Path, sound: Path) -> None:
    assert left_to_do(tmp_path, sound) == ["one.wav"]
    journal = tmp_path / "out" / ".nordlyd" / "journal.jsonl"
    content = json.loads(journal.read_text("utf-8").splitlines()[-1])
    names = ("file", "size", "changed", "asked", "place", "formats", "begun")
    assert content.keys() == {*names}
    journal.write_text(json.dumps({name: content[name] for name in names}) + "\n", "utf-8")
    assert left_to_do(tmp_path, sound) == []


def test_truncated_journal_line_repeats_its_recording_only(tmp_path: Path, sound: Path) -> None:
    (sound.parent / "two.wav").write_bytes(b"more sound")
    assert left_to_do(tmp_path, sound) == ["one.wav", "two.wav"]
    journal = tmp_path / "out" / ".nordlyd" / "journal.jsonl"
    whole = journal.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for cut in range(last, len(whole) - 1, 7):
        journal.write_bytes(whole[:cut])
        assert left_to_do(tmp_path, sound, ended_after=0) == ["two.wav"]
    journal.write_bytes(whole[: last + 5])
    assert left_to_do(tmp_path, sound) == ["two.wav"]
    assert left_to_do(tmp_path, sound) == []


def test_journal_of_many_runs_does_not_grow(tmp_path: Path, sound: Path) -> None:
    journal = tmp_path / "out" / ".nordlyd" / "journal.jsonl"
    sizes = set()
    for _ in range(5):
        left_to_do(tmp_path, sound, force=True)
        sizes.add(journal.stat().st_size)
    assert len(sizes) <= 2


def test_files_of_other_origin_are_not_replaced(tmp_path: Path, sound: Path) -> None:
    (tmp_path / "out").mkdir()
    theirs = tmp_path / "out" / "one.srt"
    theirs.write_text("typed by hand")
    left_to_do(tmp_path, sound)
    with pytest.raises(InvalidRequestError, match="--force replaces it"):
        left_to_do(tmp_path, sound, ("srt", "text"))
    assert theirs.read_text() == "typed by hand"
    left_to_do(tmp_path, sound, ("srt", "text"), force=True)
    assert theirs.read_text() == "ja\n"


def test_later_recording_of_the_same_name_gets_another_path(tmp_path: Path, sound: Path) -> None:
    assert left_to_do(tmp_path, sound) == ["one.wav"]
    (sound.parent / "one.mp3").write_bytes(b"the same")
    assert left_to_do(tmp_path, sound) == ["one.mp3"]
    names = {path.name for path in (tmp_path / "out").glob("*.txt")}
    assert names == {"one.txt", "one.mp3.txt"}


def test_unwritable_folder_is_refused(tmp_path: Path, sound: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InvalidRequestError, match="out: cannot be made"):
        left_to_do(tmp_path, sound)


NAMES = st.sampled_from(
    ["x.wav", "x.mp3", "X.wav", "x", "x.wav.mp3", "x.wav-2", "failed.wav", "Møte 12.30", "y.1.wav"]
)
FOLDERS = st.sampled_from(["/in", "/in/a", "/in/b", "/in/a/deep", "/else", "/in/x"])
PATHS = st.lists(st.tuples(FOLDERS, NAMES), unique=True, max_size=12)


def as_inputs(paths: list[tuple[str, str]], root: str | None) -> list[Input]:
    return [
        Input(number, name, Path(folder, name), Path(root or folder), lambda: None)  # type: ignore[arg-type,return-value]
        for number, (folder, name) in enumerate(paths)
    ]


@given(PATHS, st.integers(0, 12), st.sampled_from(["/in", None]))
def test_output_paths_are_unique_and_stable(
    paths: list[tuple[str, str]], first: int, root: str | None
) -> None:
    inputs = as_inputs(paths, root)
    early = place_outputs(inputs[:first], {})
    late = place_outputs(inputs, {str(path): place for path, place in early.items()})
    folded = [place.casefold() for place in late.values()]
    assert len(set(folded)) == len(inputs)
    assert "failed" not in folded
    assert {path: late[path] for path in early} == early
    assert all(not Path(place).is_absolute() and ".." not in place for place in late.values())


def test_output_paths_mirror_input_folders() -> None:
    paths = [("/in/a", "x.wav"), ("/in/b", "x.wav"), ("/in/b", "x.mp3"), ("/in/b", "Kl. 12.30")]
    places = place_outputs(as_inputs(paths, "/in"), {})
    assert list(places.values()) == ["a/x", "b/x.wav", "b/x.mp3", "b/Kl. 12.30"]
    alone = place_outputs(as_inputs(paths[:1], None), {})
    assert list(alone.values()) == ["x"]
