"""Estimates and tunes KenLM language models in the layout that the service loads."""

from trainer.language_model.build import Built, build
from trainer.language_model.corpus import Text, gather
from trainer.language_model.kneser_ney import NgramModel, Ngrams, estimate
from trainer.language_model.tools import build_tools, find_tool

__all__ = [
    "Built",
    "NgramModel",
    "Ngrams",
    "Text",
    "build",
    "build_tools",
    "estimate",
    "find_tool",
    "gather",
]
