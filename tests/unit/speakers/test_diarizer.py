"""The diarizer on whole recordings, with weights that find one speaker everywhere."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from speaker_weights import write_weights

from app.audio import Recording
from app.errors import InvalidRequestError
from app.speakers import DiarizationOptions, Diarizer, Turn


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights") / "speakers")


@pytest.fixture
def diarizer(weights: Path) -> Iterator[Diarizer]:
    made = Diarizer(weights)
    yield made
    made.close()


def noise(seconds: float) -> Recording:
    random = np.random.default_rng(0)
    samples = 0.1 * random.normal(size=round(seconds * 16_000))
    return Recording.from_samples(samples.astype(np.float32))


def turns(diarizer: Diarizer, recording: Recording) -> tuple[Turn, ...]:
    return asyncio.run(diarizer.diarize(recording, DiarizationOptions()))


@pytest.mark.parametrize("seconds", [0.3, 4.0, 11.0])
def test_one_speaker_has_one_turn_over_the_windows(diarizer: Diarizer, seconds: float) -> None:
    (turn,) = turns(diarizer, noise(seconds))
    assert (turn.start, turn.end, turn.speaker) == (0.0, pytest.approx(seconds), 0)


def test_silence_and_too_short_sounds_have_no_speakers(diarizer: Diarizer) -> None:
    silence = Recording.from_samples(np.zeros(32_000, np.float32))
    assert turns(diarizer, silence) == ()
    assert turns(diarizer, Recording.from_samples(np.zeros(0, np.float32))) == ()
    assert turns(diarizer, noise(0.01)) == ()


def test_where_nobody_speaks_there_are_no_turns(tmp_path: Path) -> None:
    diarizer = Diarizer(write_weights(tmp_path / "speakers", always=0))
    assert turns(diarizer, noise(3.0)) == ()
    diarizer.close()


def test_two_recordings_are_diarized_at_once(diarizer: Diarizer) -> None:
    async def both() -> list[tuple[Turn, ...]]:
        options = DiarizationOptions()
        return await asyncio.gather(
            *(diarizer.diarize(noise(seconds), options) for seconds in (12.0, 3.0))
        )

    assert [found[-1].end for found in asyncio.run(both())] == [12.0, 3.0]


@pytest.mark.long
def test_cancelled_work_ends_and_the_next_recording_is_served(diarizer: Diarizer) -> None:
    async def run() -> tuple[Turn, ...]:
        task = asyncio.create_task(diarizer.diarize(noise(60.0), DiarizationOptions()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await diarizer.diarize(noise(2.0), DiarizationOptions())

    assert asyncio.run(run())[0].end == 2.0


def test_missing_weights_are_refused_with_the_command_that_fetches_them(tmp_path: Path) -> None:
    diarizer = Diarizer(tmp_path)
    with pytest.raises(InvalidRequestError, match="nordlyd speakers pull") as refused:
        diarizer.check()
    assert refused.value.param == "diarize"
    diarizer.close()


def test_missing_package_is_refused_with_the_extra_that_brings_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['kaldi_native_fbank'] = None\n"
        "from pathlib import Path\n"
        "from app.errors import NordlydError\n"
        "from app.speakers import Diarizer\n"
        "try: Diarizer(Path('.')).check()\n"
        "except NordlydError as error: print(error.message)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=True,
        timeout=60,
    )  # fmt: skip
    assert "pip install 'nordlyd[speakers]'" in done.stdout
