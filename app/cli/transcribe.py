"""`nordlyd transcribe`: recordings in, their texts on stdout or in a folder out.

Several recordings are on their way at once; what is done stays done, however the run ends.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from app.cli.folder import OutputFolder
from app.cli.inputs import Input
from app.cli.printing import Failures, Printer, Records, Result, Texts
from app.cli.progress import Watch, watching
from app.cli.transcribing import Transcribed, Transcribing
from app.client import UnreachableError
from app.errors import InvalidRequestError, NordlydError
from app.formats import render

_SHOWN_FAILURES = 20
_BY_LINES = frozenset({"text", "json", "ctm"})
# Statuses for what was asked, who asked or who answers, unless a recording is at fault.
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
        jobs: recordings on their way at once.
        force: do again what was done.
        asked: all that decides what a transcript says, so that another wish is new work.
    """

    formats: tuple[str, ...]
    output: Path | None
    as_records: bool
    word_cues: bool
    jobs: int
    force: bool
    asked: dict[str, object]


@dataclass(slots=True)
class Tally:
    """How many recordings were transcribed, skipped, and failed, and why."""

    done: int = 0
    skipped: int = 0
    failures: list[tuple[Input, str]] = field(default_factory=list)


def transcribe_files(
    work: Callable[[], AbstractAsyncContextManager[Transcribing]],
    inputs: Sequence[Input],
    plan: Plan,
) -> bool:
    """Transcribe recordings and print or write what they say.

    Returns:
        Whether every recording was transcribed.

    Raises:
        NordlydError: nothing more can be transcribed, whatever the recordings are.
        KeyboardInterrupt: somebody ended it; what is done is kept.
    """
    check_plan(plan, inputs)
    tally = Tally()
    with ExitStack() as stack:
        folder = None
        if plan.output is not None:
            folder = OutputFolder(plan.output, inputs, plan.formats, plan.asked, force=plan.force)
            stack.callback(folder.close)
            stack.callback(_sum_up, folder, tally, len(inputs))
        printer = _printer(plan, named=len(inputs) > 1)
        stack.callback(printer.end)
        watch = stack.enter_context(watching(inputs))
        asyncio.run(_Run(plan, folder, printer, watch, tally).all(work, inputs))
    return not tally.failures


def check_plan(plan: Plan, inputs: Sequence[Input]) -> None:
    """Refuse what could only be printed as a jumble.

    Raises:
        InvalidRequestError: there is no way to print that.
    """
    if plan.output is not None or plan.as_records:
        return
    if len(plan.formats) > 1:
        raise InvalidRequestError(
            f"several formats ({', '.join(plan.formats)}) need a folder: --output DIR.",
            param="output",
        )
    if len(inputs) > 1 and not _BY_LINES.issuperset(plan.formats):
        raise InvalidRequestError(
            f"several recordings as {plan.formats[0]} need a folder: --output DIR.", param="output"
        )


def texts_of(transcribed: Transcribed, item: Input, plan: Plan) -> dict[str, str]:
    """The texts of all formats that are asked for."""
    return {
        name: transcribed.body + "\n"
        if name == "json"
        else render(
            transcribed.transcript, name, recording=item.path.name, word_cues=plan.word_cues
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
        work: Callable[[], AbstractAsyncContextManager[Transcribing]],
        inputs: Sequence[Input],
    ) -> None:
        waiting = iter([item for item in inputs if not self._skip(item)])
        # Nothing is loaded for nothing.
        first = next(waiting, None)
        if first is None:
            return
        waiting = iter([first, *waiting])
        async with work() as transcribing:
            self.watch.loaded()

            async def worker() -> None:
                for item in waiting:
                    await self._one(transcribing, item)

            workers = [asyncio.create_task(worker()) for _ in range(self.plan.jobs)]
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
        self.printer.tell(Result(item, outputs=self.folder.outputs(item)))
        return True

    async def _one(self, transcribing: Transcribing, item: Input) -> None:
        try:
            if self.folder is not None:
                self.folder.check(item)
        except InvalidRequestError as error:
            self._fail(item, error)
            return
        try:
            with self.watch.running(item) as bar:
                transcribed = await transcribing.transcribe(item, bar.told)
        except NordlydError as error:
            if _is_hopeless(error):
                raise
            self._fail(item, error)
            return
        texts = await asyncio.to_thread(self._keep, item, transcribed)
        self.tally.done += 1
        self.watch.finished(seconds=transcribed.transcript.duration)
        outputs = {} if self.folder is None else self.folder.outputs(item)
        self.printer.tell(Result(item, texts, outputs, transcribed))

    def _keep(self, item: Input, transcribed: Transcribed) -> dict[str, str]:
        texts = texts_of(transcribed, item, self.plan)
        if self.folder is not None:
            self.folder.write(item, texts)
        return texts

    def _fail(self, item: Input, error: NordlydError) -> None:
        self.tally.failures.append((item, error.message))
        self.watch.finished(failed=True)
        self.printer.tell(Result(item, error=error))


def _is_hopeless(error: NordlydError) -> bool:
    """Whether every other recording would fail likewise."""
    if isinstance(error, UnreachableError):
        return True
    return error.status in _HOPELESS and error.param not in _OF_A_FILE


def _printer(plan: Plan, *, named: bool) -> Printer:
    if plan.as_records:
        return Records()
    return Texts(named=named) if plan.output is None else Failures()


def _sum_up(folder: OutputFolder, tally: Tally, count: int) -> None:
    """Say on stderr what was done, and list what failed."""
    failures = sorted(tally.failures, key=lambda failure: failure[0].number)
    listed = folder.list_failures(failures)
    parts = [f"{tally.done} transcribed"]
    if tally.skipped:
        parts.append(f"{tally.skipped} done before")
    if tally.failures:
        parts.append(f"{len(tally.failures)} failed")
    left = count - tally.done - tally.skipped - len(tally.failures)
    if left:
        parts.append(f"{left} not begun or not finished; the same command goes on")
    print(f"nordlyd: {', '.join(parts)} ({folder.folder})", file=sys.stderr)
    if listed is not None:
        for item, _ in failures[:_SHOWN_FAILURES]:
            print(f"nordlyd: failed: {item.shown}", file=sys.stderr)
        print(f"nordlyd: {listed} says why", file=sys.stderr)
