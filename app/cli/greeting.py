"""What `nordlyd serve` prints once it is ready: where it listens, and a line to try."""

import shlex
from pathlib import Path

from app.catalogue import Catalogue, ModelCard
from app.settings import Settings

_AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a"})


def greet(settings: Settings, address: str) -> str:
    """Say where the service is, and how to try it where a loaded model brings a sample."""
    catalogue = Catalogue.load(settings.catalogue, settings.target_langs)
    cards = [catalogue.resolve(reference).card for reference in settings.models]
    lines = [f"Nordlyd is ready at {address} with {', '.join(card.id for card in cards)}."]
    for card in cards:
        sample = find_sample(settings.catalogue / card.id)
        if sample is not None:
            lines += [
                f"Open {address}/ in a browser, or try:",
                f"  {curl_line(address, card, sample, keys=settings.api_keys)}",
            ]
            break
    return "\n".join(lines)


def find_sample(folder: Path) -> Path | None:
    """The first recording in a model's `samples/`, in order of name."""
    return next(
        (
            path
            for path in sorted((folder / "samples").glob("*"))
            if path.suffix.lower() in _AUDIO_SUFFIXES
        ),
        None,
    )


def curl_line(address: str, card: ModelCard, sample: Path, *, keys: list[str]) -> str:
    """A command that sends a recording to a model; the path is short where it can be."""
    here = Path.cwd()
    path = sample.relative_to(here) if sample.is_relative_to(here) else sample
    words = ["curl", "-F", f"file=@{path}"]
    words += ["-F", f"language={card.languages[0]}" if card.languages else f"model={card.id}"]
    if keys:
        words += ["-H", "Authorization: Bearer YOUR_KEY"]
    return shlex.join([*words, f"{address}/transcribe"])
