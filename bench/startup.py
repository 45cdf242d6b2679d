"""From the start of `nordlyd serve` to its readiness, against the time to read the weights.

`nordlyd bench startup --shapes demo,xls-r-300m --runs 5`: each run reads the weights (page cache
warm), starts a Python that only imports what the service imports, and starts the service; figures
are medians. `demo` is the bundled demo models where they are there.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.catalogue import Catalogue
from app.settings import Settings
from bench.checkpoints import written_shape
from bench.report import finish, table
from bench.service import nordlyd
from bench.shapes import SHAPES

AIM_DEMO_SECONDS = 5.0
_IMPORTS = "import nordlyd_client.cli.command, app.server, app.acoustic"
_BLOCK = 1 << 23


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench startup", description=__doc__)
    parser.add_argument(
        "--shapes", default="demo,xls-r-300m", help=f"comma-separated: {', '.join(SHAPES)}"
    )
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args(argv)
    shapes = options.shapes.split(",")
    if unknown := set(shapes) - set(SHAPES):
        parser.error(f"no such shape: {', '.join(sorted(unknown))}")
    measure(shapes, runs=options.runs)


@dataclass(slots=True)
class Times:
    """Seconds, one figure a run: reading the weights, importing the code, start to ready."""

    what: str
    size: int
    read: list[float] = field(default_factory=list)
    imports: list[float] = field(default_factory=list)
    start: list[float] = field(default_factory=list)


def measure(shapes: Sequence[str], *, runs: int) -> None:
    """Runs every shape and prints both reports."""
    results = {shape: _measure(shape, runs) for shape in shapes}
    table(
        f"start to ready, median of {runs} runs",
        ["", "weights, MB", "ready s", "least", "most", "importing s", "reading s"],
        [
            [
                times.what,
                f"{times.size / 1e6:.0f}",
                f"{_median(times.start):.2f}",
                f"{min(times.start):.2f}",
                f"{max(times.start):.2f}",
                f"{_median(times.imports):.2f}",
                f"{_median(times.read):.2f}",
            ]
            for times in results.values()
        ],
    )
    result: dict[str, object] = {"benchmark": "startup", "runs": runs}
    for shape, times in results.items():
        key = shape.replace("-", "_")
        ready, imports, read = map(_median, (times.start, times.imports, times.read))
        result |= {
            f"{key}_models": times.what,
            f"{key}_weights_mb": round(times.size / 1e6, 1),
            f"{key}_ready_s": round(ready, 3),
            f"{key}_imports_s": round(imports, 3),
            f"{key}_read_s": round(read, 3),
            # What loading costs once Python and the libraries are there.
            f"{key}_ready_less_imports_s": round(ready - imports, 3),
            f"{key}_ready_over_read": round(ready / read, 2),
        }
        if shape == "demo":
            result |= {"aim_demo_s": AIM_DEMO_SECONDS, "holds": ready < AIM_DEMO_SECONDS}
    finish(result)


@contextmanager
def models_of(shape: str) -> Iterator[tuple[str, list[Path]]]:
    """What the models are, and their folders: the bundled demos where all are there."""
    bundled = bundled_demos() if shape == "demo" else []
    if bundled:
        yield ", ".join(folder.name for folder in bundled), bundled
        return
    with written_shape(shape) as folder:
        yield f"{shape} (random weights)", [folder]


def bundled_demos() -> list[Path]:
    """The folders of the models served by default; empty unless all of them are bundled here."""
    fields = Settings.model_fields
    catalogue = Catalogue.load(fields["catalogue"].default)
    folders = [catalogue.resolve(name).folder for name in fields["models"].default]
    found = [folder for folder in folders if folder is not None and _weights(folder)]
    return found if len(found) == len(folders) else []


def _measure(shape: str, runs: int) -> Times:
    with models_of(shape) as (what, folders):
        weights = [path for folder in folders for path in _weights(folder)]
        times = Times(what, sum(path.stat().st_size for path in weights))
        # Brings weights and libraries into the page cache.
        _start(folders)
        for _ in range(runs):
            times.read.append(_timed(lambda: _read(weights)))
            times.imports.append(_timed(_import))
            times.start.append(_start(folders))
    return times


def _start(folders: Sequence[Path]) -> float:
    with nordlyd(folders) as service:
        return service.start_seconds


def _weights(folder: Path) -> list[Path]:
    return [*folder.glob("*.safetensors"), *folder.glob("pytorch_model.bin")]


def _read(paths: Sequence[Path]) -> None:
    block = memoryview(bytearray(_BLOCK))
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.readinto(block):
                pass


def _import() -> None:
    subprocess.run([sys.executable, "-c", _IMPORTS], check=True)  # noqa: S603 - our own program


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))


if __name__ == "__main__":
    main()
