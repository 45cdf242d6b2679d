"""A checkpoint folder's files: JSON objects, and paths that never lead out of the folder."""

import json
from pathlib import Path
from typing import Any

from app.acoustic.git_lfs import refuse_pointer
from app.errors import CheckpointError


def read_json(path: Path) -> dict[str, Any]:
    """Returns one JSON object from a checkpoint folder.

    Raises:
        CheckpointError: the file is missing, a Git LFS pointer, not JSON, or no object.
    """
    refuse_pointer(path)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} lacks {path.name}") from None
    except (ValueError, OSError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} holds {type(value).__name__}, not a JSON object")
    return value


def read_optional_json(path: Path) -> dict[str, Any]:
    """Returns one JSON object, an empty one where there is no such file.

    Raises:
        CheckpointError: as `read_json`, but for a missing file.
    """
    return read_json(path) if path.exists() else {}


def beside(folder: Path, name: object, *, named_by: Path) -> Path:
    """Returns the path of a file that another file of the folder names.

    Raises:
        CheckpointError: the name is no plain file name, so that it could lead out of the folder.
    """
    if (
        not isinstance(name, str)
        or not name
        or {"/", "\\", "\0"} & set(name)
        or name in {".", ".."}
    ):
        raise CheckpointError(
            f"{named_by} names the file {name!r}; only files of the folder itself are read"
        )
    return folder / name
