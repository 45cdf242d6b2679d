"""Tables of utterances as people and programs write them."""

import codecs
import json
from pathlib import Path

import pytest

from trainer.data.tables import find_audio, read_table
from trainer.errors import DataError

TEXTS = ["På tur, «aldri» sur; jo", 'Han sa "nei" | takk']
QUOTED = 'Han sa ""nei"" | takk'


def rows(file: Path) -> list[tuple[str, str]]:
    return [(row["audio"], row["text"]) for row in read_table(file)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("own.csv", f'path,sentence\na.wav,"{TEXTS[0]}"\nb.wav,"{QUOTED}"\n'),
        ("excel.csv", f'File Name;Transcript\r\na.wav;"{TEXTS[0]}"\r\nb.wav;{TEXTS[1]}\r\n'),
        ("cv.tsv", f"client_id\tpath\tsentence\nx\ta.wav\t{TEXTS[0]}\nx\tb.wav\t{TEXTS[1]}\n"),
        ("pandas.tsv", f'audio\ttext\na.wav\t{TEXTS[0]}\nb.wav\t"{QUOTED}"\n'),
        ("nemo.jsonl", "\n\n".join(
            json.dumps({"audio_filepath": f"{name}.wav", "text": text}, ensure_ascii=False)
            for name, text in zip("ab", TEXTS, strict=True)
        )),
    ],
)  # fmt: skip
def test_usual_columns_separators_and_encodings_are_read(
    tmp_path: Path, name: str, content: str, encoding: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content.encode(encoding))
    assert rows(file) == [("a.wav", TEXTS[0]), ("b.wav", TEXTS[1])]


def test_utf_16_without_its_text_is_one_error(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_bytes(codecs.BOM_UTF8 + b"audio,text\0")
    with pytest.raises(DataError, match="is no text"):
        list(read_table(file))


def test_table_without_names_has_its_audio_found_in_a_usual_folder(tmp_path: Path) -> None:
    (tmp_path / "wavs").mkdir()
    (tmp_path / "wavs/LJ-1.flac").touch()
    file = tmp_path / "metadata.csv"
    file.write_text("LJ-1|Kl. 12|klokken tolv\nLJ-2|To|to\n", "utf-8")
    assert rows(file) == [("LJ-1", "klokken tolv"), ("LJ-2", "to")]
    assert find_audio("LJ-1", tmp_path) == tmp_path / "wavs/LJ-1.flac"
    assert find_audio("LJ-2", tmp_path) == tmp_path / "LJ-2"


def test_offset_and_duration_of_nemo_are_a_part_of_the_recording(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text('{"audio_filepath": "a.wav", "text": "to", "offset": 1.5, "duration": 2.0}')
    (row,) = read_table(file)
    assert (row["start"], row["end"]) == (1.5, 3.5)


def test_table_of_something_else_lists_the_accepted_columns(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("name,age\nkari,30\n")
    with pytest.raises(DataError, match=r"no columns of audio and text in 'name,age'; accepted au"):
        list(read_table(file))
