"""The command, on the bundled demo and its samples: the figures, the refusals, the report."""

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jiwer
import numpy as np
import pytest
import soundfile
from demo_model import DEMO, SAMPLES, sample_texts
from typer.testing import CliRunner

from app.acoustic import load_checkpoint
from app.decoding import GreedyDecoder
from trainer.cli import app, main
from trainer.data.store import Utterance, write_split
from trainer.errors import DataError
from trainer.evaluation import evaluate, read_data, read_manifest, summarise, write_report
from trainer.model_toml import write_decoding


def run(*arguments: str | Path) -> dict:
    answer = CliRunner().invoke(app, ["evaluate", *map(str, arguments), "--json"])
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


@pytest.fixture(scope="module")
def with_lm(model_with_lm: Path) -> dict:
    return run(model_with_lm, "--manifest", SAMPLES)


def test_greedy_rates_equal_those_of_the_service(with_lm: dict) -> None:
    model = load_checkpoint(DEMO)
    decoder = GreedyDecoder(model.vocabulary)
    written = [
        decoder.decode(
            model.emissions([record.audio.waveform()])[0],
            frame_seconds=model.hop / 16000,
            duration=record.seconds,
        ).text
        for record in read_manifest(SAMPLES).records
    ]
    assert with_lm["greedy_wer"] == pytest.approx(jiwer.wer(sample_texts(), written))
    assert with_lm["greedy_cer"] == pytest.approx(jiwer.cer(sample_texts(), written))


def test_language_model_of_the_test_words_reduces_errors(with_lm: dict) -> None:
    # Nothing is left to gain where the demo already writes its samples without an error.
    assert with_lm["beam_lm_wer"] < with_lm["greedy_wer"] or with_lm["greedy_wer"] == 0
    assert with_lm["beam_lm_cer"] <= with_lm["greedy_cer"]
    gain = with_lm["lm_difference"]
    assert gain["wer"] == with_lm["beam_lm_wer"] - with_lm["greedy_wer"]
    assert with_lm["language_model"] == {"file": "2gram.arpa", "order": 2, "alpha": 0.5, "beta": 1}


def test_every_rate_lies_in_its_interval(with_lm: dict) -> None:
    assert len(with_lm["intervals"]) == 6
    for name, (low, high) in with_lm["intervals"].items():
        assert low <= with_lm[name] <= high


def test_counts_of_subsets_sum_to_the_test_set(with_lm: dict) -> None:
    for groups in (with_lm["by_speaker"], with_lm["by_length"]):
        assert sum(group["utterances"] for group in groups) == with_lm["utterances"] == 3
        errors = sum(group["words"] * group["greedy_wer"] for group in groups)
        assert errors / with_lm["words"] == pytest.approx(with_lm["greedy_wer"])
    assert {group["name"] for group in with_lm["by_speaker"]} == {"nb+f5", "nb+m7"}
    assert with_lm["by_augmentation"] == []


def test_without_a_language_model_its_rates_are_null(tmp_path: Path) -> None:
    shutil.copytree(DEMO, tmp_path / "m", ignore=shutil.ignore_patterns("language_model"))
    found = run(tmp_path / "m", "--manifest", SAMPLES, "--beam-width", "8", "--limit", "1")
    assert found["beam_lm_wer"] is found["beam_lm_cer"] is found["lm_difference"] is None
    assert (found["utterances"], found["beam_width"]) == (1, 8)
    assert 0 <= found["beam_wer"] <= 1
    assert set(found["real_time_factor"]) == {"encoder", "greedy", "beam"}


def test_weights_of_the_card_are_those_that_are_evaluated(tmp_path: Path) -> None:
    folder = shutil.copytree(DEMO, tmp_path / "m")
    (folder / "language_model" / "attrs.json").unlink()
    write_decoding(folder / "model.toml", {"alpha": 0.9, "beta": 0.25})
    found = run(folder, "--manifest", SAMPLES, "--beam-width", "8", "--limit", "1")
    assert (found["language_model"]["alpha"], found["language_model"]["beta"]) == (0.9, 0.25)


def test_manifest_augmentations_have_separate_rates(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in SAMPLES.read_text("utf-8").splitlines()]
    for line, names in zip(lines, (["noise", "room"], ["noise"], []), strict=True):
        line["audio"] = str(SAMPLES.parent / line["audio"])
        line["augmentation"] = names
    manifest = tmp_path / "noted.jsonl"
    manifest.write_text("\n".join(map(json.dumps, lines)))
    found = run(DEMO, "--manifest", manifest)["by_augmentation"]
    assert [(group["name"], group["utterances"]) for group in found] == [
        ("none", 1),
        ("noise", 2),
        ("room", 1),
    ]


def test_parts_of_a_recording_are_evaluated_as_separate_files_are(tmp_path: Path) -> None:
    lines, reached = [], 0.0
    with soundfile.SoundFile(tmp_path / "all.flac", "w", 16000, 1) as recording:
        for line in map(json.loads, SAMPLES.read_text("utf-8").splitlines()):
            samples, _ = soundfile.read(SAMPLES.parent / line["audio"], dtype="int16")
            recording.write(samples)
            end = reached + len(samples) / 16000
            lines.append(line | {"audio": "all.flac", "start": reached, "end": end})
            reached = end
    del lines[0]["start"], lines[-1]["end"]
    manifest = tmp_path / "parts.jsonl"
    manifest.write_text("\n".join(map(json.dumps, lines)))
    parts, whole = read_manifest(manifest), read_manifest(SAMPLES)
    for one, other in zip(parts.records, whole.records, strict=True):
        np.testing.assert_array_equal(one.audio.waveform(), other.audio.waveform())


def test_manifest_of_prepared_copies_is_read_at_its_offsets(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in SAMPLES.read_text("utf-8").splitlines()]
    joined = b""
    for line in lines:
        data = (SAMPLES.parent / line["audio"]).read_bytes()
        line |= {"audio": "test.audio", "offset": len(joined), "length": len(data)}
        joined += data
    (tmp_path / "test.audio").write_bytes(joined)
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = read_manifest(tmp_path / "test.jsonl")
    for one, other in zip(found.records, read_manifest(SAMPLES).records, strict=True):
        np.testing.assert_array_equal(one.audio.waveform(), other.audio.waveform())


def test_synthesised_split_records_its_augmentations(tmp_path: Path) -> None:
    spoken = [
        Utterance("vi går på tur", 0, 0, "nb+m7", 150, 50, (0.0,), (), done)
        for done in ((), ("noise",), ("noise", "codec"), ())
    ]
    pcm = np.random.default_rng(1).integers(-9000, 9000, 16000).astype(np.int16)
    write_split(tmp_path / "nb", "test", [(item, pcm) for item in spoken])
    whole = read_data(tmp_path / "nb", "test")
    assert whole.augmentations == ((), ("noise",), ("noise", "codec"), ())
    half = whole.limit(2)
    assert (half.name, half.augmentations) == ("nb/test, 2 of 4", ((), ("noise", "codec")))
    found = run(DEMO, "--data", tmp_path / "nb")
    assert [group["name"] for group in found["by_augmentation"]] == ["none", "codec", "noise"]
    assert found["interval"]["drawn_by"] == "utterance"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("not json", "line 1 is no"),
        ('{"text": "hei"}', "line 1 is no"),
        ('["hei"]', "line 1 is no"),
        ('{"audio": "missing.wav", "text": "hei"}', "line 1: .*missing.wav"),
        ('{"audio": "a.wav", "text": "hei", "start": 2, "end": 1}', 'a later "end" in seconds'),
        (
            f'{{"audio": "{SAMPLES.parent}/sample-1.flac", "text": "hei", "start": 99}}',
            "from 99.00",
        ),
        ("", "nothing to evaluate"),
    ],
)
def test_invalid_manifest_is_refused_with_the_line(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "manifest.jsonl").write_text(line)
    with pytest.raises(DataError, match=message):
        evaluate(DEMO, read_manifest(tmp_path / "manifest.jsonl"))


def test_missing_input_ends_command_with_one_line(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for arguments in (
        [str(DEMO)],
        [str(DEMO), "--manifest", str(SAMPLES), "--data", str(tmp_path)],
        [str(DEMO), "--manifest", str(tmp_path / "none.jsonl")],
        [str(DEMO), "--data", str(tmp_path)],
        [str(tmp_path / "no-model"), "--manifest", str(SAMPLES)],
    ):
        monkeypatch.setattr("sys.argv", ["trainer", "evaluate", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 1
        assert "Traceback" not in capsys.readouterr().err


class Page(HTMLParser):
    """Notes every element, and that each is closed in its turn."""

    EMPTY = frozenset({"meta", "rect", "path"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_html_report_embeds_the_audio_of_the_worst_utterances(
    model_with_lm: Path, tmp_path: Path
) -> None:
    test_set = read_manifest(SAMPLES)
    wrong = replace(test_set.records[0], text="helt andre ord enn disse", language="nb")
    test_set = replace(test_set, records=(wrong, *test_set.records[1:]))
    summary = summarise(evaluate(model_with_lm, test_set))
    summary["model"] = "<script>alert(1)</script>"
    write_report(summary, test_set, tmp_path)
    text = (tmp_path / "report.html").read_text("utf-8")
    page = Page(text)
    assert page.open == []
    assert not page.all("script")
    assert len(page.all("audio")) == len(summary["worst"]) > 0
    assert all(
        audio["src"].startswith("data:audio/flac;base64,ZkxhQ") for audio in page.all("audio")
    )
    for _, attributes in page.found:
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:")
    assert not re.search(r"https?://|@import|url\(", text)
    names = {attributes.get("id") for _, attributes in page.found}
    assert {attributes.get("aria-labelledby") for _, attributes in page.found} <= names
    assert json.loads((tmp_path / "evaluation.json").read_text("utf-8")) == json.loads(
        json.dumps(summary)
    )


def test_markdown_report_has_the_figures(model_with_lm: Path, tmp_path: Path) -> None:
    answer = CliRunner().invoke(
        app,
        ["evaluate", str(model_with_lm), "--manifest", str(SAMPLES), "--report", str(tmp_path)],
    )
    assert answer.exit_code == 0
    text = (tmp_path / "report.md").read_text("utf-8")
    summary = json.loads((tmp_path / "evaluation.json").read_text("utf-8"))
    for name in ("greedy", "beam", "beam_lm"):
        share = f"{100 * summary[f'{name}_wer']:.1f} %"
        assert share in text
        assert share in answer.stdout
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1
