"""`nordlyd serve --ray` where Ray is not installed."""

import subprocess
from pathlib import Path

import pytest
from running import NORDLYD, environment

pytestmark = pytest.mark.long


@pytest.mark.parametrize("option", [["--ray"], ["--devices", "cpu,cpu"]])
def test_serve_names_the_extra_that_brings_ray(tmp_path: Path, option: list[str]) -> None:
    # Found before an installed one.
    (tmp_path / "ray.py").write_text("raise ModuleNotFoundError(\"No module 'ray'\", name='ray')")
    ended = subprocess.run(
        [NORDLYD, "serve", *option],
        env=environment({"DATA": str(tmp_path / "data")}) | {"PYTHONPATH": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "run: pip install 'nordlyd[ray]'" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
