"""One checkpoint of each shape, made once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkpoints import write_checkpoint


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, Any]]:
    """`checkpoint(shape, layout)`: the folder and the stock model it was written from."""
    made: dict[tuple[str, str], tuple[Path, Any]] = {}

    def get(shape: str, layout: str = "today") -> tuple[Path, Any]:
        if (shape, layout) not in made:
            folder = tmp_path_factory.mktemp(f"{shape}-{layout}")
            made[shape, layout] = (folder, write_checkpoint(folder, shape, layout=layout))
        return made[shape, layout]

    return get


@pytest.fixture(autouse=True)
def _kernels_share_their_work(two_threads: None) -> None:
    """Kernels divide rows among threads, so they are held to the reference with two."""
