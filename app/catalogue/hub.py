"""Pulls a model from the hub into a folder of the store, `<store>/<org>--<name>/`.

Files are written to `<org>--<name>.partial`, which is renamed once every size is right, so an
interrupted pull is resumed and never counts as complete. A complete folder is never looked up on
the hub again. huggingface_hub is imported only when something must be fetched or its cache read.
"""

import shutil
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from app.catalogue.cards import ModelCard
from app.catalogue.files import (
    PullRecord,
    adapter_names,
    choose_files,
    lacking,
    missing_files,
    read_record,
    store_folder,
    write_record,
)
from app.errors import ConfigurationError
from app.kenlm_file import find_model, write_checksum

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

_INFO_TIMEOUT = 10.0
_DISK_RESERVE = 64 * 2**20


@dataclass(frozen=True, slots=True)
class HubOptions:
    """How to reach the hub.

    `endpoint` and `cache` default to HF_ENDPOINT, HF_HUB_CACHE and HF_HOME. `reach_seconds` bounds
    the first contact: a machine without network gets its error in that time, where the hub's client
    would resolve names and retry for half a minute.
    """

    endpoint: str | None = None
    cache: Path | None = None
    language_model: bool = True
    reach_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class PullPlan:
    """The files that a pull is about to fetch, with sizes in bytes; `licence` as on the hub."""

    model: str
    hub: str
    commit: str
    licence: str | None
    files: dict[str, int]
    skipped: tuple[str, ...]
    folder: Path

    @property
    def total(self) -> int:
        """Bytes of all files together."""
        return sum(self.files.values())


def pull(
    card: ModelCard,
    store: Path,
    *,
    options: HubOptions | None = None,
    report: Callable[[PullPlan], None] | None = None,
) -> Path:
    """Fetches a model from the hub into the store, unless it is there already.

    Args:
        card: the model; its `revision` is fetched, the default branch without one.
        store: folder of the pulled models, made if needed.
        options: endpoint, cache, and whether to take the language model.
        report: called once with what is about to be fetched.

    Returns:
        The folder with the model's files.

    Raises:
        ConfigurationError: the card has no hub id, the hub cannot be reached or refuses, the
            repository holds no CTC checkpoint, the store cannot be written or is too full, or
            the pull broke off.
    """
    options = options or HubOptions()
    if card.hub is None:
        raise ConfigurationError(f"{card.id} has no hub id: there is nothing to pull it from")
    folder = store_folder(store, card.hub)
    if _is_whole(folder, card, options):
        return folder
    _check_reachable(options)
    from filelock import FileLock  # noqa: PLC0415

    try:
        store.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{folder.name}.lock")):
            if not _is_whole(folder, card, options):
                _fetch(card, card.hub, folder, options, report)
    except OSError as error:
        raise ConfigurationError(f"cannot write to the store {store}: {error}") from error
    return folder


def find_in_cache(card: ModelCard, cache: Path | None = None) -> Path | None:
    """Returns the model's folder in the Hugging Face cache if it is complete. Needs no network."""
    if card.hub is None:
        return None
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415

    found = try_to_load_from_cache(card.hub, "config.json", cache_dir=cache, revision=card.revision)
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    return None if missing_files(folder, card.target_lang) else folder


def cache_folder(options: HubOptions) -> Path:
    """Returns the Hugging Face cache that `find_in_cache` searches."""
    from huggingface_hub import constants  # noqa: PLC0415

    return options.cache or Path(constants.HF_HUB_CACHE)


def _is_whole(folder: Path, card: ModelCard, options: HubOptions) -> bool:
    if missing_files(folder, card.target_lang):
        return False
    record = read_record(folder)
    return record is None or not (options.language_model and record.skipped)


def _fetch(
    card: ModelCard,
    hub: str,
    folder: Path,
    options: HubOptions,
    report: Callable[[PullPlan], None] | None,
) -> None:
    from huggingface_hub import snapshot_download  # noqa: PLC0415

    plan = _plan(card, hub, folder, options)
    if report is not None:
        report(plan)
    partial = folder.with_name(f"{folder.name}.partial")
    if folder.exists() and not partial.exists():
        folder.rename(partial)
    partial.mkdir(exist_ok=True)
    # The hub's client gives its temporary files random names and never resumes one.
    for left_over in partial.glob(".cache/**/*.incomplete"):
        left_over.unlink(missing_ok=True)
    _check_disk(plan, partial)
    try:
        snapshot_download(
            hub,
            revision=plan.commit,
            local_dir=partial,
            cache_dir=options.cache,
            endpoint=options.endpoint,
            allow_patterns=list(plan.files),
        )
    # The client's transport errors come from httpx or httpx2, by its major version.
    except Exception as error:
        raise ConfigurationError(
            f"pulling {hub} broke off: {_first_line(error)}; what arrived whole is kept in "
            f"{partial}, the same command resumes from there"
        ) from error
    short = [name for name, size in plan.files.items() if not _has_size(partial / name, size)]
    if short:
        raise ConfigurationError(
            f"pulling {hub} did not bring {', '.join(short)} whole; what arrived is kept in "
            f"{partial}, the same command resumes from there"
        )
    shutil.rmtree(partial / ".cache", ignore_errors=True)
    try:
        _write_checksums(partial)
        write_record(
            partial, PullRecord(hub, plan.commit, plan.files, plan.skipped, card.target_lang)
        )
    except OSError as error:
        raise ConfigurationError(
            f"{partial} cannot be written: {error.strerror}; the same command resumes from there"
        ) from error
    lost = missing_files(partial, card.target_lang)
    if lost:
        raise ConfigurationError(f"{hub} is no whole checkpoint: it lacks {', '.join(lost)}")
    if folder.exists():
        shutil.rmtree(folder)
    partial.rename(folder)


def _write_checksums(folder: Path) -> None:
    """Writes the checksum of the language model, so that later damage is detected."""
    language_model = folder / "language_model"
    if not language_model.is_dir():
        return
    try:
        write_checksum(find_model(language_model))
    except ConfigurationError:
        # The loader refuses the folder with this reason.
        return


def _plan(card: ModelCard, hub: str, folder: Path, options: HubOptions) -> PullPlan:
    info = _model_info(card, hub, options)
    sizes = {file.rfilename: int(file.size or 0) for file in info.siblings or ()}
    chosen = choose_files(
        tuple(sizes), language_model=options.language_model, target_lang=card.target_lang
    )
    absent = lacking(chosen)
    if absent:
        raise ConfigurationError(f"{hub} is no CTC checkpoint: it lacks {', '.join(absent)}")
    _check_adapter(hub, card.target_lang, sizes)
    complete = choose_files(tuple(sizes), language_model=True, target_lang=card.target_lang)
    data = info.card_data
    return PullPlan(
        model=card.id,
        hub=hub,
        commit=str(info.sha),
        licence=str(data.license) if data is not None and data.license else card.licence,
        files={name: sizes[name] for name in chosen},
        skipped=tuple(name for name in complete if name not in chosen),
        folder=folder,
    )


def _check_adapter(hub: str, target_lang: str | None, names: Iterable[str]) -> None:
    """Raises if a repository has adapters, but none for the target language."""
    adapters = [name.split(".")[1] for name in names if name.startswith("adapter.")]
    if target_lang is None or not adapters or set(adapter_names(target_lang)) & set(names):
        return
    near = [code for code in adapters if code[:2] == target_lang[:2]]
    raise ConfigurationError(
        f"{hub} has no adapter for target_lang {target_lang!r}; it has {len(adapters)}"
        f"{', near by: ' + ', '.join(near[:10]) if near else ''}",
        param="target_lang",
    )


def _model_info(card: ModelCard, hub: str, options: HubOptions) -> "ModelInfo":
    from huggingface_hub import HfApi  # noqa: PLC0415
    from huggingface_hub.errors import (  # noqa: PLC0415
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    api = HfApi(endpoint=options.endpoint)
    try:
        return api.model_info(
            hub, revision=card.revision, files_metadata=True, timeout=_INFO_TIMEOUT
        )
    except GatedRepoError as error:
        raise ConfigurationError(
            f"{hub} is gated: accept its terms on the hub and log in (hf auth login) to pull it"
        ) from error
    except RepositoryNotFoundError as error:
        raise ConfigurationError(
            f"{hub} is not on the hub, or is private and needs a login (hf auth login)"
        ) from error
    except RevisionNotFoundError as error:
        raise ConfigurationError(f"{hub} has no revision {card.revision!r}") from error
    # The client's transport errors come from httpx or httpx2, by its major version.
    except Exception as error:
        raise ConfigurationError(
            f"the hub {api.endpoint} did not answer: {_first_line(error)}"
        ) from error


def _check_reachable(options: HubOptions) -> None:
    """Raises if the hub cannot be reached within `reach_seconds`.

    The connection is made on a thread of its own because resolving a name cannot be interrupted.
    """
    from huggingface_hub import constants  # noqa: PLC0415

    endpoint = options.endpoint or constants.ENDPOINT
    if constants.HF_HUB_OFFLINE:
        raise ConfigurationError(f"the hub {endpoint} is not used: HF_HUB_OFFLINE is set")
    address = _first_hop(endpoint)
    failures: list[str] = []
    reached = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection(address, timeout=options.reach_seconds).close()
            reached.set()
        except OSError as error:
            failures.append(str(error))

    thread = threading.Thread(target=connect, name="nordlyd-hub-probe", daemon=True)
    thread.start()
    thread.join(options.reach_seconds)
    if not reached.is_set():
        reason = failures[0] if failures else f"no answer in {options.reach_seconds:g} s"
        raise ConfigurationError(f"the hub {endpoint} cannot be reached: {reason}")


def _first_hop(endpoint: str) -> tuple[str, int]:
    """Host and port that a request to the endpoint connects to: a proxy's where one is set."""
    url = urlsplit(endpoint)
    host = url.hostname or ""
    proxy = getproxies().get(url.scheme) or getproxies().get("all")
    if proxy and not proxy_bypass(host):
        url = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host = url.hostname or ""
    return host, url.port or (443 if url.scheme == "https" else 80)


def _check_disk(plan: PullPlan, partial: Path) -> None:
    need = sum(size for name, size in plan.files.items() if not _has_size(partial / name, size))
    free = shutil.disk_usage(partial).free
    if need + _DISK_RESERVE > free:
        raise ConfigurationError(
            f"{plan.hub} needs {need / 1e9:.2f} GB more in {partial.parent}, "
            f"which has {free / 1e9:.2f} GB free"
        )


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
