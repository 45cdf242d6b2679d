"""What every route shares that hands recordings in as jobs, in whatever protocol."""

from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO
from urllib.parse import unquote

import httpx

from app.api.outputs import base_name
from app.api.state import AppState
from app.api.uploads import RecordingFile
from app.audio.content_types import RecordingOptions
from app.contract.jobs import Job
from app.errors import NordlydError, UrlRefusedError
from app.jobs import Jobs, Submission


def check_webhook(state: AppState, url: str | None, param: str) -> None:
    """Refuses the URL of a webhook that the operator does not allow.

    Args:
        state: of the service.
        url: of the request; None for none.
        param: the field that gave it.

    Raises:
        UrlRefusedError: the URL is not allowed.
    """
    if url is None:
        return
    if state.fetcher is None:
        raise UrlRefusedError(
            f"This service sends nothing to URLs; accepted: no {param}.", param=param
        )
    try:
        state.fetcher.check(url)
    except UrlRefusedError as error:
        raise UrlRefusedError(error.message, param=param) from None


def open_source(
    source: RecordingFile | str, options: RecordingOptions
) -> tuple[BinaryIO | str, str, dict[str, object]]:
    """Opens a recording for a submission, which closes it.

    Args:
        source: a recording, or the URL of one.
        options: of the request.

    Returns:
        The open recording or the URL, its name, and the options of raw samples that its content
        type gives.

    Raises:
        AudioError: it is empty.
        InvalidRequestError: it is declared as raw samples without a rate.
    """
    if isinstance(source, str):
        return source, base_name(unquote(httpx.URL(source).path)), {}
    audio, decoding = source.open_to_decode(options)
    raw = decoding.raw
    declared: dict[str, object] = {}
    if raw is not None:
        declared = {"encoding": raw.encoding, "rate": raw.rate, "channels": raw.channels}
    return audio, base_name(source.name), declared


async def submit_all(jobs: Jobs, submissions: Sequence[Submission]) -> list[tuple[Job, bool]]:
    """Hands in all of several recordings or none.

    Returns:
        Each job, and whether it is new.

    Raises:
        NordlydError: one was refused; the new jobs of the others are erased.
    """
    made: list[tuple[Job, bool]] = []
    try:
        for submission in submissions:
            made.append(await jobs.submit(submission))
    except BaseException:
        close_all(submissions[len(made) :])
        for (job, is_new), submission in zip(made, submissions, strict=False):
            if is_new:
                with suppress(NordlydError):
                    await jobs.delete(submission.owner, job.id)
        raise
    return made


def close_all(submissions: Sequence[Submission]) -> None:
    """Closes the recordings of submissions that are not handed in."""
    for submission in submissions:
        if not isinstance(submission.source, str):
            submission.source.close()
