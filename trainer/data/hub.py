"""Finds the Parquet files of a published dataset in a folder or on the Hugging Face hub."""

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import snapshot_download

from trainer.errors import DataError, first_line

CONVERTED = "refs/convert/parquet"
"""Where the hub keeps Parquet files of sets that are otherwise made by a loading script."""


def patterns(config: str | None, split: str) -> tuple[str, ...]:
    """Returns the places of a split's files in a repository, today's and earlier layouts."""
    prefix = config or "default"
    places = [
        f"{prefix}/{split}/*.parquet",
        # What the hub converts of a set over 5 GB is its beginning, under this name.
        f"{prefix}/partial-{split}/*.parquet",
        f"{prefix}/{split}-*.parquet",
        f"{prefix}/*-{split}-*.parquet",
        f"{prefix}/*-{split}.parquet",
    ]
    if config is None:
        places.append(f"data/{split}-*.parquet")
    return tuple(places)


def local_files(folder: Path, config: str | None, split: str) -> list[Path]:
    """Returns the files of a split in a folder laid out like the repository, or like one config.

    Raises:
        DataError: there are none.
    """
    places = (
        *patterns(config, split),
        f"{split}/*.parquet",
        f"{split}-*.parquet",
        f"*-{split}-*.parquet",
        f"{split}.parquet",
    )
    for place in places:
        if found := sorted(folder.glob(place)):
            return found
    raise DataError(f"{folder} holds no {split}; looked for {', '.join(places)}")


def hub_files(
    repository: str, revision: str | None, config: str | None, split: str, *, name: str
) -> list[Path]:
    """Downloads the files of a split, or finds them in the hub's cache.

    Args:
        repository: id on the hub.
        revision: branch or commit; None is the main branch.
        config: subset, where the set has several.
        split: the set's own name of it.
        name: the source's name, for the error.

    Raises:
        DataError: the hub does not have them.
    """
    try:
        folder = snapshot_download(
            repository,
            repo_type="dataset",
            revision=revision,
            allow_patterns=list(patterns(config, split)),
        )
    except Exception as error:  # the hub's client lets the errors of its HTTP library through
        raise DataError(
            f"{repository} is not available from the hub: {first_line(error)}; put its Parquet "
            f"files into a folder and give it with --from {name}=FOLDER"
        ) from error
    return local_files(Path(folder), config, split)


def is_partial(files: Sequence[Path]) -> bool:
    """Returns whether these are only the beginning of a split, as the hub converted it."""
    return any(file.parent.name.startswith("partial-") for file in files)
