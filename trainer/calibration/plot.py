"""Plots the reliability diagram of a calibration."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trainer.calibration.calibrate import Measured


def draw_reliability(confidence: Mapping[str, Measured], file: Path, *, title: str) -> None:
    """Writes a PNG: for each decoder, the share of right words against their confidence."""
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for name, measured in confidence.items():
        axes.plot(
            [item.confidence for item in measured.bins],
            [item.share for item in measured.bins],
            marker="o",
            markersize=4,
            label=f"{name}: error {measured.after:.3f}",
        )
    axes.set(
        xlabel="confidence",
        ylabel="share of right words",
        title=title,
        xlim=(0, 1),
        ylim=(0, 1),
        aspect="equal",
    )
    axes.legend(loc="upper left", frameon=False)
    figure.savefig(file, dpi=120)
