"""Which library searches the beam: the fastest one that is installed, or the one named."""

from importlib import import_module
from importlib.util import find_spec
from typing import Literal, cast

from app.decoding.backends.types import Backend
from app.decoding.language_model import LanguageModel
from app.errors import ConfigurationError

BackendName = Literal["auto", "pyctcdecode", "ctc-beam-decoder"]

# Fastest first.
_MODULES = {
    "ctc-beam-decoder": ("ctc_beam_decoder", "app.decoding.backends.ctc_beam"),
    "pyctcdecode": ("pyctcdecode", "app.decoding.backends.pyctc"),
}


def available_backends() -> tuple[BackendName, ...]:
    """The libraries that are installed, fastest first."""
    return tuple(
        cast("BackendName", name)
        for name, (library, _) in _MODULES.items()
        if find_spec(library) is not None
    )


def open_backend(
    name: BackendName, labels: tuple[str, ...], language_model: LanguageModel | None
) -> Backend:
    """Open a beam search.

    Args:
        name: a library, or auto for the first of `available_backends`.
        labels: of `Alphabet`.
        language_model: its heavy parts are built once and shared.

    Raises:
        ConfigurationError: the library is not installed.
    """
    available = available_backends()
    if name == "auto" and available:
        name = available[0]
    if name not in available:
        raise ConfigurationError(
            f"the decoder library {name} is not installed here; "
            f"installed: {', '.join(available) or 'none'}"
        )
    backend = import_module(_MODULES[name][1])
    return cast("Backend", backend.open_backend(labels, language_model))
