"""What cutting long audio into windows changes: a 3 min recording by windows, and in one pass.

`nordlyd bench windows --seconds 180`: on speech by the bundled demo models where they are there,
the share of characters that differ (Levenshtein distance over the length of the text of one pass)
for several sizes of window and context; and on noise by a full-size shape with random weights,
how far the emissions differ.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from app.acoustic import AcousticModel, load_checkpoint
from app.acoustic.device import resolve_device, resolve_dtype
from app.audio import SAMPLE_RATE, Recording, Samples, stitch
from app.decoding import GreedyDecoder
from bench.checkpoints import written_shape
from bench.report import finish, table
from bench.shapes import SHAPES
from bench.sounds import CONTEXT_SECONDS, WINDOW_SECONDS, noise, prepared, speech, windows_of
from bench.startup import bundled_demos

AIM = 0.005
Emissions: TypeAlias = npt.NDArray[np.float32]

_SIZES = "10/1.3,10/2,20/1.3,20/2,20/3,30/2,30/3"


@dataclass(frozen=True, slots=True)
class Difference:
    """One pass and windows compared.

    Attributes:
        model, dtype: what computed.
        window, context: in seconds.
        windows: how many the recording was cut into.
        characters: of the text of one pass.
        distance: Levenshtein distance of the two texts.
        share: distance over characters; None where one pass gives no text.
        frames_differing: share of frames whose most probable token differs.
        probability_moved: mean over the frames of the total variation distance, 0 to 1.
        largest: the largest absolute difference of two log-probabilities.
    """

    model: str
    dtype: str
    window: float
    context: float
    windows: int
    characters: int
    distance: int
    share: float | None
    frames_differing: float
    probability_moved: float
    largest: float

    @property
    def served(self) -> bool:
        """Whether these are the sizes of the service's default settings."""
        return (self.window, self.context) == (WINDOW_SECONDS, CONTEXT_SECONDS)


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench windows", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0, help="length of the recording")
    parser.add_argument(
        "--sizes", default=_SIZES, help="window/context in seconds, comma-separated"
    )
    parser.add_argument("--dtypes", default="bfloat16,float32", help="comma-separated")
    parser.add_argument(
        "--shape", choices=[*SHAPES, "none"], default="xls-r-300m", help="the one on noise"
    )
    parser.add_argument(
        "--checkpoint", type=Path, help="with its samples/, instead of the demo models"
    )
    parser.add_argument(
        "--speech", type=Path, help="folder of recordings, instead of the models' own samples"
    )
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(argv)
    try:
        options.sizes = [_size(pair) for pair in options.sizes.split(",")]
    except ValueError:
        parser.error(f"--sizes {options.sizes}: expected window/context pairs as in {_SIZES}")
    measure(options)


def measure(options: argparse.Namespace) -> None:
    """Compares on speech and on noise, and prints both reports."""
    dtypes = options.dtypes.split(",")
    served = (WINDOW_SECONDS, CONTEXT_SECONDS)
    sizes = list(dict.fromkeys([*options.sizes, served]))
    found = []
    for folder in [options.checkpoint] if options.checkpoint else bundled_demos():
        spoken = speech(options.speech or folder / "samples", options.seconds)
        if spoken is None:
            continue
        for dtype in dtypes:
            model = load_checkpoint(folder, device=options.device, dtype=dtype)
            found += compare(folder.name, model, spoken, sizes)
    on_noise = []
    if options.shape != "none":
        sound = noise(options.seconds, 0)
        with written_shape(options.shape) as folder:
            for dtype in dtypes:
                model = load_checkpoint(folder, device=options.device, dtype=dtype)
                on_noise += compare(options.shape, model, sound, [served])
    _print(options.seconds, found, on_noise)
    default = resolve_dtype("auto", resolve_device(options.device))
    shares = {
        dtype: max(
            (d.share for d in found if d.served and d.dtype == dtype and d.share is not None),
            default=None,
        )
        for dtype in sorted({d.dtype for d in found})
    }
    known = [share for share in shares.values() if share is not None]
    finish(
        {
            "benchmark": "windows",
            "seconds": options.seconds,
            "window": WINDOW_SECONDS,
            "context": CONTEXT_SECONDS,
            "served_dtype": str(default).removeprefix("torch."),
            # The worst of the models at the sizes that are served.
            "share_differing": shares,
            "aim": AIM,
            "holds": max(known) < AIM if known else None,
            "rows": [asdict(difference) for difference in [*found, *on_noise]],
        }
    )


def compare(
    name: str, model: AcousticModel, samples: Samples, sizes: Sequence[tuple[float, float]]
) -> list[Difference]:
    """One recording in one pass, and by windows of every size (window, context in seconds)."""
    recording = Recording.from_samples(samples)
    decoder = GreedyDecoder(model.vocabulary)

    def text(emissions: Emissions) -> str:
        return decoder.decode(
            emissions, frame_seconds=model.hop / SAMPLE_RATE, duration=recording.duration
        ).text

    whole, _ = encode(model, recording, window=recording.duration + 1, context=0)
    expected = text(whole)
    differences = []
    for window, context in sizes:
        cut, count = encode(model, recording, window=window, context=context)
        distance = Levenshtein.distance(expected, text(cut))
        differences.append(
            Difference(
                model=name,
                dtype=model.dtype,
                window=window,
                context=context,
                windows=count,
                characters=len(expected),
                distance=distance,
                share=round(distance / len(expected), 6) if expected else None,
                frames_differing=_rounded(np.mean(whole.argmax(axis=1) != cut.argmax(axis=1))),
                probability_moved=_rounded(
                    np.abs(np.exp(whole) - np.exp(cut)).sum(axis=1).mean() / 2
                ),
                largest=_rounded(np.abs(whole - cut).max()),
            )
        )
    return differences


def encode(
    model: AcousticModel, recording: Recording, *, window: float, context: float
) -> tuple[Emissions, int]:
    """The recording's emissions as the service makes them, and of how many windows."""
    windows = windows_of(model, recording.samples, window_seconds=window, context_seconds=context)
    parts = [model.encode(prepared(model, recording, [each]))[0] for each in windows]
    return stitch(windows, parts), len(windows)


def _rounded(value: np.floating[Any]) -> float:
    return round(float(value), 6)


def _size(pair: str) -> tuple[float, float]:
    window, context = map(float, pair.split("/"))
    return window, context


def _print(seconds: float, found: Sequence[Difference], on_noise: Sequence[Difference]) -> None:
    sizes = ["", "dtype", "window", "context", "number"]
    if found:
        table(
            f"text of {seconds:g} s of speech by windows, against one pass",
            [*sizes, "length", "differ", "%"],
            [
                [*_sizes(each), str(each.characters), str(each.distance), _percent(each.share)]
                for each in found
            ],
        )
    else:
        print("No bundled demo model has weights and samples here: no text was compared.")
    table(
        "emissions, on noise too: best token differs, probability moved, largest log difference",
        [*sizes, "frames %", "moved", "largest"],
        [
            [
                *_sizes(each),
                _percent(each.frames_differing),
                f"{each.probability_moved:.5f}",
                f"{each.largest:.3f}",
            ]
            for each in [*found, *on_noise]
        ],
    )


def _sizes(difference: Difference) -> list[str]:
    return [
        difference.model,
        difference.dtype,
        f"{difference.window:g}",
        f"{difference.context:g}",
        str(difference.windows),
    ]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.3f}"


if __name__ == "__main__":
    main()
