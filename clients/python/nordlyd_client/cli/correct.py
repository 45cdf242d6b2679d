"""`nordlyd jobs correct`: a corrected transcript in place of a job's result."""

from pathlib import Path
from typing import Annotated

import typer

from nordlyd_client.cli import options as shared
from nordlyd_client.errors import InvalidRequestError


def correct(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="Of a completed transcription.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The corrected .json, .txt, .srt or .vtt.")
    ],
    *,
    training: Annotated[
        bool | None,
        typer.Option(
            "--training/--no-training",
            help="Allow it to be kept with the recording to train models, where the operator does; "
            "or withdraw that. As before by default.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the job as a line of JSON.")
    ] = False,
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Replace the result of a job by its corrected transcript."""
    from nordlyd_client.sync import Client  # noqa: PLC0415

    try:
        with Client(server, api_key) as client:
            job = client.jobs.correct(job_id, file, training=training)
    except OSError as error:
        raise InvalidRequestError(
            f"{file}: cannot be read: {error.strerror or error}.", param="file"
        ) from error
    if as_json:
        print(job.model_dump_json())
    else:
        kept = "kept for training" if job.training else "not kept for training"
        print(f"corrected: {job.id}, {kept}")
