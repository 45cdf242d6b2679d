"""Estimates and tunes KenLM language models in the layout that the service loads.

`corpus` is imported from its module: the data that it reads need the extra `train`.
"""

from trainer.language_model.build import Built, build
from trainer.language_model.kneser_ney import NgramModel, Ngrams, estimate
from trainer.language_model.tools import build_tools, find_tool

__all__ = [
    "Built",
    "NgramModel",
    "Ngrams",
    "build",
    "build_tools",
    "estimate",
    "find_tool",
]
