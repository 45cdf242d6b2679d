"""Which words of a transcript each phrase of a recording has, where their orders differ."""

from read_letters import FRAME_SECONDS, LETTER_FRAMES, VOCABULARY, emissions_of

from app.contract.answers import AlignedWord
from trainer.segmentation.matching import Match, Matcher
from trainer.segmentation.phrases import Phrase
from trainer.segmentation.reading import Reader

LONGEST = "regjeringen la fram forslaget i går"
SHORTER = ("møtet er satt", "vi tar en pause", "takk for ordet")


def matched(said: tuple[str, ...], written: tuple[str, ...]) -> list[str | None]:
    """Returns the words of each said phrase; None where it has none or others."""
    words = " ".join(written).split()
    phrases = []
    start = 0.0
    for text in said:
        end = start + LETTER_FRAMES * len(text) * FRAME_SECONDS
        phrases.append(Phrase(start, end, start, end, text.replace(" ", ""), text))
        start = end
    located = [AlignedWord(word, None, None, 0.0, found=False, characters=()) for word in words]
    reader = Reader(emissions_of("".join(said)), VOCABULARY, FRAME_SECONDS, words)
    found: list[Match | None] = Matcher(words, reader).match(phrases, located)
    return [
        " ".join(words[index] for index in match.words) if match and match.agrees else None
        for match in found
    ]


def test_sentence_that_was_written_elsewhere_costs_no_other() -> None:
    assert matched((LONGEST, *SHORTER), (*SHORTER, LONGEST)) == [None, *SHORTER]


def test_sentence_that_was_said_twice_is_found_at_both_places() -> None:
    said = (SHORTER[0], LONGEST, SHORTER[0])
    assert matched(said, said) == list(said)


def test_short_answer_is_kept_only_between_its_neighbours() -> None:
    said = (SHORTER[0], "ja", SHORTER[1])
    assert matched(said, said) == list(said)
    assert matched(said, (SHORTER[0], SHORTER[1], "ja")) == [SHORTER[0], None, SHORTER[1]]
