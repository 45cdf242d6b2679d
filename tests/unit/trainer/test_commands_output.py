"""What commands print: logs go to stderr, and stdout has one JSON object."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from demo_model import DEMO

# The callback of the application runs before every command.
LOGGING = """
import structlog, trainer.cli
@trainer.cli.app.callback()
def note() -> None:
    structlog.get_logger("app").warning("noted before the command", reason="a test")
trainer.cli.main()
"""


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (("plan", "demo-nb"), "total_steps"),
        pytest.param(("publish", DEMO, "own/demo", "--dry-run"), "files", marks=pytest.mark.long),
    ],
)
def test_logs_of_a_command_go_to_stderr_and_json_alone_to_stdout(
    tmp_path: Path, command: tuple[str | Path, ...], key: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOGGING, *command, "--json"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert key in json.loads(done.stdout)
    assert "noted before the command" in done.stderr
