"""Writes what was masked as AssemblyAI does: `####`, or the name of the policy."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from app.api.assemblyai.parameters import PII_POLICIES
from app.contract.answers import Transcript, Word
from app.pipeline.text import with_words

_LABEL = re.compile(r"\[[^\[\]]+\]")
_HASH = "####"
_ENTITIES = {kind: f"[{policy.upper()}]" for policy, kind in PII_POLICIES.items()}
# No request masks names here; the operator may.
_ENTITIES["names"] = "[PERSON_NAME]"


def with_substitutes(
    transcript: Transcript, substitute: Literal["hash", "entity_name"]
) -> Transcript:
    """Returns a transcript in which the labels of what was masked are replaced.

    Args:
        transcript: its labels are words of their own, which begin where the redactions do.
        substitute: `hash` writes the same for all.
    """
    kinds = {item.start: item.kind for item in transcript.redactions or ()}

    def written(words: Sequence[Word]) -> list[Word]:
        return [
            word
            if (kind := kinds.get(word.start)) is None
            else replace(
                word, word=_LABEL.sub(_HASH if substitute == "hash" else _ENTITIES[kind], word.word)
            )
            for word in words
        ]

    formatted = transcript.formatted_words
    return with_words(
        transcript, written(transcript.words), None if formatted is None else written(formatted)
    )
