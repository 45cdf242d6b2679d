"""`nordlyd adapt` on a copy of the bundled demo beside a running server: names are read at once."""

import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from demo_model import DEMO
from running import NORDLYD, RunningServer, environment

# A name that the demo's language model lacks, in a sentence that it has no text of.
NAME = "Sundhaug"
SENTENCE = "møtet ble ledet av kari sundhaug"


def speech(text: str) -> bytes:
    from trainer.speech.espeak import espeak

    spoken = espeak().speak(text, voice="nb+m3", rate=150, pitch=50)
    file = io.BytesIO()
    soundfile.write(file, spoken.samples, spoken.rate, format="WAV")
    return file.getvalue()


def adapt(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NORDLYD, "adapt", *map(str, arguments)],
        env=environment({}), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapted") / "demo"
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("report.*", "*.png"))
    return folder


@pytest.fixture(scope="module")
def running(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that was started before anything was adapted."""
    server = RunningServer(tmp_path_factory.mktemp("server"), {"MODELS": str(model)})
    yield server.wait_ready()
    assert server.stop() == 0


@pytest.mark.long
def test_name_is_read_at_once_by_a_running_server(
    running: RunningServer, model: Path, tmp_path: Path
) -> None:
    recording = speech(SENTENCE)
    minutes = tmp_path / "minutes.txt"
    minutes.write_text(
        "\n".join(
            f"Møtet ble ledet av {who}. Saken om {what} ble {done}."
            for who in ("ordføreren", "varaordføreren", "rådmannen", "lederen")
            for what in ("skolen", "reguleringsplanen", "vannverket")
            for done in ("vedtatt", "utsatt", "avvist")
        ),
        "utf-8",
    )
    (tmp_path / "names.txt").write_text(f"Kari {NAME}\n", "utf-8")
    with running.client() as client:

        def text(**query: str) -> str:
            answer = client.post("/transcribe", content=recording, params=query)
            assert answer.status_code == 200, answer.text
            return str(answer.json()["text"])

        assert NAME.lower() not in text()
        refused = client.post("/transcribe", content=recording, params={"lm": "council"})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "lm")
        done = adapt(
            model, minutes, "--names", tmp_path / "names.txt", "--name", "council", "--json"
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        facts = json.loads(done.stdout)
        assert facts["held_out"]["after"]["perplexity"] < facts["held_out"]["before"]["perplexity"]
        assert text(lm="council") == SENTENCE
        [listed] = client.get("/health").json()["models"]
        assert listed["language_models"] == ["council", "default"]
        assert NAME.lower() not in text()
    record = json.loads((model / "language_models" / "council.json").read_text("utf-8"))
    assert record == facts


@pytest.mark.long
def test_wrong_input_is_one_line_and_changes_nothing(model: Path, tmp_path: Path) -> None:
    (tmp_path / "odd.xyz").write_text("x")
    (tmp_path / "two.txt").write_text("Et ord.")
    for arguments, message in (
        ((model,), "give texts, names, or both"),
        ((model, tmp_path / "odd.xyz"), "the format .xyz is not read; accepted: .txt, .md, .docx"),
        ((model, tmp_path / "missing"), "there is no"),
        (("no-such-model", tmp_path), "the catalogue has"),
        ((model, tmp_path / "two.txt"), "too few to hold some of them out"),
    ):
        ended = adapt(*arguments, "--name", "wrong")
        assert (ended.returncode, ended.stdout) == (1, "")
        assert message in ended.stderr
        assert ended.stderr.count("\n") == 1
    assert not (model / "language_models" / "wrong").exists()
