"""What models cost beside each other: encoder time and multiply-adds for a second of audio.

`nordlyd bench costs FOLDER FOLDER…`: all encode the same noise in turns, in this process and by the
service's kernels; seconds are the minimum over the rounds. Ratios are to the first model.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from app.acoustic import load_checkpoint
from app.acoustic.config import EncoderConfig, read_config
from app.audio import SAMPLE_RATE
from app.audio.frames import FrameGrid
from bench.machine import cpu_name
from bench.report import finish, interleaved, table


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench costs", description=__doc__)
    parser.add_argument("checkpoints", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--dtype", choices=["auto", "bfloat16", "float32"], default="auto")
    parser.add_argument("--int8", action="store_true", help="linear layers in dynamic int8")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each waveform")
    parser.add_argument("--batch", type=int, default=1, help="waveforms encoded together")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args(argv)
    samples, audio = round(options.seconds * SAMPLE_RATE), options.seconds * options.batch
    rng = np.random.default_rng(0)
    waves = list(rng.standard_normal((options.batch, samples)).astype(np.float32))
    folders = {str(folder): folder for folder in options.checkpoints}
    models = {
        name: load_checkpoint(folder, "cpu", options.dtype, int8=options.int8)
        for name, folder in folders.items()
    }
    runs = {name: partial(model.encode, waves) for name, model in models.items()}
    seconds = interleaved(runs, rounds=options.rounds, warm_up=3)
    least = {name: min(found) / audio for name, found in seconds.items()}
    products = {
        name: multiply_adds(read_config(folder), samples) / options.seconds
        for name, folder in folders.items()
    }
    first, *_ = folders
    model = models[first]
    table(
        f"{options.batch} x {options.seconds:g} s, {torch.get_num_threads()} threads, "
        f"{model.kernels}, {model.dtype}, {cpu_name()}",
        ["", "ms / s", "ratio", "million multiply-adds / s", "ratio"],
        [
            [
                name,
                f"{least[name] * 1000:.3f}",
                f"{least[name] / least[first]:.3f}",
                f"{products[name] / 1e6:.1f}",
                f"{products[name] / products[first]:.3f}",
            ]
            for name in least
        ],
    )
    finish(
        {
            "benchmark": "costs",
            "cpu": cpu_name(),
            "threads": torch.get_num_threads(),
            "kernels": model.kernels,
            "dtype": model.dtype,
            "models": {
                name: {
                    "seconds_per_second": round(least[name], 6),
                    "over_first": round(least[name] / least[first], 4),
                    "multiply_adds_per_second": round(products[name]),
                    "multiply_adds_over_first": round(products[name] / products[first], 4),
                }
                for name in least
            },
        }
    )


def multiply_adds(config: EncoderConfig, samples: int) -> int:
    """Returns the multiplications, each with its addition, of the matrix products of a waveform.

    Norms, activations and the softmax of the attention are not counted.

    Args:
        config: of a wav2vec2 model without adapters.
        samples: of the waveform, encoded in one piece.
    """
    frames, channels, total = samples, 1, 0
    for width, kernel, stride in config.conv_layers:
        frames = FrameGrid(hop=stride, receptive_field=kernel).frames(frames)
        total += frames * channels * kernel * width
        channels = width
    hidden = config.hidden_size
    position = hidden * hidden // config.pos_conv_groups * config.pos_conv_kernel
    attention = 4 * hidden * hidden + 2 * frames * hidden
    layer = attention + 2 * hidden * config.intermediate_size
    per_frame = channels * hidden + position + config.layers * layer + hidden * config.vocab_size
    return total + frames * per_frame
