"""Plots the word error rate of a tuning over alpha and beta."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from trainer.language_model.tune import Tuning

_DARK = 0.6


def draw_heatmap(tuning: Tuning, path: Path, *, title: str) -> None:
    """Draws one cell a setting, its WER in percent, and a frame around the best."""
    alphas = sorted({point.setting.alpha for point in tuning.grid})
    betas = sorted({point.setting.beta for point in tuning.grid})
    rates = np.full((len(alphas), len(betas)), np.nan)
    for point in tuning.grid:
        row, column = alphas.index(point.setting.alpha), betas.index(point.setting.beta)
        rates[row, column] = 100 * point.wer
    figure = Figure(figsize=(2 + 0.8 * len(betas), 1.6 + 0.5 * len(alphas)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(rates, origin="lower", aspect="auto", cmap="viridis_r")
    span = max(float(np.ptp(rates)), 1e-9)
    for (row, column), rate in np.ndenumerate(rates):
        dark = (rate - rates.min()) / span > _DARK
        colour = "white" if dark else "black"
        axes.text(column, row, f"{rate:.2f}", ha="center", va="center", color=colour)
    best = tuning.best.setting
    corner = betas.index(best.beta) - 0.5, alphas.index(best.alpha) - 0.5
    # Unclipped, so that a best point on the edge has its whole frame.
    axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="red", linewidth=3, clip_on=False))
    axes.set_xticks(range(len(betas)), [f"{beta:g}" for beta in betas])
    axes.set_yticks(range(len(alphas)), [f"{alpha:g}" for alpha in alphas])
    axes.set_xlabel("beta: bonus for each word")
    axes.set_ylabel("alpha: weight of the language model")
    axes.set_title(f"{title}\nWER in %; greedy {tuning.greedy.wer:.2%}", fontsize=10)
    figure.colorbar(image, ax=axes)
    # Without the name of the program the same figures give the same file.
    figure.savefig(path, dpi=110, metadata={"Software": None})
