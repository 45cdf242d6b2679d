"""Uploads a model folder to a repository of the Hugging Face hub, or of another one of its API."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from app.catalogue.cards import HUB_ID
from app.catalogue.files import RECORD_NAME, missing_files
from trainer.errors import PublishError

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

CARD = "README.md"
_OTHER_RUNTIMES = ("model.onnx", "model.bin")
# The record of a pull names the repository that the files came from.
_LEFT_OUT = (".*", "*/.*", "*.tmp", RECORD_NAME)
_STATE = "optimizer.pt"


@dataclass(frozen=True, slots=True)
class Published:
    """What a repository was given: the commit, and bytes by name of file.

    `created` is whether the repository was made for it.
    """

    repository: str
    url: str
    commit: str
    created: bool
    files: dict[str, int]


def published_files(folder: Path, exclude: Sequence[str] = ()) -> dict[str, int]:
    """Returns what would be published of a model folder: bytes by name, in order.

    Hidden files are left out.

    Args:
        folder: of `export`, or the `export` folder of a run.
        exclude: patterns of names to leave out, as in a shell; `*` takes `/` too.

    Raises:
        PublishError: the folder has no model that is complete, has no card, or is a checkpoint of
            a training.
    """
    if (folder / "export").is_dir():
        raise PublishError(f"{folder} is a run; publish {folder / 'export'}")
    if (folder / _STATE).is_file():
        raise PublishError(f"{folder} is a checkpoint to resume from; `export` makes a model of it")
    missing = missing_files(folder)
    if missing and not any((folder / name).is_file() for name in _OTHER_RUNTIMES):
        raise PublishError(f"{folder} is no model folder: it lacks {', '.join(missing)}")
    if not (folder / CARD).is_file():
        raise PublishError(f"{folder} has no {CARD}, the model card; `card` writes it")
    names = sorted(
        str(file.relative_to(folder).as_posix()) for file in folder.rglob("*") if file.is_file()
    )
    patterns = (*_LEFT_OUT, *exclude)
    kept = [name for name in names if not any(fnmatchcase(name, one) for one in patterns)]
    if CARD not in kept:
        raise PublishError(f"{CARD} is excluded; a repository needs its card")
    return {name: (folder / name).stat().st_size for name in kept}


def publish(
    folder: Path,
    repository: str,
    *,
    public: bool = False,
    revision: str | None = None,
    message: str | None = None,
    exclude: Sequence[str] = (),
    report: Callable[[dict[str, int]], None] = lambda _: None,
) -> Published:
    """Uploads a model folder, and makes the repository where there is none.

    The endpoint is that of HF_ENDPOINT, the token that of HF_TOKEN or of `hf auth login`. Files of
    the repository that the folder does not have stay.

    Args:
        folder: what to publish.
        repository: OWNER/NAME.
        public: whether a repository that is made can be read by everyone.
        revision: branch to commit to, which must exist; `main` without one.
        message: of the commit.
        exclude: patterns of names to leave out.
        report: called once with what is about to be uploaded.

    Raises:
        PublishError: the folder or the name is not fit, or the hub refuses or cannot be reached.
    """
    if not re.fullmatch(HUB_ID, repository):
        raise PublishError(f"{repository!r} is no id of a repository; accepted is OWNER/NAME")
    files = published_files(folder, exclude)
    report(files)
    from huggingface_hub import HfApi  # noqa: PLC0415 - slow to import
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415

    api = HfApi()
    try:
        created = not api.repo_exists(repository)
        if created:
            api.create_repo(repository, private=not public, exist_ok=True)
        done = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            revision=revision,
            commit_message=message or f"Publish {folder.resolve().name}",
            allow_patterns=[_literal(name) for name in files],
        )
    except HfHubHTTPError as error:
        raise PublishError(_refusal(repository, error)) from error
    # The client's transport errors come from httpx or httpx2, by its major version; what it says
    # of a card's metadata is a ValueError.
    except Exception as error:
        raise PublishError(f"{api.endpoint} did not take {repository}: {_line(error)}") from error
    return Published(repository, f"{api.endpoint}/{repository}", done.oid, created, files)


def _refusal(repository: str, error: "HfHubHTTPError") -> str:
    """Returns a line for the answer of a hub; names the remedy where a token is the cause."""
    status = error.response.status_code
    remedy = ""
    if status in {401, 403}:
        remedy = "; HF_TOKEN or `hf auth login` must give a token that may write there"
    reason = error.server_message or _line(error)
    return f"{repository} was refused with status {status}: {reason}{remedy}"


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _literal(name: str) -> str:
    """Returns a pattern that matches this name alone."""
    return re.sub(r"([*?[])", r"[\1]", name)
