"""One random model in the files that other runtimes read; they need the extra `bench`.

`python -m bench.peers.export SHAPE FOLDER --batch N --samples N --formats onnx,int8,ctranslate2`
"""

import argparse
import contextlib
import importlib.util
import json
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# What each format needs, and the file or folder it becomes.
NEEDS = {
    "onnx": ("onnx", "onnxscript"),
    "int8": ("onnx", "onnxscript", "onnxruntime"),
    "ctranslate2": ("ctranslate2",),
}
FILES = {"onnx": "model.onnx", "int8": "int8.onnx", "ctranslate2": "ctranslate2"}


def missing(*packages: str) -> list[str]:
    """Those of the packages that are not installed."""
    return [name for name in packages if importlib.util.find_spec(name) is None]


def export(
    shape: str, folder: Path, formats: Sequence[str], *, batch: int, samples: int, limit: float
) -> dict[str, str]:
    """Writes the formats in a process of its own, so that its memory is given back.

    Those that are done when the limit is over are there.

    Args:
        shape: of `bench.shapes`.
        folder: where the files go.
        formats: of `FILES`.
        batch: waveforms in a call of the exported model.
        samples: of each waveform.
        limit: seconds that it may take.

    Returns:
        Why, for each format that could not be written.
    """
    command = [
        *(sys.executable, "-m", "bench.peers.export", shape, str(folder)),
        *("--batch", str(batch), "--samples", str(samples), "--formats", ",".join(formats)),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            command, capture_output=True, text=True, check=False, timeout=limit
        )
        printed, lines = done.stdout, done.stderr.strip().splitlines()
        reason = lines[-1] if lines else f"the export ended with status {done.returncode}"
    except subprocess.TimeoutExpired as error:
        # Python gives bytes here, whatever was requested.
        printed = error.stdout.decode() if isinstance(error.stdout, bytes) else error.stdout or ""
        reason = f"the export takes more than {limit:.0f} s"
    outcomes: dict[str, str | None] = {}
    for line in printed.splitlines():
        outcomes |= json.loads(line)
    reasons = {name: outcomes.get(name, reason) for name in formats}
    return {name: why for name, why in reasons.items() if why is not None}


def main(argv: Sequence[str] | None = None) -> None:
    """Writes them here."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers.export", description=__doc__)
    parser.add_argument("shape")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--samples", type=int, default=160_000)
    parser.add_argument("--formats", default="onnx")
    options = parser.parse_args(argv)
    formats = options.formats.split(",")
    warnings.simplefilter("ignore")
    onnx = options.folder / FILES["onnx"]
    steps: dict[str, Callable[[], None]] = {
        "onnx": lambda: _onnx(options.shape, onnx, options.batch, options.samples),
        "int8": lambda: _quantise(onnx, options.folder / FILES["int8"]),
        "ctranslate2": lambda: _ctranslate2(options.shape, options.folder),
    }
    outcomes: dict[str, str | None] = {}
    for name, write in steps.items():
        # What is quantised is the exported one.
        if name not in formats and not (name == "onnx" and "int8" in formats):
            continue
        failed = outcomes.get("onnx") if name == "int8" else None
        if failed is None:
            try:
                with contextlib.redirect_stdout(sys.stderr):
                    write()
            except Exception as error:  # the others may be written all the same
                lines = str(error).strip().splitlines() or ["no message"]
                failed = f"{type(error).__name__}: {lines[0]}"
        outcomes[name] = failed
        # A line for each, so that what is done counts where the time is up before all are.
        print(json.dumps({name: failed}), flush=True)


def _onnx(shape: str, file: Path, batch: int, samples: int) -> None:
    import torch  # noqa: PLC0415 - the parent only checks which packages are installed

    from bench.shapes import stock_model  # noqa: PLC0415

    class Logits(torch.nn.Module):
        """The stock model with plain tensors in and out."""

        def __init__(self) -> None:
            super().__init__()
            self.model = stock_model(shape, torch.float32)

        def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.model(waveforms).logits
            return logits

    # A fixed shape: runtimes plan best for what they know.
    example = (torch.zeros(batch, samples),)
    torch.onnx.export(Logits().eval(), example, file, dynamo=True, verbose=False)


def _quantise(source: Path, target: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415

    # Dynamic int8 of the linear layers. Its integer convolutions are slower than those in fp32.
    quantize_dynamic(
        source,
        target,
        op_types_to_quantize=["MatMul", "Gemm"],
        weight_type=QuantType.QInt8,
        use_external_data_format=True,
    )


def _ctranslate2(shape: str, folder: Path) -> None:
    from ctranslate2.converters import TransformersConverter  # noqa: PLC0415

    from bench.checkpoints import write_shape  # noqa: PLC0415

    checkpoint = write_shape(shape, folder / "checkpoint")
    converter: Any = TransformersConverter(str(checkpoint))
    converter.convert(str(folder / FILES["ctranslate2"]), quantization="int8")


if __name__ == "__main__":
    main()
