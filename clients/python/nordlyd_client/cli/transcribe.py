"""`nordlyd transcribe`: its arguments, and the plan of work that they make."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Annotated

import typer

from nordlyd_client.cli import options as shared
from nordlyd_client.cli.backends import Backend
from nordlyd_client.cli.inputs import find_inputs
from nordlyd_client.cli.service import open_backend
from nordlyd_client.contract.options import TranscribeOptions
from nordlyd_client.errors import InvalidRequestError

_JOBS = 4


@shared.with_options(TranscribeOptions, leave_out=("word_cues",))
def transcribe(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES",
            help="Audio or video files, folders, globs ('**' for any depth), or - for stdin.",
        ),
    ],
    *,
    format: shared.Formats = None,
    output: shared.Output = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume/--force", help="With --output: leave what is done, or do all again."
        ),
    ] = True,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, metavar="N", help="Files at once.")
    ] = _JOBS,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a file, as each is done.")
    ] = False,
    word_cues: shared.WordCues = False,
    options: dict[str, str],
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Transcribe files on this machine, or by a server, as jobs where there are several.

    Without --output the text goes to stdout, a line a file. With it, every
    file gets one of its name there for each format, and a run that was
    interrupted continues where it was. A file that cannot be transcribed is
    reported and the others continue; the exit status is then 1.
    """
    formats = shared.read_formats(format, default="text")
    n_best = options.get("n_best", "1")
    if n_best != "1" and "json" not in formats and not as_json:
        raise InvalidRequestError(
            f"n_best is {n_best}: only --format json lists the alternatives.", param="n_best"
        )
    layout = shared.take_layout(options, formats, word_cues=word_cues)

    from nordlyd_client.cli.run import Plan, transcribe_files  # noqa: PLC0415

    # What decides the text; its names and values are kept in the folder for the next run.
    request: dict[str, object] = {
        "language": None,
        "model": None,
        "word_cues": word_cues,
        **layout.given(),
        **options,
    }
    plan = Plan(
        formats=formats,
        output=output,
        as_records=as_json,
        word_cues=word_cues,
        layout=layout,
        jobs=jobs,
        force=not resume,
        request=request,
    )
    inputs = find_inputs(files)
    opened: Callable[[], AbstractAsyncContextManager[Backend]]
    if server is not None and (output is not None or len(inputs) > 1):
        from nordlyd_client.cli.remote_jobs import open_job_backend  # noqa: PLC0415

        opened = partial(open_job_backend, server, api_key, options, uploads=jobs, folder=output)
    else:
        opened = partial(open_backend, options, server=server, key=api_key)
    complete = transcribe_files(opened, inputs, plan)
    raise typer.Exit(0 if complete else 1)
