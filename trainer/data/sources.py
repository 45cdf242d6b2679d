"""Opens a data source by the name that a recipe gives it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.data.annotations import AnnotationSource
from trainer.data.candidate import Source
from trainer.data.common_voice import COMMON_VOICE_DA, COMMON_VOICE_NN, CommonVoiceSource
from trainer.data.coral import CORAL_CONVERSATION, CORAL_READ_ALOUD
from trainer.data.fleurs import FLEURS_DA, FLEURS_NB
from trainer.data.ftspeech import FTSPEECH
from trainer.data.manifest import ManifestSource
from trainer.data.npsc import NPSC, NPSC_BOKMAAL, NPSC_NYNORSK
from trainer.data.nst import NST_DANISH, NST_NORWEGIAN, NST_NORWEGIAN_DISTANT
from trainer.data.published import PublishedSet, PublishedSource
from trainer.data.synthesised import SynthesisedSource
from trainer.data.tables import SUFFIXES
from trainer.errors import DataError

_ALL = (
    NPSC,
    NPSC_NYNORSK,
    NPSC_BOKMAAL,
    NST_NORWEGIAN,
    NST_NORWEGIAN_DISTANT,
    NST_DANISH,
    FTSPEECH,
    CORAL_READ_ALOUD,
    CORAL_CONVERSATION,
    FLEURS_DA,
    FLEURS_NB,
    COMMON_VOICE_DA,
    COMMON_VOICE_NN,
)
PUBLISHED: Mapping[str, PublishedSet] = {spec.name: spec for spec in _ALL}
"""Every published set by its name."""

LOCAL = ("synthesised", "manifest", "annotations")
"""Kinds of one's own data, named with a path or given with `--from`."""


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """A source and the split of it that a recipe names; `licence` is empty for one's own data."""

    source: Source
    split: str
    licence: str


def open_source(reference: str, folders: Mapping[str, Path]) -> OpenedSource:
    """Opens a source as a recipe names it; nothing is read yet.

    Args:
        reference: `npsc-nynorsk/train` for a published set; `synthesised:FOLDER/train`,
            `manifest:FILE`, `manifest:FOLDER/train` or `annotations:FOLDER` for one's own data.
        folders: where sets are, by their name or by that of their family; sets that are not
            there come from the hub.

    Raises:
        DataError: the name is not known, or the place of one's own data is not given.
    """
    kind, colon, path = reference.partition(":")
    if colon and kind in LOCAL:
        return _own(kind, Path(path))
    name, _, split = reference.rpartition("/")
    if name in LOCAL:
        if name not in folders:
            raise DataError(
                f"{reference} is one's own data: give its folder with --from {name}=FOLDER"
                + ("; `synthesise` makes such a folder" if name == "synthesised" else "")
            )
        return _own(name, folders[name] / split)
    if name not in PUBLISHED or not split:
        raise DataError(
            f"no source {reference!r}; accepted are NAME/SPLIT with one of "
            f"{', '.join(PUBLISHED)}, or one of {', '.join(f'{kind}:PATH' for kind in LOCAL)}"
        )
    spec = PUBLISHED[name]
    folder = folders.get(name, folders.get(spec.family))
    if folder is not None and not folder.is_dir():
        raise DataError(f"{folder}, given for {name}, is no folder")
    common_voice = spec.family == COMMON_VOICE_DA.family
    opened: Source = (CommonVoiceSource if common_voice else PublishedSource)(spec, folder)
    return OpenedSource(opened, split, spec.licence)


def _own(kind: str, path: Path) -> OpenedSource:
    if kind == "synthesised":
        return OpenedSource(SynthesisedSource(path.parent), path.name, "")
    if kind == "annotations":
        return OpenedSource(AnnotationSource(path), path.name, "")
    named = (path, *(path.with_name(path.name + suffix) for suffix in SUFFIXES))
    file = next((place for place in named if place.is_file()), None)
    if file is None:
        raise DataError(f"no manifest {path}, nor with {', '.join(SUFFIXES)} after it")
    return OpenedSource(ManifestSource(file), file.stem, "")
