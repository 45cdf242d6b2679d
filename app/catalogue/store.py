"""Locates the folder of a resolved model; an error names the files that are missing."""

from collections.abc import Callable
from pathlib import Path

from app.catalogue.catalogue import ResolvedModel
from app.catalogue.files import missing_files, store_folder
from app.catalogue.hub import HubOptions, PullPlan, cache_folder, find_in_cache, pull
from app.errors import ConfigurationError


def locate(
    resolved: ResolvedModel,
    store: Path,
    allow_pull: bool,
    *,
    options: HubOptions | None = None,
    report: Callable[[PullPlan], None] | None = None,
) -> Path:
    """Returns a folder with every file the model needs.

    Looks in the model's own folder, else in the store, else in the Hugging Face cache, and only
    then, if allowed, pulls from the hub. The first three need no network.

    Raises:
        ConfigurationError: one line naming the missing files, where they were looked for and
            how to get them.
    """
    if resolved.folder is not None:
        missing = missing_files(resolved.folder)
        if missing:
            raise ConfigurationError(
                _line(resolved.id, missing, f"in {resolved.folder}", _advice(resolved)),
                param="models",
            )
        return resolved.folder
    options = options or HubOptions()
    folder = _in_store(resolved, store)
    missing = missing_files(folder, resolved.card.target_lang)
    if not missing:
        return folder
    cached = find_in_cache(resolved.card, options.cache)
    if cached is not None:
        return cached
    where = f"in {folder} and the Hugging Face cache {cache_folder(options)}"
    advice = _advice(resolved, folder)
    if not allow_pull:
        raise ConfigurationError(_line(resolved.id, missing, where, advice), param="models")
    try:
        return pull(resolved.card, store, options=options, report=report)
    except ConfigurationError as error:
        raise ConfigurationError(
            _line(resolved.id, missing, where, f"{error.message}; {advice}"), param="models"
        ) from error


def _in_store(resolved: ResolvedModel, store: Path) -> Path:
    if resolved.card.hub is None:
        raise ConfigurationError(
            f"model {resolved.id} has neither a folder nor a hub id", param="models"
        )
    return store_folder(store, resolved.card.hub)


def _line(model: str, missing: tuple[str, ...], where: str, advice: str) -> str:
    return f"model {model}: missing {', '.join(missing)} (looked {where}); {advice}"


def _advice(resolved: ResolvedModel, folder: Path | None = None) -> str:
    if folder is None:
        return (
            "the files of a bundled model come with the repository: check it out again"
            if resolved.source == "bundled"
            else "the folder must hold a whole CTC checkpoint"
        )
    return (
        f"on a machine with network run `nordlyd models pull {resolved.card.hub}` and copy the "
        f"folder it prints to {folder}, or set HF_HOME to a Hugging Face cache that has it"
    )
