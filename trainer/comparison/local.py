"""A model of this machine, decoded as the service decodes a request without further options."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

from app.acoustic import AcousticModel, load_checkpoint, read_outline
from app.audio import SAMPLE_RATE
from app.catalogue import Catalogue, PullPlan
from app.contract.options import TextOptions
from app.decoding import DecodingOptions, ModelDecoders
from app.model_loading import source_of
from app.pipeline.loading import ModelSource, open_model_decoders
from app.pipeline.options import decoding_options, parse_options
from app.settings import load_settings
from trainer.comparison.system import Kind, Transcripts
from trainer.data import Record
from trainer.errors import ComparisonError
from trainer.evaluation.emissions import emit

_OPTIONS = tuple(item.name for item in fields(DecodingOptions) if item.name != "n_best")


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A checkpoint with its language models, and how to decode; its weights are not loaded yet."""

    name: str
    source: ModelSource
    decoders: ModelDecoders
    decoding: DecodingOptions
    device: str
    dtype: str

    @property
    def kind(self) -> Kind:
        """Where the work is done."""
        return "model"

    def load(self) -> AcousticModel:
        """Loads the weights.

        Raises:
            NordlydError: the model cannot be loaded.
        """
        return load_checkpoint(
            self.source.folder, self.device, self.dtype, target_lang=self.source.card.target_lang
        )

    def transcribe(self, records: Sequence[Record]) -> Transcripts:
        """Transcribes all records, those of like length together.

        The seconds are those of the encoder and of the decoder; loading and reading audio are not
        counted.

        Raises:
            NordlydError: the model cannot be loaded.
            DataError: audio that cannot be read.
        """
        model = self.load()
        emitted, seconds = emit(model, records)
        frame_seconds = model.hop / SAMPLE_RATE
        began = time.perf_counter()
        texts = tuple(
            self.decoders.decode(
                item.emissions, self.decoding, frame_seconds=frame_seconds, duration=item.seconds
            )[0].text
            for item in emitted
        )
        return Transcripts(texts, seconds + time.perf_counter() - began)


def open_model(
    name: str,
    reference: str,
    given: Mapping[str, str],
    *,
    device: str,
    dtype: str,
    report: Callable[[PullPlan], None] | None,
) -> LocalModel:
    """Finds a model; one of the hub is fetched where it is not on this machine.

    Args:
        name: what the user called it.
        reference: a catalogue id, a folder or a hub id.
        given: options of the decoder by name, as text.
        device: where to encode.
        dtype: in which precision.
        report: called before a model is fetched.

    Raises:
        ComparisonError: an option that a model does not have.
        NordlydError: no such model, no such language model, or an option with a wrong value.
    """
    if unknown := given.keys() - set(_OPTIONS):
        raise ComparisonError(
            f"{name}: a model has no option {sorted(unknown)[0]!r}; accepted: {', '.join(_OPTIONS)}"
        )
    settings = load_settings(os.environ)
    catalogue = Catalogue.load(settings.catalogue, settings.target_langs)
    source = source_of(settings, catalogue.resolve(reference), report=report)
    decoding = decoding_options(parse_options(TextOptions, given))
    outline = read_outline(source.folder, source.card.target_lang)
    decoders = open_model_decoders(source, outline.vocabulary)
    decoders.check(decoding)
    return LocalModel(name, source, decoders, decoding, device, dtype)
