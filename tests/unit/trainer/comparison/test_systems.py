"""What can be compared: models here, servers of OpenAI's API, and what is refused before work."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from demo_model import DEMO, SAMPLES, sample_texts
from ngrams import write_language_model
from scripted_server import Answer, answers, error, scripted_server
from typer.testing import CliRunner

from trainer.cli import app, main
from trainer.comparison import Options, open_systems
from trainer.data import Record, Waveform
from trainer.errors import ComparisonError


def test_log_of_a_damaged_language_model_is_not_on_stdout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    shutil.copytree(DEMO, model, ignore=shutil.ignore_patterns("samples", "language_model"))
    news = write_language_model(model / "language_models/news", ["a", "a a"], order=2)
    next(news.glob("*.arpa")).write_text("\\data\\")
    given = ["compare", f"{model}?lm=news", str(model), "--manifest", str(SAMPLES), "--json"]
    monkeypatch.setattr("sys.argv", ["nordlyd-train", *given])
    with pytest.raises(SystemExit):
        main()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "language model cannot be used" in printed.err


class Tone:
    def waveform(self) -> Waveform:
        return np.sin(np.arange(8000) / 5, dtype=np.float32)


RECORDS = [Record(Tone(), "ja", language, "test", "", 0.5) for language in ("nb", "", "da")]


def text(written: str) -> Answer:
    return Answer(200, json.dumps({"text": written}))


def run(*arguments: str | Path) -> dict:
    answer = CliRunner().invoke(app, ["compare", *map(str, arguments), "--json"])
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


@pytest.mark.long
def test_models_are_decoded_as_evaluate_decodes_them(model_with_lm: Path) -> None:
    greedy = f"{model_with_lm}?decoder=greedy"
    found = run(
        model_with_lm, greedy, f"{model_with_lm}?decoder=beam&alpha=0", "--manifest", SAMPLES
    )
    answer = CliRunner().invoke(
        app, ["evaluate", str(model_with_lm), "--manifest", str(SAMPLES), "--json"]
    )
    measured = json.loads(answer.stdout)
    for system, name in zip(found["systems"], ("beam_lm", "greedy"), strict=False):
        assert system["wer"] == measured[f"{name}_wer"]
        assert system["cer"] == measured[f"{name}_cer"]
        assert system["intervals"]["wer"] == measured["intervals"][f"{name}_wer"]
        assert system["kind"] == "model"
        assert system["real_time_factor"] > 0
    low, high = found["differences"][0]["intervals"]["wer"]
    measured_low, measured_high = measured["lm_difference"]["interval"]
    assert (low, high) == pytest.approx((-measured_high, -measured_low))
    assert [item["system"] for item in found["differences"]] == [
        greedy, f"{model_with_lm}?decoder=beam&alpha=0",
    ]  # fmt: skip


@pytest.mark.long
def test_catalogue_id_and_folder_are_the_same_model() -> None:
    found = run("demo-nb", DEMO, "--manifest", SAMPLES, "--limit", "1")
    assert found["utterances"] == 1
    (difference,) = found["differences"]
    assert difference["wer"] == difference["cer"] == 0
    assert difference["words"]["both"] == len(sample_texts()[0].split())


def test_openai_server_gets_model_language_and_wav_and_is_tried_again() -> None:
    script = answers(error(503, retry_after="0"), text("Ja."), text("Nei"))
    with scripted_server(script) as server:
        address = f"{server.url}/v1?model=large&prompt=a%20b"
        system, _ = open_systems([address, f"{server.url}/v1?model=small"], Options())
        found = system.transcribe(RECORDS)
    assert found.texts == ("Ja.", "Nei", "Nei")
    assert found.refused == {}
    assert found.seconds > 0
    paths, bodies = zip(*server.requests, strict=True)
    assert set(paths) == {"/v1/audio/transcriptions"}
    assert len(bodies) == 4
    assert all(b"large" in body and b"a b" in body and b"RIFF" in body for body in bodies)
    languages = [b'name="language"' in body for body in bodies]
    assert languages == [True, True, False, True]


def test_recording_that_a_server_refuses_is_counted_and_the_others_continue() -> None:
    script = answers(text("ja"), error(400), text("nei"))
    with scripted_server(script) as server:
        system, _ = open_systems(
            [f"{server.url}/v1?model=a", f"{server.url}/v1?model=b"], Options()
        )
        found = system.transcribe(RECORDS)
    assert found.texts == ("ja", "", "nei")
    assert found.refused == {1: "No."}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (error(400), "refuses every recording: No."),
        (error(401), "utterance 1: No."),
        (error(404), "utterance 1: No."),
        (Answer(200, "{}"), "utterance 1: The answer has no `text`"),
        (Answer(200, "<html>"), "utterance 1: The answer is no JSON"),
    ],
)
def test_server_that_cannot_transcribe_ends_the_comparison(answer: Answer, message: str) -> None:
    with scripted_server(answers(answer)) as server:
        system, _ = open_systems(
            [f"{server.url}/v1?model=a", f"{server.url}/v1?model=b"], Options()
        )
        with pytest.raises(ComparisonError, match=message):
            system.transcribe(RECORDS)


@pytest.mark.parametrize(
    ("systems", "keys", "message"),
    [
        (["demo-nb"], {}, "at least two"),
        (["demo-nb", "demo-nb"], {}, "demo-nb is named twice"),
        (["demo-nb?greedy", "demo-da"], {}, "'greedy' is no option; accepted: NAME=VALUE"),
        (["demo-nb?colour=red", "demo-da"], {}, "no option 'colour'; accepted: decoder, "),
        (["demo-nb", "demo-da"], {"http://h/v1": "KEY"}, "a key for http://h/v1, which is not"),
        (["demo-nb", "http://h/v1?model=a"], {"http://h/v1": "NO_SUCH_KEY"}, "NO_SUCH_KEY is not"),
        (["demo-nb", "http://127.0.0.1:9/v1"], {}, "cannot be reached"),
    ],
)
def test_wrong_systems_are_refused_before_any_work(
    systems: list[str], keys: dict[str, str], message: str
) -> None:
    with pytest.raises(ComparisonError, match=message):
        open_systems(systems, Options(keys=keys))


def test_server_without_openai_list_of_models_needs_a_name() -> None:
    with (
        scripted_server(answers(text("ja"))) as server,
        pytest.raises(ComparisonError, match="does not list models"),
    ):
        open_systems(["demo-nb", f"{server.url}/v1"], Options())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo-nb", "demo-da"], "either --manifest or --data"),
        (["demo-nb", "demo-da", "--manifest", "m", "--key", "KEY"], "ADDRESS=VARIABLE"),
        (["demo-nb", "no-such-model", "--manifest", "m"], "no-such-model"),
        (["demo-nb", "demo-da?decoder=best", "--manifest", "m"], "decoder is 'best'"),
        (["demo-nb", "demo-da?lm=law", "--manifest", "m"], "lm is 'law'"),
        (["demo-nb", "demo-da", "--manifest", "none.jsonl"], "there is no manifest"),
    ],
)
def test_wrong_arguments_end_the_command_with_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["nordlyd-train", "compare", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
