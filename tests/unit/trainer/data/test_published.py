"""Every published set is read with exactly the columns its publisher gave it."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import huggingface_hub.constants
import pyarrow as pa
import pytest

from trainer.data.sources import PUBLISHED, open_source
from trainer.errors import DataError


def columns(**kinds: pa.DataType) -> tuple[tuple[str, pa.DataType], ...]:
    return tuple(kinds.items())


def strings(names: str) -> dict[str, pa.DataType]:
    return dict.fromkeys(names.split(), pa.string())


NST_NORWEGIAN = columns(
    pid=pa.string(),
    Age=pa.int64(),
    **strings(
        "Region_of_Birth Region_of_Youth Remarks Sex Speaker_ID Directory Imported_sheet_file"
    ),
    Number_of_recordings=pa.int64(),
    **strings(
        "RecDate RecTime Record_duration Record_session Sheet_number ANSI_Codepage Board "
        "ByteFormat Channels CharacterSet Coding DOS_Codepage Delimiter Frequency Memo Script "
        "Version DST NOI QUA SND SPC UTT file"
    ),
    t0=pa.int64(),
    t1=pa.int64(),
    t2=pa.int64(),
    type=pa.string(),
    text=pa.string(),
)
NST_DANISH = columns(text=pa.string())
FTSPEECH = columns(**strings("utterance_id speaker_gender sentence speaker_id"))
CORAL = columns(
    **strings(
        "id_recording id_sentence id_speaker text age gender dialect country_birth location "
        "location_roomdim noise_type asr_prediction"
    ),
    noise_level=pa.float64(),
    validated=pa.bool_(),
    asr_wer=pa.float64(),
    asr_cer=pa.float64(),
)
FLEURS = columns(
    id=pa.int32(),
    num_samples=pa.int32(),
    path=pa.string(),
    transcription=pa.string(),
    raw_transcription=pa.string(),
    gender=pa.int64(),
    lang_id=pa.int64(),
    language=pa.string(),
    lang_group_id=pa.int64(),
)
COMMON_VOICE = columns(
    **strings("client_id path sentence age gender accent locale segment variant"),
    up_votes=pa.int64(),
    down_votes=pa.int64(),
)

SETS = [
    ("nst-norwegian", "no-close/train/0000.parquet", NST_NORWEGIAN, "text", "Speaker_ID", "nb"),
    ("nst-norwegian-distant", "no-distant/train/0000.parquet", NST_NORWEGIAN, "text", None, "nb"),
    ("nst-danish", "data/train-00000-of-00002.parquet", NST_DANISH, "text", None, "da"),
    ("ftspeech", "data/train-00007-of-00420.parquet", FTSPEECH, "sentence", "speaker_id", "da"),
    ("coral-read-aloud", "read_aloud/train-00000.parquet", CORAL, "text", "id_speaker", "da"),
    ("coral-conversation", "conversation/train-0.parquet", CORAL, "text", "id_speaker", "da"),
    ("fleurs-da", "da_dk/train/0000.parquet", FLEURS, "raw_transcription", None, "da"),
    ("fleurs-nb", "nb_no/fleurs-train-00000-of-4.parquet", FLEURS, "raw_transcription", None, "nb"),
    ("common-voice-da", "da/train/0000.parquet", COMMON_VOICE, "sentence", "client_id", "da"),
    ("common-voice-nn", "nn-NO/train/0000.parquet", COMMON_VOICE, "sentence", "client_id", "nn"),
]


@pytest.mark.parametrize("published", SETS, ids=[name for name, *_ in SETS])
def test_published_dataset_gives_text_speaker_language_and_audio(
    publish, encoded, tmp_path: Path, published
) -> None:
    name, place, kinds, text, speaker, language = published
    row = {text: "Ordet er frit", "audio": encoded(1.5, kind="MP3", rate=48000)}
    publish(place, kinds, [row | ({speaker: "spk_0042"} if speaker else {})])
    opened = open_source(f"{name}/train", {PUBLISHED[name].family: tmp_path})
    (candidate,) = opened.source.candidates("train")
    assert candidate.text == "Ordet er frit"
    assert candidate.speaker == ("spk_0042" if speaker else "")
    assert candidate.language == language
    assert candidate.dropped is None
    assert candidate.audio.seconds() == pytest.approx(1.5, abs=0.1)
    assert len(candidate.audio.waveform()) == pytest.approx(24000, abs=1600)
    assert opened.licence


def test_dialect_of_a_published_set_is_kept(publish, encoded, tmp_path: Path) -> None:
    row = {"text": "Ordet er frit", "dialect": "fynsk", "audio": encoded(1.5)}
    publish("read_aloud/train-00000.parquet", CORAL, [row, row | {"dialect": None}])
    opened = open_source("coral-read-aloud/train", {"coral": tmp_path})
    known, unknown = opened.source.candidates("train")
    assert (known.labels, unknown.labels) == ({"dialect": "fynsk"}, {})


def test_every_published_dataset_but_npsc_is_a_case_of_the_test_above() -> None:
    assert {name for name, *_ in SETS} == {name for name in PUBLISHED if "npsc" not in name}


def test_npsc_has_both_languages_and_each_half_one(npsc, encoded, tmp_path: Path) -> None:
    audio = encoded(1.0)
    npsc(
        "train",
        [
            {"text": "eit ord", "audio": audio},
            {"text": "et ord", "audio": audio, "sentence_language_code": "nb-NO"},
            {"text": "a word", "audio": audio, "sentence_language_code": "en-US"},
        ],
    )
    folders = {"npsc": tmp_path / "npsc"}

    def kept(name: str) -> list[tuple[str, str | None]]:
        found = open_source(f"{name}/train", folders).source.candidates("train")
        return [(item.language, item.text) for item in found if item.dropped is None]

    assert kept("npsc") == [("nn", "eit ord"), ("nb", "et ord"), ("en-us", "a word")]
    assert kept("npsc-nynorsk") == [("nn", "eit ord")]
    assert kept("npsc-bokmaal") == [("nb", "et ord")]


def test_nst_silence_prompts_are_dropped(publish, encoded, tmp_path: Path) -> None:
    rows = [
        {"text": "(...Vær stille under dette opptaket...)", "audio": encoded(2.0)},
        {"text": "Komma (og punktum", "audio": encoded(2.0)},
    ]
    publish("no-close/train/0000.parquet", NST_NORWEGIAN, rows)
    opened = open_source("nst-norwegian/train", {"nst-norwegian": tmp_path})
    assert [item.dropped for item in opened.source.candidates("train")] == ["instruction", None]


def test_ftspeech_evaluation_splits_are_the_balanced_ones(publish, encoded, tmp_path: Path) -> None:
    row = {"sentence": "tak for ordet", "audio": encoded(1.0)}
    publish("data/dev_balanced-00000-of-00001.parquet", FTSPEECH, [row])
    publish("data/test_balanced-00000-of-00001.parquet", FTSPEECH, [row, row])
    publish("data/test_other-00000-of-00001.parquet", FTSPEECH, [row, row, row])
    opened = open_source("ftspeech/test", {"ftspeech": tmp_path})
    counted = {
        split: len(list(opened.source.candidates(split)))
        for split in ("valid", "test", "test_other")
    }
    assert counted == {"valid": 1, "test": 2, "test_other": 3}


def test_shards_are_read_in_order(publish, encoded, tmp_path: Path) -> None:
    for number in (2, 0, 1):
        row = {"text": f"del nummer {number}", "audio": encoded(1.0)}
        publish(f"data/train-0000{number}-of-00003.parquet", NST_DANISH, [row])
    opened = open_source("nst-danish/train", {"nst-danish": tmp_path})
    assert [item.text for item in opened.source.candidates("train")] == [
        f"del nummer {number}" for number in range(3)
    ]


def test_missing_column_is_named(publish, encoded, tmp_path: Path) -> None:
    publish("data/train-0.parquet", NST_DANISH, [{"text": "x", "audio": encoded(1.0)}])
    opened = open_source("ftspeech/train", {"ftspeech": tmp_path})
    with pytest.raises(DataError, match="lacks the columns sentence; it has audio, text"):
        list(opened.source.candidates("train"))


def test_audio_files_beside_a_parquet_file_are_read(publish, encoded, tmp_path: Path) -> None:
    publish("data/train-0.parquet", NST_DANISH, [{"text": "x", "file": "clips/a.flac"}])
    (tmp_path / "data" / "clips").mkdir()
    (tmp_path / "data" / "clips" / "a.flac").write_bytes(encoded(1.25))
    opened = open_source("nst-danish/train", {"nst-danish": tmp_path})
    (candidate,) = opened.source.candidates("train")
    assert candidate.audio.seconds() == 1.25


def release(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None)
    table.writerow(("client_id", "path", "sentence_id", "sentence", "up_votes", "down_votes"))
    table.writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("below", ["", "nn-NO"])
def test_common_voice_archive_of_mozilla_is_read(encoded, tmp_path: Path, below: str) -> None:
    folder = tmp_path / below
    (folder / "clips").mkdir(parents=True)
    (folder / "clips" / "common_voice_nn-NO_1.mp3").write_bytes(encoded(2.0, kind="MP3"))
    rows = [
        ("abc", "common_voice_nn-NO_1.mp3", "1", 'Ho sa "nei" og gjekk.', "2", "0"),
        ("def", "common_voice_nn-NO_2.mp3", "2", "Lyden er borte.", "2", "0"),
    ]
    (folder / "dev.tsv").write_text(release(rows), encoding="utf-8")
    opened = open_source("common-voice-nn/validation", {"common-voice": tmp_path})
    first, second = opened.source.candidates("validation")
    assert (first.text, first.speaker) == ('Ho sa "nei" og gjekk.', "abc")
    assert first.audio.seconds() == pytest.approx(2.0, abs=0.1)
    with pytest.raises(DataError, match=r"common_voice_nn-NO_2\.mp3 cannot be read"):
        second.audio.waveform()


def test_cached_dataset_needs_no_network(
    npsc, encoded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = "hub/datasets--NbAiLab--NPSC/snapshots/0123456789abcdef0123456789abcdef01234567"
    path = npsc("train", [{"text": "eit ord", "audio": encoded(1.0)}])
    cached = tmp_path / snapshot / "16K_mp3" / "train" / "0000.parquet"
    cached.parent.mkdir(parents=True)
    path.rename(cached)
    reference = tmp_path / "hub/datasets--NbAiLab--NPSC/refs/refs/convert/parquet"
    reference.parent.mkdir(parents=True)
    reference.write_text(snapshot.rpartition("/")[2])
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    opened = open_source("npsc/train", {})
    assert [item.text for item in opened.source.candidates("train")] == ["eit ord"]


def test_unreachable_hub_without_a_cache_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    opened = open_source("coral-read-aloud/train", {})
    message = r"coral-v3 is not available from the hub.*--from coral-read-aloud=FOLDER"
    with pytest.raises(DataError, match=message):
        list(opened.source.candidates("train"))
