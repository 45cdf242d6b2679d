"""Writes the model card, training curve and figures of a run or a model folder."""

from trainer.card.catalogue import update_catalogue
from trainer.card.facts import Facts, gather
from trainer.card.write import write_card

__all__ = ["Facts", "gather", "update_catalogue", "write_card"]
