"""Finds what a folder lacks to be a complete checkpoint; and the record that a pull leaves."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

RECORD_NAME = "pulled.json"
_INDEX = ".index.json"
# In the order of preference; an index stands for the shards that it names.
WEIGHTS = (
    "model.safetensors",
    f"model.safetensors{_INDEX}",
    "pytorch_model.bin",
    f"pytorch_model.bin{_INDEX}",
)
# Each entry is a list of alternatives, one of which must be there.
REQUIRED = (
    ("config.json",),
    WEIGHTS,
    ("vocab.json",),
    ("preprocessor_config.json", "processor_config.json"),
)


@dataclass(frozen=True, slots=True)
class PullRecord:
    """What a finished pull fetched: `files` maps path to size in bytes.

    `skipped` are files of the repository that were left out on purpose, such as the language
    model; a later pull that includes them fetches them. `target_lang` is the language whose
    adapter was searched for.
    """

    hub: str
    commit: str
    files: dict[str, int]
    skipped: tuple[str, ...] = ()
    target_lang: str | None = None


def store_folder(store: Path, hub: str) -> Path:
    """Returns the folder of a hub repository in the store: `<store>/<org>--<name>`."""
    return store / hub.replace("/", "--", 1)


def missing_files(folder: Path, target_lang: str | None = None) -> tuple[str, ...]:
    """Returns the names of required files that are absent, empty or shorter than was pulled.

    Alternatives are joined by ` or `. An empty result means the folder can be loaded, judged by
    names and sizes.

    Args:
        folder: where they should be.
        target_lang: the language of a multilingual checkpoint that is to be served; its adapter
            is missing where a pull did not look for it.
    """
    missing = [
        _alternatives(names)
        for names in REQUIRED
        if not any(_size(folder / name) for name in names)
    ]
    missing += _missing_shards(folder)
    record = read_record(folder)
    if record is not None:
        absent = " ".join(missing)
        missing += [
            name
            for name, size in record.files.items()
            if _size(folder / name) != size and name not in absent
        ]
        if target_lang not in {None, record.target_lang} and not any(
            _size(folder / name) for name in adapter_names(target_lang)
        ):
            missing.append(adapter_names(target_lang)[0])
    return tuple(missing)


def adapter_names(target_lang: str | None) -> tuple[str, str]:
    """Returns the names that a language's adapter may have, the preferred one first."""
    return f"adapter.{target_lang}.safetensors", f"adapter.{target_lang}.bin"


def lacking(names: Iterable[str]) -> tuple[str, ...]:
    """Returns what a repository of these files lacks to be a checkpoint."""
    return tuple(_alternatives(required) for required in REQUIRED if not set(required) & set(names))


def _alternatives(names: Sequence[str]) -> str:
    return " or ".join(name for name in names if not name.endswith(_INDEX))


def _missing_shards(folder: Path) -> list[str]:
    """Returns the shards that an index names and that are not there; none where one file holds all.

    Other faults of an index are reported by the loader.
    """
    chosen = next((name for name in WEIGHTS if _size(folder / name)), "")
    if not chosen.endswith(_INDEX):
        return []
    try:
        places = json.loads((folder / chosen).read_text(encoding="utf-8"))["weight_map"]
        return [name for name in sorted(set(places.values())) if not _size(folder / name)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def read_record(folder: Path) -> PullRecord | None:
    """Returns the record of the pull that made the folder; None if there is none to be read."""
    try:
        data = json.loads((folder / RECORD_NAME).read_text(encoding="utf-8"))
        return PullRecord(
            hub=data["hub"],
            commit=data["commit"],
            files={str(name): int(size) for name, size in data["files"].items()},
            skipped=tuple(data["skipped"]),
            target_lang=data.get("target_lang"),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_record(folder: Path, record: PullRecord) -> None:
    """Writes the record of a finished pull into its folder."""
    data = {
        "hub": record.hub,
        "commit": record.commit,
        "files": record.files,
        "skipped": list(record.skipped),
        "target_lang": record.target_lang,
    }
    (folder / RECORD_NAME).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def choose_files(
    names: Sequence[str], *, language_model: bool, target_lang: str | None = None
) -> tuple[str, ...]:
    """Returns the files of a repository that serving needs, of all the `names` in it.

    Safetensors are taken instead of `pytorch_model.bin` where both exist, one file instead of
    shards; training logs, optimizer states and other frameworks' weights are not taken. Of a
    multilingual repository's adapters that of `target_lang` is taken.
    """
    weights = next((name for name in WEIGHTS if name in names), "")
    adapter = next((name for name in adapter_names(target_lang) if name in names), None)
    shard = _shard_pattern(weights)
    return tuple(
        name
        for name in names
        if name in {weights, adapter}
        or name in _SMALL_FILES
        or (shard is not None and shard.fullmatch(name))
        or (language_model and name.startswith("language_model/"))
    )


def _shard_pattern(weights: str) -> re.Pattern[str] | None:
    """Returns what transformers calls the shards of an index; None where the weights are none."""
    if not weights.endswith(_INDEX):
        return None
    stem, suffix = weights.removesuffix(_INDEX).split(".")
    return re.compile(rf"{stem}-\d+-of-\d+\.{suffix}")


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
