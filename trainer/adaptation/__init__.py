"""Language models of an organisation's own texts and names, mixed with what a model has."""

from trainer.adaptation.adapt import Adaptation, Request, adapt

__all__ = ["Adaptation", "Request", "adapt"]
