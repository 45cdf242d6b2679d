"""The Dockerfile's install and start lines, run as written in a clean environment.

Needs the package index, so it is marked `image` and run by `make test-image`.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from image_build import Builder, Image
from service_client import post_tone

pytestmark = [pytest.mark.image, pytest.mark.timeout(1200), pytest.mark.xdist_group("image")]

KEY = "a-key-of-the-test"


@pytest.fixture(scope="module")
def builder(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    """Builds for a CPU: DEVICE=cuda would fetch gigabytes of CUDA."""
    folder = tmp_path_factory.mktemp("image")
    arguments = {"DEVICE": "cpu", "PIP_EXTRA_INDEX_URL": os.environ.get("PIP_EXTRA_INDEX_URL", "")}
    yield Builder(repository, folder, arguments)
    shutil.rmtree(folder)


@pytest.fixture
def image(builder: Builder) -> Image:
    """The last stage, which is the service's."""
    return builder.build()


@pytest.fixture
def container(
    image: Image, tiny_checkpoint: Path, new_port: Callable[[], int]
) -> Iterator[dict[str, str]]:
    """The environment of a container with one model in its volume, given keys and a port."""
    environment = image.environment | {
        "NORDLYD_API_KEYS": KEY,
        "NORDLYD_PORT": str(new_port()),
        "NORDLYD_MODELS": f"{image.environment['NORDLYD_STORE']}/tiny",
        "OMP_NUM_THREADS": "1",
    }
    model = Path(environment["NORDLYD_MODELS"])
    shutil.copytree(tiny_checkpoint, model)
    yield environment
    shutil.rmtree(model)


def test_image_starts_turns_healthy_transcribes_and_stops(
    image: Image, container: dict[str, str]
) -> None:
    check = image.command("HEALTHCHECK")
    [command, *arguments] = image.command("CMD")
    found = shutil.which(command, path=container["PATH"])
    assert found is not None
    assert Path(found).is_relative_to(image.root)
    with subprocess.Popen([found, *arguments], env=container, cwd=image.directory) as process:
        try:
            deadline = time.monotonic() + 120
            while subprocess.run(check, env=container, check=False).returncode != 0:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.5)
            address = f"http://127.0.0.1:{container['NORDLYD_PORT']}/transcribe"
            assert post_tone(address)[0] == 401
            status, answer = post_tone(address, key=KEY)
            assert status == 200
            assert answer["duration"] == pytest.approx(2.0)
        finally:
            process.send_signal(signal.Signals[image.stage.last("STOPSIGNAL").value])
        assert process.wait(timeout=60) == 0
    assert subprocess.run(check, env=container, check=False).returncode == 1


def test_public_address_without_keys_is_refused(image: Image, container: dict[str, str]) -> None:
    environment = container | {"NORDLYD_API_KEYS": ""}
    run = subprocess.run(
        image.command("CMD"), env=environment, capture_output=True, text=True, timeout=60,
        executable=shutil.which("nordlyd", path=environment["PATH"]),
        check=False,
    )  # fmt: skip
    assert run.returncode != 0
    assert "NORDLYD_API_KEYS" in run.stderr
    assert "Traceback" not in run.stderr


def test_catalogue_of_the_image_has_its_models(image: Image) -> None:
    nordlyd = shutil.which("nordlyd", path=image.environment["PATH"])
    assert nordlyd is not None
    run = subprocess.run(
        [nordlyd, "models", "list", "--json"],
        env=image.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    states = {row["id"]: row["state"] for row in json.loads(run.stdout)}
    for model in image.environment["NORDLYD_MODELS"].split(","):
        assert model in states
    # The voice activity detector brings its own, of a megabyte.
    weights = [path for path in image.root.rglob("*.safetensors") if "silero_vad" not in path.parts]
    assert not weights


def test_trainer_is_an_image_of_its_own(builder: Builder) -> None:
    trainer = builder.build("trainer")
    program, *arguments = trainer.command("ENTRYPOINT")
    found = shutil.which(program, path=trainer.environment["PATH"])
    assert found is not None
    for words, printed in ((trainer.command("CMD"), "Usage"), (["plan", "demo-da"], "updates")):
        run = subprocess.run(
            [found, *arguments, *words], env=trainer.environment, cwd=trainer.directory,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        assert printed in run.stdout
    check = [shutil.which("python", path=trainer.environment["PATH"]), "-c", "import transformers"]
    assert subprocess.run(check, env=trainer.environment, check=False).returncode == 0
    service = builder.build()
    assert subprocess.run(check, env=service.environment, check=False).returncode != 0


def test_cpu_image_without_its_index_fails_with_one_line(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    for name in [name for name in os.environ if name.upper().startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(subprocess.CalledProcessError):
        Builder(repository, tmp_path, {"DEVICE": "cpu"}).build()
    assert "DEVICE=cpu needs PIP_EXTRA_INDEX_URL" in capfd.readouterr().err


def test_unknown_device_fails_before_anything_is_fetched(
    repository: Path, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        Builder(repository, tmp_path, {"DEVICE": "gpu"}).build()
    assert "DEVICE is cuda or cpu, not 'gpu'" in capfd.readouterr().err
