"""Transcribes many recordings, several at once, and prints or writes their texts.

A recording that is finished stays finished, however the run ends.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from nordlyd_client.cli.backends import Backend, Input
from nordlyd_client.cli.folder import OutputFolder
from nordlyd_client.cli.options import check_printable
from nordlyd_client.cli.printing import (
    Failures,
    Printer,
    Records,
    Result,
    Texts,
    Watch,
    watching,
)
from nordlyd_client.contract.layout import Layout
from nordlyd_client.errors import ClientError, InvalidRequestError, UnreachableError
from nordlyd_client.formats import render
from nordlyd_client.values import Transcription

_SHOWN_FAILURES = 20
_BY_LINES = frozenset({"text", "json", "ctm"})
# Statuses that concern the request, its sender or the server, unless the recording is at fault.
_HOPELESS = frozenset({400, 401, 403, 404, 429, 503})
_OF_A_FILE = frozenset({"file", "url"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with every recording.

    Attributes:
        formats: what to write.
        output: the folder to write to; None prints.
        as_records: print one JSON object a recording.
        word_cues: mark words in WebVTT.
        layout: of text, md, f4 and docx.
        jobs: recordings in progress at once.
        force: do again what was done.
        request: everything that decides the text; a recording is done again where it differs.
    """

    formats: tuple[str, ...]
    output: Path | None
    as_records: bool
    word_cues: bool
    layout: Layout
    jobs: int
    force: bool
    request: dict[str, object]


@dataclass(slots=True)
class Tally:
    """How many recordings were transcribed, skipped, and failed, and why."""

    done: int = 0
    skipped: int = 0
    failures: list[tuple[Input, str]] = field(default_factory=list)


def transcribe_files(
    open_backend: Callable[[], AbstractAsyncContextManager[Backend]],
    inputs: Sequence[Input],
    plan: Plan,
) -> bool:
    """Transcribes recordings, and prints or writes their texts.

    Returns:
        Whether every recording was transcribed.

    Raises:
        ClientError: no recording can be transcribed.
        KeyboardInterrupt: the run was interrupted; what is finished is kept.
    """
    check_plan(plan, inputs)
    tally = Tally()
    with ExitStack() as stack:
        folder = None
        if plan.output is not None:
            folder = OutputFolder(plan.output, inputs, plan.formats, plan.request, force=plan.force)
            stack.callback(folder.close)
            stack.callback(_sum_up, folder, tally, len(inputs))
        printer = _printer(plan, named=len(inputs) > 1)
        stack.callback(printer.end)
        watch = stack.enter_context(watching(inputs))
        asyncio.run(_Run(plan, folder, printer, watch, tally).all(open_backend, inputs))
    return not tally.failures


def check_plan(plan: Plan, inputs: Sequence[Input]) -> None:
    """Checks that the output can be printed where it is not written to a folder.

    Raises:
        InvalidRequestError: several formats, or recordings in a format that is a whole file.
    """
    if plan.output is not None or plan.as_records:
        return
    check_printable(plan.formats)
    if len(inputs) > 1 and not _BY_LINES.issuperset(plan.formats):
        raise InvalidRequestError(
            f"several recordings as {plan.formats[0]} need a folder: --output DIR.", param="output"
        )


def files_of(answer: Transcription, item: Input, plan: Plan) -> dict[str, bytes]:
    """Returns the file of each format of the plan."""
    return {
        name: f"{answer.body}\n".encode()
        if name == "json"
        else render(
            answer,
            name,
            recording=item.path.name,
            word_cues=plan.word_cues,
            layout=plan.layout,
        ).body
        for name in plan.formats
    }


@dataclass(frozen=True, slots=True)
class _Run:
    plan: Plan
    folder: OutputFolder | None
    printer: Printer
    watch: Watch
    tally: Tally

    async def all(
        self,
        open_backend: Callable[[], AbstractAsyncContextManager[Backend]],
        inputs: Sequence[Input],
    ) -> None:
        waiting = iter([item for item in inputs if not self._skip(item)])
        # No model is loaded where everything is done already.
        first = next(waiting, None)
        if first is None:
            return
        waiting = iter([first, *waiting])
        async with open_backend() as backend:
            self.watch.loaded()

            async def worker() -> None:
                for item in waiting:
                    await self._one(backend, item)

            workers = [
                asyncio.create_task(worker()) for _ in range(backend.at_once(self.plan.jobs))
            ]
            try:
                await asyncio.gather(*workers)
            finally:
                for task in workers:
                    task.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    def _skip(self, item: Input) -> bool:
        if self.folder is None or not self.folder.is_done(item):
            return False
        self.tally.skipped += 1
        self.watch.skipped(item)
        self.printer.show(Result(item, outputs=self.folder.outputs(item)))
        return True

    async def _one(self, backend: Backend, item: Input) -> None:
        try:
            if self.folder is not None:
                self.folder.check(item)
        except InvalidRequestError as error:
            self._fail(item, error)
            return
        try:
            with self.watch.running(item) as bar:
                answer = await backend.transcribe(item, bar.update)
        except ClientError as error:
            if _is_hopeless(error):
                raise
            self._fail(item, error)
            return
        files = await asyncio.to_thread(self._keep, item, answer)
        self.tally.done += 1
        self.watch.finished(seconds=answer.duration)
        outputs = {} if self.folder is None else self.folder.outputs(item)
        self.printer.show(Result(item, files, outputs, answer))
        await backend.kept(item)

    def _keep(self, item: Input, answer: Transcription) -> dict[str, bytes]:
        files = files_of(answer, item, self.plan)
        if self.folder is not None:
            self.folder.write(item, files)
        return files

    def _fail(self, item: Input, error: ClientError) -> None:
        self.tally.failures.append((item, error.message))
        self.watch.finished(failed=True)
        self.printer.show(Result(item, error=error))


def _is_hopeless(error: ClientError) -> bool:
    """Returns whether every other recording would fail in the same way."""
    if isinstance(error, UnreachableError):
        return True
    return error.status in _HOPELESS and error.param not in _OF_A_FILE


def _printer(plan: Plan, *, named: bool) -> Printer:
    if plan.as_records:
        return Records()
    return Texts(named=named) if plan.output is None else Failures()


def _sum_up(folder: OutputFolder, tally: Tally, count: int) -> None:
    """Prints a summary on stderr, and writes the list of failures."""
    failures = sorted(tally.failures, key=lambda failure: failure[0].number)
    parts = [f"{tally.done} transcribed"]
    if tally.skipped:
        parts.append(f"{tally.skipped} done before")
    if tally.failures:
        parts.append(f"{len(tally.failures)} failed")
    left = count - tally.done - tally.skipped - len(tally.failures)
    if left:
        parts.append(f"{left} not begun or not finished; the same command continues")
    print(f"nordlyd: {', '.join(parts)} ({folder.folder})", file=sys.stderr)
    listed = folder.list_failures(failures)
    if listed is not None:
        for item, _ in failures[:_SHOWN_FAILURES]:
            print(f"nordlyd: failed: {item.shown}", file=sys.stderr)
        print(f"nordlyd: {listed} lists the reasons", file=sys.stderr)
