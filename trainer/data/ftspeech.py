"""FTSpeech, 1,800 hours from the Danish parliament; its evaluation splits are balanced."""

from trainer.data.published import PublishedSet

FTSPEECH = PublishedSet(
    name="ftspeech",
    family="ftspeech",
    repository="alexandrainst/ftspeech",
    licence="of the Danish parliament, see the set's page",
    text="sentence",
    language="da",
    speaker="speaker_id",
    splits={
        "valid": "dev_balanced",
        "validation": "dev_balanced",
        "test": "test_balanced",
    },
)
