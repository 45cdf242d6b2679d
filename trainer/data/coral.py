"""CoRal, Danish dialects read aloud and in conversation, at 48 kHz; with access by the hub."""

from dataclasses import replace

from trainer.data.published import PublishedSet

CORAL_READ_ALOUD = PublishedSet(
    name="coral-read-aloud",
    family="coral",
    repository="CoRal-project/coral-v3",
    licence="OpenRAIL-D: not for speech synthesis or for telling who speaks",
    config="read_aloud",
    text="text",
    language="da",
    speaker="id_speaker",
)
CORAL_CONVERSATION = replace(CORAL_READ_ALOUD, name="coral-conversation", config="conversation")
