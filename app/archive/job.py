"""What an engine of the archive is given."""

from collections.abc import Callable
from dataclasses import dataclass

from app.archive.keeping import Texts
from app.archive.manifest import Manifest
from app.archive.progress import Progress
from app.catalogue import PullPlan
from app.contract.options import TranscribeOptions
from app.pipeline import Route, Transcriber
from app.pipeline.options import (
    decoding_options,
    diarization_options,
    formatting_options,
    redaction_options,
)
from app.settings import Settings
from app.speakers import DiarizationOptions


@dataclass(frozen=True, slots=True)
class ArchiveJob:
    """The work of one run.

    Attributes:
        settings: of the service, with one model.
        options: of every recording.
        manifest: has the pending recordings, and receives the results.
        texts: to be written for each.
        progress: counts.
        on_pull: called with what is about to be fetched from the hub, if anything is.
    """

    settings: Settings
    options: TranscribeOptions
    manifest: Manifest
    texts: Texts
    progress: Progress
    on_pull: Callable[[PullPlan], None] | None


def diarization_of(
    transcriber: Transcriber, options: TranscribeOptions
) -> DiarizationOptions | None:
    """Returns how the speakers of every recording are told apart; None where they are not.

    Raises:
        InvalidRequestError: the options contradict each other, or a package or the weights that
            this needs are missing.
    """
    diarization = diarization_options(options)
    transcriber.check_diarization(diarization)
    return diarization


def route_of(transcriber: Transcriber, options: TranscribeOptions) -> Route:
    """Returns the model and the options of every recording; the model must be loaded.

    Raises:
        InvalidRequestError: the model cannot be decoded so.
    """
    return transcriber.route(
        None,
        options.language,
        decoding_options(options),
        formatting_options(options),
        redaction_options(options),
    )
