"""The bundled demo with a language model, for every package of the trainer."""

from pathlib import Path

import pytest
from demo_model import write_demo_with_language_model


@pytest.fixture(scope="session")
def model_with_lm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo_with_language_model(tmp_path_factory.mktemp("with-lm") / "demo-nb")
