"""`nordlyd models` as people use it: on a terminal, and for a model that is here already."""

import os
import pty
import subprocess
from pathlib import Path

from running import NORDLYD, environment

REPOSITORY = Path(__file__).resolve().parents[2]


def shown_on_a_terminal(*arguments: str, columns: int) -> str:
    screen, terminal = pty.openpty()
    running = subprocess.Popen(
        [NORDLYD, *arguments],
        env=environment({}) | {"TERM": "dumb", "COLUMNS": str(columns)},
        stdin=subprocess.DEVNULL,
        stdout=terminal,
    )
    os.close(terminal)
    shown = b""
    try:
        while piece := os.read(screen, 65_536):
            shown += piece
    except OSError:  # Linux ends a terminal that no process has open with an error.
        pass
    os.close(screen)
    assert running.wait(60) == 0
    return shown.decode()


def test_list_on_a_terminal_is_a_table_that_cuts_no_id() -> None:
    lines = shown_on_a_terminal("models", "list", columns=60).splitlines()
    first_words = [line.split()[0] for line in lines if line.strip()]
    assert first_words[0] == "id", lines
    assert {"demo-nb", "wav2vec2-large-danish-npsc-nst"} <= set(first_words)


def test_pull_of_a_model_that_is_here_prints_its_folder(tmp_path: Path) -> None:
    pulled = subprocess.run(
        [NORDLYD, "models", "pull", "demo-nb", REPOSITORY / "models" / "demo-da"],
        env=environment({"STORE": str(tmp_path)}),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert pulled.stdout.splitlines() == [
        str(REPOSITORY / "models" / name) for name in ("demo-nb", "demo-da")
    ]
    assert list(tmp_path.iterdir()) == []
