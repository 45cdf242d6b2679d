"""Pulling from the hub with the real client against a hub on loopback."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hub_server import COMMIT, HubServer, contents

from app.catalogue import (
    HubOptions,
    ModelCard,
    PullPlan,
    ResolvedModel,
    locate,
    missing_files,
    pull,
)
from app.errors import ConfigurationError

CARD = ModelCard(id="model", hub="org/model", licence="unknown")
RESOLVED = ResolvedModel("model", None, CARD, "hub")


def test_pull_fetches_only_the_files_needed_for_serving(
    hub: HubServer, options: HubOptions, store: Path
) -> None:
    plans: list[PullPlan] = []
    folder = pull(CARD, store, options=options, report=plans.append)
    expected = {
        "config.json",
        "vocab.json",
        "preprocessor_config.json",
        "model.safetensors",
        "language_model/5gram.bin",
        "language_model/attrs.json",
    }
    assert folder == store / "org--model"
    found = contents(folder)
    # Which pulling writes, against damage later on.
    digest = hashlib.sha256(hub.files["language_model/5gram.bin"]).hexdigest()
    assert found.pop("language_model.sha256").decode().split() == [
        digest, "language_model/5gram.bin",
    ]  # fmt: skip
    assert found == {name: hub.files[name] for name in expected}
    assert plans[0].licence == "apache-2.0"
    assert plans[0].commit == COMMIT
    assert plans[0].total == sum(len(hub.files[name]) for name in expected)


def test_pickled_weights_are_pulled_without_safetensors(
    hub: HubServer, options: HubOptions, store: Path
) -> None:
    del hub.files["model.safetensors"]
    assert "pytorch_model.bin" in contents(pull(CARD, store, options=options))


def test_second_pull_and_later_start_send_no_request_to_the_hub(
    hub: HubServer, options: HubOptions, store: Path
) -> None:
    folder = pull(CARD, store, options=options)
    sent = list(hub.requests)
    assert pull(CARD, store, options=options) == folder
    assert locate(RESOLVED, store, allow_pull=True, options=options) == folder
    assert hub.requests == sent
    hub.close()
    assert locate(RESOLVED, store, allow_pull=False, options=options) == folder


def test_revision_of_the_card_is_pulled(hub: HubServer, options: HubOptions, store: Path) -> None:
    pull(CARD.model_copy(update={"revision": "v1"}), store, options=options)
    assert hub.requests[0] == "GET /api/models/org/model/revision/v1"
    with pytest.raises(ConfigurationError, match="no revision 'v9'"):
        pull(CARD.model_copy(update={"revision": "v9"}), store / "other", options=options)


def test_language_model_can_be_left_out_and_fetched_later(
    hub: HubServer, options: HubOptions, store: Path
) -> None:
    without = HubOptions(options.endpoint, options.cache, language_model=False)
    folder = pull(CARD, store, options=without)
    assert not (folder / "language_model").exists()
    assert locate(RESOLVED, store, allow_pull=False, options=options) == folder
    del hub.requests[:]
    pull(CARD, store, options=options)
    assert (folder / "language_model/5gram.bin").read_bytes() == hub.files[
        "language_model/5gram.bin"
    ]
    assert "model.safetensors" not in hub.fetched()


def test_interrupted_download_is_resumed(hub: HubServer, options: HubOptions, store: Path) -> None:
    hub.cut_once = {"model.safetensors"}
    folder = pull(CARD, store, options=options)
    assert (folder / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    assert hub.fetched().count("model.safetensors") == 2


def test_failed_pull_is_incomplete_and_resumed_by_the_next_one(
    hub: HubServer, options: HubOptions, store: Path
) -> None:
    hub.broken = {"model.safetensors"}
    with pytest.raises(ConfigurationError, match="the same command resumes from there") as caught:
        pull(CARD, store, options=options)
    assert "\n" not in caught.value.message
    with pytest.raises(ConfigurationError, match=r"missing .*model\.safetensors"):
        locate(RESOLVED, store, allow_pull=False, options=options)
    done = set(hub.fetched()) - hub.broken
    assert done
    hub.broken = set()
    del hub.requests[:]
    folder = pull(CARD, store, options=options)
    assert not missing_files(folder)
    assert "model.safetensors" in hub.fetched()
    assert not done & set(hub.fetched())


def test_killed_pull_is_incomplete_and_resumed_by_the_next_one(
    hub: HubServer, options: HubOptions, store: Path, tmp_path: Path
) -> None:
    hub.stalled = {"model.safetensors"}
    code = (
        "import sys; from pathlib import Path; from app.catalogue import *; "
        "pull(ModelCard(id='model', hub='org/model'), Path(sys.argv[1]))"
    )
    environment = os.environ | {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_OFFLINE": "0",
        "TRANSFORMERS_OFFLINE": "0",
    }
    with subprocess.Popen(
        [sys.executable, "-c", code, str(store)], env=environment, stderr=subprocess.DEVNULL
    ) as process:
        assert hub.stall_reached.wait(60)
        process.send_signal(signal.SIGKILL)
    assert list(store.rglob("*.incomplete"))
    with pytest.raises(ConfigurationError, match="missing"):
        locate(RESOLVED, store, allow_pull=False, options=options)
    hub.stalled = set()
    hub.stall_over.set()
    folder = pull(CARD, store, options=options)
    assert (folder / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    assert not list(store.rglob("*.incomplete"))
    assert not list(store.rglob("*.partial"))


def test_pull_that_fills_the_disk_is_resumed_once_there_is_room(
    hub: HubServer, options: HubOptions, store: Path, tmp_path: Path
) -> None:
    # In a process of its own: the limit holds for every file that it writes.
    code = (
        "import resource, sys; from pathlib import Path; from app.catalogue import *; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, 2**19)); "
        "options = HubOptions(endpoint=sys.argv[2], cache=Path(sys.argv[3]))\n"
        "try: pull(ModelCard(id='model', hub='org/model'), Path(sys.argv[1]), options=options)\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(store), hub.endpoint, str(options.cache)],
        env=os.environ | {"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "0"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    [line] = ended.stdout.splitlines()
    assert line.startswith("ConfigurationError")
    assert "File too large" in line
    assert "the same command resumes from there" in line
    with pytest.raises(ConfigurationError, match=r"missing .*model\.safetensors"):
        locate(RESOLVED, store, allow_pull=False, options=options)
    folder = pull(CARD, store, options=options)
    assert (folder / "model.safetensors").read_bytes() == hub.files["model.safetensors"]


def test_truncated_file_in_the_store_is_detected_and_fetched_again(
    hub: HubServer, options: HubOptions, store: Path
) -> None:
    folder = pull(CARD, store, options=options)
    (folder / "model.safetensors").write_bytes(b"safe")
    with pytest.raises(ConfigurationError, match=r"missing model\.safetensors"):
        locate(RESOLVED, store, allow_pull=False, options=options)
    assert locate(RESOLVED, store, allow_pull=True, options=options) == folder
    assert (folder / "model.safetensors").read_bytes() == hub.files["model.safetensors"]


def test_concurrent_pulls_fetch_each_file_once(
    hub: HubServer, options: HubOptions, store: Path
) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: pull(CARD, store, options=options), range(2))
    assert first == second
    assert hub.fetched().count("model.safetensors") == 1


def test_model_in_the_hugging_face_cache_is_used_without_a_copy(
    hub: HubServer, options: HubOptions, store: Path
) -> None:
    from huggingface_hub import snapshot_download

    cached = snapshot_download("org/model", cache_dir=options.cache, endpoint=hub.endpoint)
    hub.close()
    assert locate(RESOLVED, store, allow_pull=True, options=options) == Path(cached)
    assert not store.exists()


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ((401, "RepoNotFound"), "is not on the hub"),
        ((403, "GatedRepo"), "is gated"),
        ((500, ""), "did not answer"),
    ],
)
def test_error_status_of_the_hub_is_a_one_line_error(
    hub: HubServer, options: HubOptions, store: Path, refusal: tuple[int, str], words: str
) -> None:
    hub.refusal = refusal
    with pytest.raises(ConfigurationError, match=words) as caught:
        pull(CARD, store, options=options)
    assert "\n" not in caught.value.message
    assert not (store / "org--model").exists()


def test_repository_without_a_checkpoint_is_refused_before_the_download(
    hub: HubServer, options: HubOptions, store: Path
) -> None:
    del hub.files["vocab.json"]
    with pytest.raises(ConfigurationError, match=r"is no CTC checkpoint: it lacks vocab\.json"):
        pull(CARD, store, options=options)
    assert hub.fetched() == []


def test_insufficient_disk_space_is_reported_before_the_download(
    hub: HubServer, options: HubOptions, store: Path
) -> None:
    hub.declared_sizes = {"model.safetensors": 10**17}
    with pytest.raises(ConfigurationError, match=r"needs 100000000\.\d\d GB more in"):
        pull(CARD, store, options=options)
    assert hub.fetched() == []


def test_unwritable_store_is_a_one_line_error(options: HubOptions, store: Path) -> None:
    store.write_text("not a folder")
    with pytest.raises(ConfigurationError, match="cannot write to the store"):
        pull(CARD, store, options=options)


def test_pull_of_a_bundled_model_is_refused(store: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no hub id"):
        pull(ModelCard(id="demo"), store)


def test_unreachable_hub_error_names_files_locations_and_pull_command(
    hub: HubServer, options: HubOptions, store: Path
) -> None:
    hub.close()
    with pytest.raises(ConfigurationError) as caught:
        locate(RESOLVED, store, allow_pull=True, options=options)
    message = caught.value.message
    assert "\n" not in message
    for part in (
        "model model",
        "config.json",
        "model.safetensors or pytorch_model.bin",
        str(store / "org--model"),
        str(options.cache),
        f"{hub.endpoint} cannot be reached",
        "nordlyd models pull org/model",
        "HF_HOME",
    ):
        assert part in message


def test_hanging_connection_to_the_hub_times_out(
    options: HubOptions, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def hang(*_: object, **__: object) -> socket.socket:
        over.wait(60)
        raise TimeoutError

    monkeypatch.setattr("socket.create_connection", hang)
    impatient = HubOptions(options.endpoint, options.cache, reach_seconds=0.05)
    with pytest.raises(ConfigurationError, match=r"no answer in 0\.05 s"):
        locate(RESOLVED, store, allow_pull=True, options=impatient)
    over.set()


def test_offline_mode_sends_no_request(
    hub: HubServer, options: HubOptions, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigurationError, match="HF_HUB_OFFLINE is set"):
        locate(RESOLVED, store, allow_pull=True, options=options)
    assert hub.requests == []


def test_pull_connects_to_the_configured_proxy(
    hub: HubServer, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("no_proxy", "")
    options = HubOptions(endpoint="http://hub.invalid", cache=tmp_path / "cache")
    with pytest.raises(ConfigurationError, match="Connection refused"):
        pull(CARD, store, options=options)


def test_model_in_a_folder_does_not_import_the_hub_client_or_torch(
    tmp_path: Path, make_checkpoint: Callable[[Path], Path]
) -> None:
    folder = make_checkpoint(tmp_path / "mine")
    code = (
        "import sys; from pathlib import Path; from app.catalogue import *; "
        "models = Catalogue.load(Path(sys.argv[1])).resolve(sys.argv[2]); "
        "print(locate(models, Path(sys.argv[1]), True)); "
        "print(sorted({'huggingface_hub', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [str(folder), "[]"]
