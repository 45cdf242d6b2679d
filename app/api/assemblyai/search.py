"""The words of a transcript and those that are searched for in, where they are spoken out."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.contract.answers import Word

_MAX_CHARACTERS = 4096


class SearchParameters(BaseModel):
    """The query of GET /v2/transcript/{id}/word-search."""

    model_config = ConfigDict(extra="forbid")

    words: str = Field(
        max_length=_MAX_CHARACTERS, description="Words, numbers or phrases, comma-separated."
    )


class WordMatch(BaseModel):
    """Where one of the words, numbers or phrases is."""

    text: str
    count: int
    timestamps: list[Annotated[list[int], Field(min_length=2, max_length=2)]] = Field(
        description="Start and end of each, in milliseconds."
    )
    indexes: list[int] = Field(description="Places of the first word of each among the words.")


class SearchBody(BaseModel):
    """The answer of GET /v2/transcript/{id}/word-search."""

    id: str
    total_count: int
    matches: list[WordMatch] = Field(description="Only of what was found.")


def search_words(words: Sequence[Word], text: str, *, transcript_id: str) -> SearchBody:
    """Returns where words or phrases are; case and the marks around a word do not matter.

    Args:
        words: of the transcript.
        text: what to search for, comma-separated.
        transcript_id: of the transcript.
    """
    spoken = [_plain(word.word) for word in words]
    matches = []
    for searched in dict.fromkeys(part.strip() for part in text.split(",")):
        phrase = [plain for part in searched.split() if (plain := _plain(part))]
        places = [
            place
            for place in range(len(spoken) - len(phrase) + 1)
            if phrase and spoken[place : place + len(phrase)] == phrase
        ]
        if places:
            times = [
                [
                    round(words[place].start * 1000),
                    round(words[place + len(phrase) - 1].end * 1000),
                ]
                for place in places
            ]
            matches.append(
                WordMatch(text=searched, count=len(places), timestamps=times, indexes=places)
            )
    total = sum(match.count for match in matches)
    return SearchBody(id=transcript_id, total_count=total, matches=matches)


def _plain(word: str) -> str:
    """Returns a word in lower case, without the marks before and after it."""
    inner = [place for place, character in enumerate(word) if character.isalnum()]
    return word[inner[0] : inner[-1] + 1].casefold() if inner else ""
