"""The benchmark of the page measures each of its scenes."""

import json
import subprocess

import pytest
from running import NORDLYD, environment


@pytest.mark.long
def test_frames_of_every_scene_are_counted() -> None:
    done = subprocess.run(
        [NORDLYD, "bench", "page", "--hours", "0.1", "--words", "600", "--seconds", "1"],
        capture_output=True, text=True, check=True, env=environment({}),
    )  # fmt: skip
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["words"] == 600
    for scene in ("scrolls", "follows", "jumps", "edits"):
        assert result[f"{scene}_p95_ms"] > 0
    assert result["opened_ms"] > 0
