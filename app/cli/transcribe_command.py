"""The arguments of `nordlyd transcribe` in, a plan for its work out."""

import os
from functools import partial
from typing import Annotated

import typer

from app.cli import arguments as shared
from app.cli.models import report_pull
from app.cli.quiet import configure_quiet_logging
from app.errors import InvalidRequestError
from app.settings import load_settings

_JOBS = 4


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
    language: shared.Language = None,
    model: shared.Model = None,
    decoder: shared.Decoder = None,
    beam_width: shared.BeamWidth = None,
    alpha: shared.Alpha = None,
    beta: shared.Beta = None,
    prune_logp: shared.PruneLogp = None,
    min_token_logp: shared.MinTokenLogp = None,
    hotwords: shared.Hotwords = None,
    n_best: shared.NBest = None,
    lm: shared.LanguageModel = None,
    format_text: shared.FormatText = False,
    remove_hesitations: shared.RemoveHesitations = False,
    mask_profanities: shared.MaskProfanities = False,
    track: shared.Track = None,
    strict: shared.Strict = False,
    encoding: shared.Encoding = None,
    rate: shared.Rate = None,
    channels: shared.Channels = None,
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Transcribe files on this machine, or by a server.

    Without --output the text goes to stdout, a line a file. With it, every
    file gets one of its name there for each format, and a run that was ended
    goes on where it was. A file that cannot be transcribed is reported and
    the others go on; the exit status is then 1.
    """
    fields = shared.given_fields(
        decoder=decoder,
        beam_width=beam_width,
        alpha=alpha,
        beta=beta,
        prune_logp=prune_logp,
        min_token_logp=min_token_logp,
        hotwords=hotwords,
        n_best=n_best,
        lm=lm,
        format_text=format_text,
        remove_hesitations=remove_hesitations,
        mask_profanities=mask_profanities,
        track=track,
        strict=strict,
        encoding=encoding,
        rate=rate,
        channels=channels,
    )
    formats = shared.read_formats(format, default="text")
    settings = load_settings(os.environ)
    configure_quiet_logging(settings)

    if n_best not in {None, "1"} and "json" not in formats and not as_json:
        raise InvalidRequestError(
            f"n_best is {n_best}: only --format json lists the readings.", param="n_best"
        )
    if word_cues and "vtt" not in formats:
        raise InvalidRequestError(
            "word_cues marks the words of WebVTT; accepted with it: --format vtt.",
            param="word_cues",
        )

    from app.cli.inputs import find_inputs  # noqa: PLC0415
    from app.cli.transcribe import Plan, transcribe_files  # noqa: PLC0415
    from app.cli.transcribing import Wanted  # noqa: PLC0415
    from app.cli.working import open_work  # noqa: PLC0415

    wanted = Wanted(language, model, fields)
    work = partial(open_work, settings, wanted, server=server, key=api_key, report=report_pull)
    plan = Plan(
        formats=formats,
        output=output,
        as_records=as_json,
        word_cues=word_cues,
        jobs=jobs,
        force=not resume,
        asked={"language": language, "model": model, "word_cues": word_cues, **fields},
    )
    whole = transcribe_files(work, find_inputs(files), plan)
    raise typer.Exit(0 if whole else 1)
