"""FLEURS, sentences of Wikipedia read aloud: a test set more than a training set."""

from dataclasses import replace

from trainer.data.hub import CONVERTED
from trainer.data.published import PublishedSet

FLEURS_DA = PublishedSet(
    name="fleurs-da",
    family="fleurs",
    repository="google/fleurs",
    licence="CC-BY-4.0",
    config="da_dk",
    revision=CONVERTED,
    text="raw_transcription",
    language="da",
)
FLEURS_NB = replace(FLEURS_DA, name="fleurs-nb", config="nb_no", language="nb")
