"""Which rooms stay light: torch is brought along by app.acoustic alone, the trainer by nobody."""

import subprocess
import sys

LIGHT = (
    "app.api", "app.audio", "app.catalogue", "app.decoding", "app.engine", "app.main",
    "app.server", "app.settings", "app.formats", "nordlyd_client", "nordlyd_client.cli.command",
    "nordlyd_client.cli.run", "nordlyd_client.cli.remote", "app.cli.service", "app.cli.local",
    "app.cli.local_live", "app.cli.serve",
)  # fmt: skip


def test_only_the_acoustic_room_is_heavy() -> None:
    heavy = {"torch", "transformers", "huggingface_hub", "trainer"}
    code = f"import sys, {', '.join(LIGHT)}; print(*({heavy} & set(sys.modules)))"
    ended = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True
    )
    assert ended.stdout.split() == []
