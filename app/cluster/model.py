"""A model of the service whose encoder is in other processes."""

from dataclasses import dataclass, replace
from typing import Self

from app.catalogue import ModelCard
from app.cluster.messages import EncoderFacts
from app.decoding import DecodingOptions, check_options
from app.engine import revision_name
from app.pipeline import ModelFacts


@dataclass(frozen=True, slots=True, weakref_slot=True)
class RemoteModel:
    """An `AvailableModel` in the replicas of its deployment."""

    card: ModelCard
    encoder: EncoderFacts
    revision: int = 0

    @property
    def facts(self) -> ModelFacts:
        """How it computes."""
        return self.encoder.facts

    @property
    def encoder_name(self) -> str:
        """Names its encoder in the engine."""
        return revision_name(self.card.id, self.revision)

    def check(self, decoding: DecodingOptions) -> None:
        """Does nothing if it can be decoded so; raises as `ModelDecoders.check` otherwise."""
        facts = self.facts
        check_options(decoding, facts.language_models, facts.damaged_language_models)

    def with_revision(self, revision: int) -> Self:
        """Returns the model as one that replaced others of its id."""
        return replace(self, revision=revision)
