"""A service whose only model is a multilingual folder without a card, as it comes from the hub."""

import json
from collections.abc import Iterator

import httpx
import pytest
from checkpoints import ALPHABETS, write_multilingual_checkpoint
from running import RunningServer

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("alone")
    model = write_multilingual_checkpoint(folder / "mms")
    settings = {
        "MODELS": str(model),
        "TARGET_LANGS": json.dumps({"mms": "nob"}),
        "DTYPE": "float32",
        "LOG_FORMAT": "json",
    }
    running = RunningServer(folder, settings).wait_ready()
    yield running
    assert running.stop() == 0


@pytest.fixture
def client(alone: RunningServer) -> Iterator[httpx.Client]:
    with alone.client() as connected:
        yield connected


@pytest.mark.parametrize("language", ["nb", "nob", "Norwegian Bokmål"])
def test_only_model_serves_an_undeclared_language_with_a_warning(client, clip, language) -> None:
    answer = client.post("/transcribe", files={"file": clip()}, data={"language": language})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["language"], answer.json()["model"]) == ("nb", "mms")
    (warning,) = answer.json()["warnings"]
    assert warning["code"] == "language_undeclared"
    assert "mms" in warning["message"]


def test_request_with_a_model_or_without_a_language_has_no_warning(client, clip) -> None:
    for fields in ({"model": "mms", "language": "nb"}, {}):
        answer = client.post("/transcribe", files={"file": clip()}, data=fields)
        assert answer.status_code == 200, answer.text
        assert answer.json()["warnings"] == []


def test_target_lang_setting_selects_adapter_and_vocabulary(alone, client, clip) -> None:
    text = client.post("/transcribe", files={"file": clip(1, 4.0)}).json()["text"]
    assert text
    assert set(text) <= {*ALPHABETS["nob"], " "}
    chosen = [line for line in alone.log.read_text().splitlines() if '"target_lang"' in line]
    assert [json.loads(line)["target_lang"] for line in chosen] == ["nob"]
