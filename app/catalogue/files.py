"""A folder in, what it lacks to be a whole checkpoint out; and the record that a pull leaves."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RECORD_NAME = "pulled.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
# Each entry is a list of alternatives, one of which must be there.
REQUIRED = (
    ("config.json",),
    WEIGHTS,
    ("vocab.json",),
    ("preprocessor_config.json", "processor_config.json"),
)


@dataclass(frozen=True, slots=True)
class PullRecord:
    """What a finished pull brought: `files` maps path to size in bytes.

    `skipped` are files of the repository that were left out on purpose, such as the language
    model; a later pull that wants them fetches them.
    """

    hub: str
    commit: str
    files: dict[str, int]
    skipped: tuple[str, ...] = ()


def store_folder(store: Path, hub: str) -> Path:
    """Return the folder of a hub repository in the store: `<store>/<org>--<name>`."""
    return store / hub.replace("/", "--", 1)


def missing_files(folder: Path) -> tuple[str, ...]:
    """Return the names of required files that are absent, empty or shorter than was pulled.

    Alternatives are joined by ` or `. An empty result means the folder can be loaded, as far as
    names and sizes tell.
    """
    missing = [
        " or ".join(names) for names in REQUIRED if not any(_size(folder / name) for name in names)
    ]
    record = read_record(folder)
    if record is not None:
        absent = " ".join(missing)
        missing += [
            name
            for name, size in record.files.items()
            if _size(folder / name) != size and name not in absent
        ]
    return tuple(missing)


def read_record(folder: Path) -> PullRecord | None:
    """Return the record of the pull that made the folder; None if there is none to be read."""
    try:
        data = json.loads((folder / RECORD_NAME).read_text(encoding="utf-8"))
        return PullRecord(
            hub=data["hub"],
            commit=data["commit"],
            files={str(name): int(size) for name, size in data["files"].items()},
            skipped=tuple(data["skipped"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_record(folder: Path, record: PullRecord) -> None:
    """Write the record of a finished pull into its folder."""
    data = {
        "hub": record.hub,
        "commit": record.commit,
        "files": record.files,
        "skipped": list(record.skipped),
    }
    (folder / RECORD_NAME).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def choose_files(names: Sequence[str], *, language_model: bool) -> tuple[str, ...]:
    """Return the files of a repository that serving needs, of all the `names` in it.

    Safetensors are taken instead of `pytorch_model.bin` where both exist; training logs,
    optimizer states and other frameworks' weights are not taken.
    """
    weights = next((name for name in WEIGHTS if name in names), None)
    return tuple(
        name
        for name in names
        if name == weights
        or name in _SMALL_FILES
        or (language_model and name.startswith("language_model/"))
    )


_SMALL_FILES = frozenset(
    {
        "config.json",
        "vocab.json",
        "added_tokens.json",
        "special_tokens_map.json",
        "tokenizer_config.json",
        "tokenizer.json",
        "preprocessor_config.json",
        "processor_config.json",
        "alphabet.json",
        "calibration.json",
        "LICENSE",
    }
)


def _size(path: Path) -> int:
    """Size in bytes; 0 for what is no readable file."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
