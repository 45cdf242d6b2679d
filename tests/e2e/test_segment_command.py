"""`nordlyd-train segment`: long recordings and edited minutes become a data folder."""

import json
import subprocess
import sys
from pathlib import Path

import docx
import numpy as np
import pytest
import soundfile
from demo_model import DEMO
from meeting_sentences import NOT_SAID, SENTENCES
from running import environment

from bench.meetings import Line, Meeting, Tally, make_meeting
from trainer.data import read_split

pytestmark = pytest.mark.long

NORDLYD_TRAIN = Path(sys.executable).with_name("nordlyd-train")


def segment(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NORDLYD_TRAIN, "segment", *arguments, "--model", DEMO],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.fixture(scope="module")
def meetings(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Meeting]]:
    """Three meetings of 16 sentences, of which some are not written and others not said.

    The minutes of the second are a Word document.
    """
    folder = tmp_path_factory.mktemp("meetings")
    made = {}
    for number in range(3):
        name = f"møte {number + 1}"
        lines = []
        for place, sentence in enumerate(SENTENCES[16 * number : 16 * (number + 1)]):
            lines.append(Line(sentence, "" if place in {3, 9, 10} else sentence))
            if place in {5, 8, 14}:
                lines.append(Line("", NOT_SAID[place % 4]))
        made[name] = make_meeting(lines, language="nb", seed=number)
        made[name].save(folder / f"{name}.flac", folder / f"{name}.txt")
    minutes = folder / "møte 2.txt"
    document = docx.Document()
    for line in minutes.read_text("utf-8").splitlines():
        document.add_paragraph(line)
    document.save(str(minutes.with_suffix(".docx")))
    minutes.unlink()
    return folder, made


@pytest.fixture(scope="module")
def segmented(
    meetings: tuple[Path, dict[str, Meeting]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict]:
    folder, _ = meetings
    soundfile.write(folder / "broken.wav", np.zeros(0, np.float32), 16000)
    (folder / "broken.txt").write_text("ingenting", "utf-8")
    (folder / "alone.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nhei\n", "utf-8")
    output = tmp_path_factory.mktemp("segmented") / "data"
    ended = segment(folder, folder, "--output", output, "--json")
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    return output, json.loads(ended.stdout)


def lines(output: Path, name: str) -> list[dict]:
    return [json.loads(line) for line in (output / name).read_text("utf-8").splitlines()]


def pieces(output: Path) -> list[dict]:
    return [
        line for split in ("train", "valid", "test") for line in lines(output, f"{split}.jsonl")
    ]


def test_pieces_have_what_is_said_and_nearly_all_that_is_written(
    meetings: tuple[Path, dict[str, Meeting]], segmented: tuple[Path, dict]
) -> None:
    _, made = meetings
    output, counts = segmented
    tally = Tally()
    for name, own in made.items():
        tally.add(
            own,
            [
                (piece["recording_start"], piece["recording_end"], piece["text"])
                for piece in pieces(output)
                if piece["source"] == name
            ],
        )
    assert tally.right_share >= 0.99
    assert tally.kept_share >= 0.95
    assert counts["words"] >= 0.95 * tally.matching


def test_what_was_only_said_or_only_written_is_listed(segmented: tuple[Path, dict]) -> None:
    output, counts = segmented
    dropped = lines(output, "dropped.jsonl")
    only_said = [item for item in dropped if item["reason"] == "said and not written"]
    only_written = [item for item in dropped if item["reason"] == "written and not said"]
    assert sum(item["place"]["end"] - item["place"]["start"] for item in only_said) > 9
    assert any("brød og en liter melk" in item.get("detail", "") for item in only_said)
    for sentence in (NOT_SAID[place % 4] for place in (5, 8, 14)):
        assert sum(sentence in item["text"] for item in only_written) == 3
    assert counts["left_out"]["said and not written"]["parts"] == len(only_said)
    assert counts["left_out"]["written and not said"]["words"] == sum(
        len(item["text"].split()) for item in only_written
    )


def test_data_folder_is_split_by_recording_and_read_by_the_trainer(
    segmented: tuple[Path, dict],
) -> None:
    output, counts = segmented
    sources = set()
    for split in ("train", "valid", "test"):
        (recording,) = counts[split]["recordings"]
        assert {line["source"] for line in lines(output, f"{split}.jsonl")} == {recording}
        sources.add(recording)
        records = read_split(output, split)
        assert len(records) == counts[split]["utterances"]
        for record in records:
            assert record.language == "nb"
            assert len(record.audio.waveform()) == round(record.seconds * 16000)
            assert 0.5 <= record.seconds <= 15
    assert len(sources) == 3


def test_report_has_the_sound_of_every_piece(segmented: tuple[Path, dict]) -> None:
    output, counts = segmented
    page = (output / "report.html").read_text("utf-8")
    least_sure, all_of_them = page.split('id="least-sure"')[1].split('id="r1"')
    assert all_of_them.count("<audio") == counts["pieces"] == len(pieces(output))
    assert least_sure.count("<audio") == min(counts["pieces"], 100)
    assert 'src="audio/m%C3%B8te%201-0001.flac"' in page
    assert (output / "audio" / "møte 1-0001.flac").is_file()
    assert "said and not written" in page


def test_files_that_cannot_be_used_are_named_and_end_nothing(segmented: tuple[Path, dict]) -> None:
    _, counts = segmented
    assert [item["recording"] for item in counts["failed"]] == ["broken"]
    assert [Path(file).name for file in counts["without_recording"]] == ["alone.srt"]
