"""Where a recording is cut while it is still being encoded."""

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from app.pipeline.incremental.pieces import Cutting, Piece, PieceCutter, silent_tokens
from app.vocabulary import Vocabulary

FRAME = 0.02
BLANK, DELIMITER, LETTER = 0, 1, 2
VOCABULARY = Vocabulary(("[PAD]", "|", "a", "[UNK]"), 0, 1, frozenset({0, 3}))


def emissions(tokens: list[int]) -> np.ndarray:
    """Returns certain frames of tokens; a number in the last column identifies each frame."""
    rows = np.full((len(tokens), len(VOCABULARY)), -9.0, np.float32)
    rows[np.arange(len(tokens)), tokens] = -0.1
    rows[:, 3] = -10 - np.arange(len(tokens)) / 1e4
    return rows


def cut(tokens: list[int], window: int, **cutting: float) -> list[Piece]:
    """The pieces of a recording that is encoded in windows of so many frames."""
    cutter = PieceCutter(VOCABULARY, FRAME, Cutting(**cutting))
    whole = emissions(tokens)
    found = [cutter.add(whole[start : start + window]) for start in range(0, len(tokens), window)]
    return [piece for piece in (*found, cutter.close()) if piece is not None]


def speech(*parts: float) -> list[int]:
    """Seconds of speech and of silence in turn; speech is letters with blanks between."""
    tokens: list[int] = []
    for index, seconds in enumerate(parts):
        frames = round(seconds / FRAME)
        silence = [BLANK, DELIMITER, BLANK, BLANK]
        kind = silence if index % 2 else [LETTER, BLANK, BLANK]
        tokens += (kind * frames)[:frames]
    return tokens


def test_silent_tokens_are_those_without_text() -> None:
    assert silent_tokens(VOCABULARY).tolist() == [True, True, False, True]


def test_recording_is_cut_in_the_middle_of_its_last_long_pause() -> None:
    first, *_ = cut(speech(4, 1, 4, 0.8, 3), window=10_000)
    assert first.start == 0
    assert first.stop * FRAME == pytest.approx(4 + 1 + 4 + 0.4, abs=2 * FRAME)
    assert first.quiet_until * FRAME == pytest.approx(4 + 1 + 4 + 0.8, abs=FRAME)


def test_gaps_between_letters_are_not_cut() -> None:
    assert len(cut(speech(10, 0.4, 10), window=300)) == 1


def test_speech_without_pause_is_cut_at_its_longest_late_silence() -> None:
    pieces = cut(speech(14, 0.3, 6, 0.2, 4, 0.4, 10), window=250, longest=15, margin=2)
    assert pieces[0].stop * FRAME == pytest.approx(14 + 0.15, abs=2 * FRAME)
    assert pieces[0].quiet_until == pieces[0].stop


def test_speech_without_silence_is_cut_at_the_maximum_length() -> None:
    pieces = cut([LETTER] * 3000, window=500, longest=20, margin=2)
    assert len(pieces) >= 3
    assert max(piece.stop - piece.start for piece in pieces) <= 30 / FRAME


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(st.floats(0.02, 12), min_size=1, max_size=12),
    st.integers(20, 1500),
    st.floats(0, 5),
)
def test_pieces_cover_the_recording_and_have_context(
    parts: list[float], window: int, context: float
) -> None:
    tokens = speech(*parts)
    whole = emissions(tokens)
    pieces = cut(tokens, window, context=context)
    edges = [0, *(piece.stop for piece in pieces)]
    assert edges[-1] == len(tokens)
    frames = max(1, round(context / FRAME))
    for piece, start in zip(pieces, edges, strict=False):
        assert piece.start == start <= piece.stop
        assert piece.first == max(0, start - frames)
        end = piece.first + len(piece.emissions)
        assert piece.stop <= end <= piece.stop + frames
        assert np.array_equal(piece.emissions, whole[piece.first : end])
        assert all(token != LETTER for token in tokens[piece.stop : piece.quiet_until])


def test_hours_of_silence_are_not_kept_in_memory() -> None:
    cutter = PieceCutter(VOCABULARY, FRAME)
    silence = emissions([BLANK] * 1000)
    pieces = [cutter.add(silence) for _ in range(60)]
    assert max(len(piece.emissions) for piece in pieces if piece is not None) < 4000
