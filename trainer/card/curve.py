"""Plots the losses and word error rate of a training log."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trainer.published import LogRow

_TRAINING, _VALIDATION = "#4878b8", "#c2571a"


def write_curve(log: Sequence[LogRow], title: str, file: Path) -> None:
    """Writes a PNG: both losses on a logarithmic scale above the WER, over the updates."""
    figure = Figure(figsize=(8, 6), layout="constrained")
    FigureCanvasAgg(figure)
    losses, errors = figure.subplots(2, 1, sharex=True)
    figure.suptitle(f"Training of {title}")
    steps = [row.step for row in log]
    losses.plot(steps, [row.training_loss for row in log], color=_TRAINING, label="training")
    losses.plot(
        steps, [row.validation_loss for row in log], "--", color=_VALIDATION, label="validation"
    )
    losses.set_yscale("log")
    losses.set_ylabel("CTC loss")
    losses.legend(frameon=False)
    errors.plot(steps, [100 * row.wer for row in log], color=_VALIDATION)
    errors.set_ylim(bottom=0)
    errors.set_ylabel("greedy WER in validation, %")
    errors.set_xlabel("update")
    for axes in (losses, errors):
        _remove_frame(axes)
    # Without the name of the program the same log gives the same file.
    figure.savefig(file, dpi=110, metadata={"Software": None})


def _remove_frame(axes: Axes) -> None:
    axes.grid(visible=True, alpha=0.3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
