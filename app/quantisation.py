"""Measures on the operator's own speech whether a model may run in int8, and keeps the record.

The input is a manifest of recordings and references. Without a record that passed, the service
does not load a model in int8.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import jiwer
import numpy as np
import numpy.typing as npt

from app.acoustic import AcousticModel, layer_seconds, load_checkpoint
from app.audio import SAMPLE_RATE
from app.audio.manifest import ManifestAudio
from app.decoding import GreedyDecoder
from app.errors import ConfigurationError
from app.text import normalise

MAX_COST = 0.2
"""Percentage points of word error rate that int8 may cost at most."""

_MAX_SECONDS = 120.0
_ROUNDS = 3
# A precision that the CPU supports may still measure this many times slower than float32.
_MAX_SLOWDOWN = 1.5

Speech = list[tuple[npt.NDArray[np.float32], str]]


@dataclass(frozen=True, slots=True)
class Record:
    """The measured cost and gain of int8.

    Error rates are in percent, speeds in audio seconds per second.
    """

    model: str
    utterances: int
    words: int
    baseline_dtype: str
    baseline_wer: float
    int8_wer: float
    baseline_speed: float
    int8_speed: float

    @property
    def cost(self) -> float:
        """Percentage points of word error rate by which int8 is worse (or, below 0, better)."""
        return self.int8_wer - self.baseline_wer

    @property
    def passed(self) -> bool:
        """Whether int8 is accurate enough to be used, and faster."""
        return self.cost <= MAX_COST and self.int8_speed > self.baseline_speed


def measure(
    model: str,
    folder: Path,
    manifest: Path,
    dtype: str = "auto",
    target_lang: str | None = None,
) -> Record:
    """Transcribes a manifest in the usual precision and in int8, side by side.

    Args:
        model: the id under which the record is kept.
        folder: checkpoint folder.
        manifest: JSON lines of `{"audio": path, "text": reference}`; paths are relative to it.
            `start` and `end`, in seconds, name a part of the recording.
        dtype: the precision to compare with, as in the settings.
        target_lang: the language of a multilingual checkpoint.

    Raises:
        ConfigurationError: the manifest cannot be read, or the checkpoint cannot be loaded.
    """
    speech = read_manifest(manifest)
    models = [
        load_checkpoint(folder, dtype=dtype, target_lang=target_lang),
        load_checkpoint(folder, int8=True, target_lang=target_lang),
    ]
    waveforms = [waveform for waveform, _ in speech]
    audio = sum(len(waveform) for waveform in waveforms) / SAMPLE_RATE
    seconds = [float("inf"), float("inf")]
    emissions: list[list[npt.NDArray[np.float32]]] = [[], []]
    # Interleaved, so that other work of the machine slows both alike.
    for _ in range(_ROUNDS):
        for index, candidate in enumerate(models):
            start = time.perf_counter()
            emissions[index] = [candidate.emissions([waveform])[0] for waveform in waveforms]
            seconds[index] = min(seconds[index], time.perf_counter() - start)
    references = [normalise(text) for _, text in speech]
    baseline, quantised = (
        _error_rate(candidate, answers, references)
        for candidate, answers in zip(models, emissions, strict=True)
    )
    return Record(
        model=model,
        utterances=len(speech),
        words=sum(len(reference.split()) for reference in references),
        baseline_dtype=models[0].dtype,
        baseline_wer=round(baseline, 3),
        int8_wer=round(quantised, 3),
        baseline_speed=round(audio / seconds[0], 2),
        int8_speed=round(audio / seconds[1], 2),
    )


def check_speed(model: str, folder: Path, dtype: str = "auto") -> None:
    """Does nothing if int8 may be faster on this CPU; a check of a few seconds before `measure`.

    It compares the matrix products of one layer, which are all that int8 changes.

    Args:
        model: its name, for the message.
        folder: checkpoint folder.
        dtype: the precision to compare with, as in the settings.

    Raises:
        ConfigurationError: int8 is no faster, or `dtype` is bfloat16 and slower than float32.
    """
    seconds = layer_seconds(folder, list(dict.fromkeys([dtype, "float32", "int8"])))
    milliseconds = {name: f"{1000 * value:.3g} ms" for name, value in seconds.items()}
    if seconds[dtype] > _MAX_SLOWDOWN * seconds["float32"]:
        raise ConfigurationError(
            f"{dtype} is slower than float32 on this CPU: a second of audio takes"
            f" {milliseconds[dtype]} in the products of one layer, and"
            f" {milliseconds['float32']} in float32; set NORDLYD_DTYPE=float32 or auto",
            param="dtype",
        )
    if seconds["int8"] >= seconds[dtype]:
        raise ConfigurationError(
            f"int8 cannot make {model} faster on this CPU: a second of audio takes"
            f" {milliseconds['int8']} in the products of one layer, and"
            f" {milliseconds[dtype]} in the usual precision ({dtype}); nothing else was measured",
            param="int8_models",
        )


def read_manifest(path: Path) -> Speech:
    """Returns the waveforms and references that a manifest lists.

    Raises:
        ConfigurationError: a line or a recording cannot be read; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigurationError(f"the manifest {path} cannot be read: {error.strerror}") from None
    speech: Speech = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            audio, text = ManifestAudio.of_line(entry, path.parent), str(entry["text"])
        except (AttributeError, ValueError, KeyError, TypeError):
            raise ConfigurationError(
                f'{path}, line {number}: expected {{"audio": path, "text": reference}}, and for a '
                'part of a recording "start" and a later "end" in seconds'
            ) from None
        if not audio.file.is_file():
            raise ConfigurationError(f"{path}, line {number}: there is no file {audio.file}")
        speech.append((audio.read(max_seconds=_MAX_SECONDS), text))
    if not any(normalise(text) for _, text in speech):
        raise ConfigurationError(f"the manifest {path} lists no speech with a reference")
    return speech


def save(record: Record, store: Path) -> Path:
    """Writes a record beside the pulled models and returns its file.

    Raises:
        ConfigurationError: it did not pass; the message has the figures.
    """
    if record.cost > MAX_COST:
        raise ConfigurationError(
            f"int8 costs {record.model} {record.cost:.2f} points of WER"
            f" ({record.baseline_wer:.2f} % in {record.baseline_dtype}, {record.int8_wer:.2f} % in"
            f" int8); at most {MAX_COST} are allowed, so it stays in {record.baseline_dtype}"
        )
    if not record.passed:
        raise ConfigurationError(
            f"int8 makes {record.model} no faster here ({record.baseline_speed:g} times real time"
            f" in {record.baseline_dtype}, {record.int8_speed:g} in int8), so it stays in"
            f" {record.baseline_dtype}"
        )
    file = _file(record.model, store)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
    return file


def require(model: str, store: Path) -> None:
    """Does nothing if int8 was measured for the model and passed.

    Raises:
        ConfigurationError: it was not; the message has the command to measure it.
    """
    if not _file(model, store).is_file():
        raise ConfigurationError(
            "it is to run in int8, but what that costs in WER was not measured: run"
            f" `nordlyd models int8 {model} --manifest FILE.jsonl` first",
            param="int8_models",
        )


def _file(model: str, store: Path) -> Path:
    return store / "int8" / f"{model}.json"


def _error_rate(
    model: AcousticModel,
    emissions: Sequence[npt.NDArray[np.float32]],
    references: Sequence[str],
) -> float:
    """Returns the word error rate of greedy decoding, in percent."""
    decoder = GreedyDecoder(model.vocabulary)
    frame_seconds = model.hop / SAMPLE_RATE
    texts = [
        decoder.decode(
            answer, frame_seconds=frame_seconds, duration=len(answer) * frame_seconds
        ).text
        for answer in emissions
    ]
    return 100 * float(jiwer.wer(list(references), texts))
