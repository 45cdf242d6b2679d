"""`nordlyd jobs`: recordings handed in to a server, followed, fetched and erased."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from nordlyd_client.cli import options as shared
from nordlyd_client.cli.correct import correct
from nordlyd_client.cli.webhooks import webhooks
from nordlyd_client.contract.jobs import Job, JobStatus, TranscribeJobOptions
from nordlyd_client.contract.layout import FORMAT_OPTIONS, LayoutOptions
from nordlyd_client.errors import ClientError, InvalidRequestError

jobs_app = typer.Typer(
    help="Hand recordings in to a server, and fetch their texts later.", no_args_is_help=True
)

_PAGE = 100
_COLUMNS = ("id", "status", "progress", "handed in", "length", "name")

JobId = Annotated[str, typer.Argument(metavar="ID", help="Of a job, as submit and list print it.")]
AsJson = Annotated[bool, typer.Option("--json", help="A line of JSON for each job.")]


@jobs_app.command()
@shared.with_options(TranscribeJobOptions, leave_out=FORMAT_OPTIONS)
def submit(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILES", help="As of `nordlyd transcribe`."),
    ],
    *,
    text: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Align the words of this text with the recording."),
    ] = None,
    metadata: Annotated[
        str | None, typer.Option(metavar="JSON", help="An object that the job repeats.")
    ] = None,
    webhook_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the server posts the job's end.")
    ] = None,
    expires_in: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Erase it so long after its end.")
    ] = None,
    as_json: AsJson = False,
    options: dict[str, str],
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Hand in recordings; prints the id of each job."""
    from nordlyd_client.cli.inputs import find_inputs  # noqa: PLC0415

    fields: dict[str, Any] = {**options}
    if metadata is not None:
        fields["metadata"] = _metadata(metadata)
    if text is not None:
        fields["text"] = _read(text)
    fields |= {"webhook_url": webhook_url, "expires_in": expires_in}
    failed = False
    with _client(server, api_key) as client:
        for item in find_inputs(files):
            try:
                with item.open() as file:
                    job = client.jobs.submit(file, **fields)
            except OSError as error:
                failed = True
                _report(f"{item.shown}: cannot be read: {error.strerror or error}")
                continue
            print(job.model_dump_json() if as_json else job.id)
            sys.stdout.flush()
    raise typer.Exit(1 if failed else 0)


@jobs_app.command(name="list")
def list_jobs(
    *,
    status: Annotated[
        str | None,
        typer.Option(help="queued, processing, completed, failed or cancelled."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The newest ones.")] = 20,
    as_json: AsJson = False,
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """List your jobs, the newest first."""
    found: list[Job] = []
    after: str | None = None
    with _client(server, api_key) as client:
        while len(found) < limit:
            page = client.jobs.list(
                status=cast("JobStatus | None", status),
                limit=min(_PAGE, limit - len(found)),
                after=after,
            )
            found += page.jobs
            after = page.next
            if after is None:
                break
    if as_json:
        for job in found:
            print(job.model_dump_json())
    else:
        _print_table(found)


@jobs_app.command()
def show(
    job_id: JobId,
    *,
    as_json: AsJson = False,
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Show a job: its state, its progress, its error."""
    with _client(server, api_key) as client:
        _print_job(client.jobs.get(job_id), as_json=as_json)


@jobs_app.command()
def wait(
    job_id: JobId,
    *,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Wait no longer than this.")
    ] = None,
    as_json: AsJson = False,
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Wait for the end of a job; the exit status is 0 only where it is completed."""
    with _client(server, api_key) as client:
        job = client.jobs.wait(job_id, timeout=timeout)
    _print_job(job, as_json=as_json)
    raise typer.Exit(0 if job.status == "completed" else 1)


@jobs_app.command()
@shared.with_options(LayoutOptions)
def result(
    job_id: JobId,
    *,
    format: Annotated[
        str,
        typer.Option("--format", "-f", metavar="NAME", help=f"{', '.join(shared.FORMATS)}."),
    ] = "text",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there.")
    ] = None,
    options: dict[str, str],
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Fetch the result of a completed job."""
    [name] = shared.read_formats([format], default="text")
    layout = shared.take_layout(options, (name,))
    if output is None and name in shared.BINARY:
        raise InvalidRequestError(
            f"{name} is no text to print; it needs a file: --output FILE.", param="output"
        )
    with _client(server, api_key) as client:
        body = client.jobs.result(job_id, response_format=name, **layout.given())
    if isinstance(body, str):
        body = body.encode()
    if output is None:
        sys.stdout.write(body.decode() if body.endswith(b"\n") else f"{body.decode()}\n")
        return

    from nordlyd_client.watching import write_whole  # noqa: PLC0415

    try:
        write_whole(output, body)
    except OSError as error:
        raise InvalidRequestError(
            f"{output}: cannot be written: {error.strerror}.", param="output"
        ) from error


@jobs_app.command()
def delete(
    job_ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Of the jobs.")],
    *,
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Cancel jobs that have not ended, and erase all that is kept of them."""
    failed = False
    with _client(server, api_key) as client:
        for job_id in job_ids:
            try:
                client.jobs.delete(job_id)
            except ClientError as error:
                if error.code != "job_not_found":
                    raise
                failed = True
                _report(error.message)
    raise typer.Exit(1 if failed else 0)


jobs_app.command()(correct)
jobs_app.command()(webhooks)


@contextmanager
def _client(server: str | None, api_key: str | None) -> Iterator[Any]:
    """Opens the client of a server, by default of port 8000 of this machine."""
    from nordlyd_client.sync import Client  # noqa: PLC0415

    with Client(server, api_key) as client:
        yield client


def _metadata(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InvalidRequestError(
            f"the metadata is {text[:40]!r}; accepted: a JSON object.", param="metadata"
        )
    return value


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"{path}: cannot be read: {error}.", param="text") from error


def _report(message: str) -> None:
    print(f"nordlyd: {message}", file=sys.stderr)


def _print_job(job: Job, *, as_json: bool) -> None:
    if as_json:
        print(job.model_dump_json())
        return
    for name, value in job.model_dump(mode="json", exclude_none=True).items():
        if name == "error":
            print(f"error: {job.error.message if job.error else ''}")
        elif name == "progress":
            print(f"progress: {job.progress:.0%}")
        elif value != "":
            shown = (
                value if isinstance(value, str | float) else json.dumps(value, ensure_ascii=False)
            )
            print(f"{name}: {shown}")


def _print_table(jobs: list[Job]) -> None:
    rows = [_COLUMNS, *map(_row, jobs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[-1]]).rstrip())


def _row(job: Job) -> tuple[str, ...]:
    return (
        job.id,
        job.status,
        f"{job.progress:.0%}",
        _local(job.created_at),
        "" if job.duration is None else f"{job.duration:.0f} s",
        job.name,
    )


def _local(instant: datetime) -> str:
    return instant.astimezone().strftime("%Y-%m-%d %H:%M")
