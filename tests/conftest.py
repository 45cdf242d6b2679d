"""Shared fixtures: sample files of every format, tiny checkpoints, and short sounds."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

# Before torch and numpy are loaded: two workers share the cores of a small machine, and threads
# that spin while they wait for each other stop both. `two_threads` is for tests of threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import pytest
from audio_samples import Sample, write_refused, write_samples
from checkpoints import write_tiny_checkpoint
from examples import ALL, FEW
from hypothesis import HealthCheck, settings
from sounds import as_wav, tones
from structlog.dev import ConsoleRenderer, plain_traceback

if TYPE_CHECKING:
    from s3_server import S3Server

# By default, the variables of each frame of a logged error are formatted: a second or more.
ConsoleRenderer.get_active().exception_formatter = plain_traceback

_SERVERS = Path(__file__).with_name("e2e")

# How long an example takes depends on what else the machine does.
for _profile, _number in (("all", ALL), ("quick", FEW)):
    settings.register_profile(
        _profile, deadline=None, max_examples=_number, suppress_health_check=[HealthCheck.too_slow]
    )
settings.load_profile("all")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out the files that have no test of the only mark: importing all takes long.

    A mark is in the text of a file, or the name of its folder.
    """
    mark = config.option.markexpr
    if not mark.isidentifier() or collection_path.suffix != ".py":
        return None
    found = mark in collection_path.parts or f"mark.{mark}" in collection_path.read_text("utf-8")
    return None if found else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of whole servers first.

    A worker takes over the last tests of the other: it would start the same servers for them.
    """
    items.sort(key=lambda item: _SERVERS not in item.path.parents)


def pytest_collection_finish() -> None:
    """Leaves the tests and all that they import out of every later garbage collection."""
    gc.collect()
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--python`."""
    parser.addoption(
        "--python",
        action="append",
        default=[],
        help="An interpreter that tests marked `pythons` install into; may be repeated.",
    )


@pytest.fixture(scope="session")
def audio_samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sample]:
    """One second of a chirp in every accepted format, by the format's name."""
    return write_samples(tmp_path_factory.mktemp("audio"))


@pytest.fixture(scope="session")
def refused_audio(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One file for each kind of refusal, by its name."""
    return write_refused(tmp_path_factory.mktemp("refused"))


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Lets torch and our kernels compute with two threads, as they do on two cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def clip() -> Callable[..., bytes]:
    """Makes a WAV: `clip(seed)` or `clip(seed, seconds)`."""

    def make(seed: int = 0, seconds: float = 1.5) -> bytes:
        return as_wav(tones(seed, seconds))

    return make


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of two tiny models: `tiny-nb` and `tiny-da`, each for its language."""
    folder = tmp_path_factory.mktemp("checkpoints")
    return {
        "tiny-nb": write_tiny_checkpoint(folder / "tiny-nb", languages=("nb",), seed=0),
        "tiny-da": write_tiny_checkpoint(folder / "tiny-da", languages=("da",), seed=1),
    }


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator["S3Server"]:
    """A running S3 server; tests that stop it start it again."""
    from s3_server import S3Server

    running = S3Server(tmp_path_factory.mktemp("s3"))
    yield running
    running.stop()
