"""The process of one candidate: a request a line on standard input, an answer a line out.

`python -m bench.peers.worker SPEC`, SPEC the JSON of a `Spec`. A request is
`{"lengths": [samples, …], "keep": path or null}`.
"""

import json
import os
import sys
import time
from typing import Any

import numpy as np
import torch

from bench.peers.builders import Run, Waveform, build
from bench.peers.candidate import Spec


def main() -> None:
    """Builds the candidate, then answers until standard input ends."""
    # Libraries print; only answers go where the parent reads.
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    spec = Spec(**json.loads(sys.argv[1]))
    torch.set_num_threads(spec.threads)
    try:
        run, facts = build(spec)
    except Exception as error:  # the parent reports it and continues with the others
        print(json.dumps({"failed": _reason(error)}), file=out)
        return
    print(json.dumps(facts), file=out)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = answer_to(run, spec, request)
        except Exception as error:  # as above
            answer = {"failed": _reason(error)}
        print(json.dumps(answer), file=out)


def answer_to(run: Run, spec: Spec, request: dict[str, Any]) -> dict[str, Any]:
    """Runs once on noise of the lengths that are requested."""
    waveforms = noise(request["lengths"])
    cuda = spec.device.startswith("cuda")
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    emissions = run(waveforms)
    answer: dict[str, Any] = {"seconds": time.perf_counter() - start}
    if cuda:
        answer["peak_mb"] = round(torch.cuda.max_memory_allocated() / 1e6, 1)
    if request["keep"] and emissions:
        np.save(request["keep"], emissions[0])
    return answer


def noise(lengths: list[int]) -> list[Waveform]:
    """White noise, float32 [samples] each, the same in every process."""
    rng = np.random.default_rng(0)
    return [rng.standard_normal(length).astype(np.float32) for length in lengths]


def _reason(error: Exception) -> str:
    first = (str(error).strip() or "no message").splitlines()[0]
    return f"{type(error).__name__}: {first}"


if __name__ == "__main__":
    main()
