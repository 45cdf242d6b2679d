"""One candidate in a process of its own: start it, run it once, end it."""

import contextlib
import json
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
_END_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Spec:
    """What a worker process builds.

    Attributes:
        kind: ours, transformers, products, onnxruntime, openvino or ctranslate2.
        shape: of `bench.shapes`.
        dtype: bf16, fp16, fp32 or int8; for ours also auto.
        device: cpu, cuda or mps.
        threads: how many it may compute with.
        kernels: for ours, what runs it: auto, or one of `FAMILIES`.
        compiled: for transformers, whether `torch.compile` goes over it.
        file: the exported model, for those that run one.
    """

    kind: str
    shape: str
    dtype: str
    device: str
    threads: int
    kernels: str = "auto"
    compiled: bool = False
    file: str | None = None


class Dropped(Exception):  # noqa: N818 - an outcome, which the benchmark reports
    """A candidate that cannot be measured here; the message names the reason."""


class Candidate:
    """A running worker.

    Args:
        name: what the report calls it.
        spec: what it builds.
        limit: seconds within which it must be loaded.

    Attributes:
        facts: what the worker reports: kernels, format, version.

    Raises:
        Dropped: it did not load, or not in time.
    """

    def __init__(self, name: str, spec: Spec, *, limit: float) -> None:
        self.name = name
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "bench.peers.worker", json.dumps(asdict(spec))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            # `select` does not see what a buffered reader holds back.
            bufsize=0,
        )
        self.facts: dict[str, str] = self._answer(limit, "to load")

    def run(
        self, lengths: Sequence[int], *, limit: float, keep: Path | None = None
    ) -> dict[str, Any]:
        """Computes once.

        Args:
            lengths: samples of each waveform; the same lengths make the same noise.
            limit: seconds after which the candidate is dropped.
            keep: where to write its log-probabilities, [frames, vocabulary] of the first.

        Returns:
            `seconds`, and on a GPU `peak_mb`.

        Raises:
            Dropped: it failed, or took longer than the limit.
        """
        assert self._process.stdin is not None
        request = {"lengths": list(lengths), "keep": str(keep) if keep else None}
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        audio = sum(lengths) / 16_000
        return self._answer(limit, f"for {audio:g} s of audio")

    def close(self) -> None:
        """Ends the worker."""
        if self._process.poll() is None:
            self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._process.wait(_END_SECONDS)
        self._log.close()

    def _answer(self, limit: float, what: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        deadline = time.monotonic() + limit
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                self.close()
                raise Dropped(f"it takes more than {limit:.0f} s {what}")
            part = self._process.stdout.read(1 << 16)
            if not part:
                reason = self._last_error_line()
                self.close()
                raise Dropped(reason)
            line += part
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            self.close()
            raise Dropped(answer["failed"])
        return answer

    def _last_error_line(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"it ended with status {self._process.wait()}"
