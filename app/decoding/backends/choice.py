"""Opens an implementation of the beam search: the named one, or the fastest that is installed."""

from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Literal, cast

from app.decoding.backends.types import Backend
from app.decoding.columns import Alphabet
from app.decoding.language_model import LanguageModel
from app.decoding.native import load_library
from app.errors import ConfigurationError

BackendName = Literal["auto", "native", "ctc-beam-decoder", "pyctcdecode"]

# Fastest first.
_MODULES: dict[str, tuple[str | None, str]] = {
    "native": (None, "app.decoding.backends.native"),
    "ctc-beam-decoder": ("ctc_beam_decoder", "app.decoding.backends.ctc_beam"),
    "pyctcdecode": ("pyctcdecode", "app.decoding.backends.pyctc"),
}


@lru_cache(maxsize=1)
def available_backends() -> tuple[BackendName, ...]:
    """Returns the installed implementations, fastest first."""
    compiled: tuple[BackendName, ...] = ("native",) if load_library() is not None else ()
    return compiled + tuple(
        cast("BackendName", name)
        for name, (library, _) in _MODULES.items()
        if library is not None and find_spec(library) is not None
    )


def open_backend(
    name: BackendName, alphabet: Alphabet, language_model: LanguageModel | None
) -> Backend:
    """Opens a beam search.

    Args:
        name: a library, or auto for the first of `available_backends`.
        alphabet: of the hypotheses.
        language_model: shared by all searches that use it.

    Raises:
        ConfigurationError: the library is not installed.
    """
    available = available_backends()
    if name == "auto" and available:
        name = available[0]
    if name not in available:
        raise ConfigurationError(
            f"the decoder library {name} is not installed here; "
            f"installed: {', '.join(available) or 'none'} (a C compiler at install gives native, "
            "pip install 'nordlyd[pyctcdecode]' the library of that name)"
        )
    backend = import_module(_MODULES[name][1])
    return cast("Backend", backend.open_backend(alphabet, language_model))
