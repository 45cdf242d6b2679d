"""Transcripts for tests of formats: drawn by hypothesis, or made of a sentence."""

from blank_transcript import blank_transcript
from hypothesis import strategies as st

from app.contract.answers import Timing, Transcript, Word
from app.itn import format_transcript
from app.pipeline.text import with_words

TIMING = Timing(0.0, 0.1, 0.2, 0.1, 0.1)


def transcript_of(words: list[Word], duration: float, *, formatting: bool = False) -> Transcript:
    """Returns the transcript of words, in the segments that the service makes."""
    blank = blank_transcript(duration, model="demo-nb", timing=TIMING, request_id="")
    return with_words(blank, words, format_transcript(words, "nb").words if formatting else None)


def words_of(text: str, *, pause_before: dict[str, float] | None = None) -> list[Word]:
    """The words of a sentence, evenly spoken: 60 ms a letter, 50 ms between words."""
    words: list[Word] = []
    time = 0.4
    for word in text.split():
        time += (pause_before or {}).get(word, 0.05)
        words.append(Word(word, time, time + 0.06 * len(word), 0.9))
        time = words[-1].end
    return words


_TEXT = (
    "og så er det jeg ikke i på til en bare kanskje andre toget biblioteket arbeidsledighetstrygd "
    "Kraftfahrzeughaftpflichtversicherungsgesellschaft mars. ja, nei. 21. 7.30. A&B <i>x</i> -->"
)
_COMMON = st.sampled_from(_TEXT.split())
_ANY = st.text(
    st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=60
).filter(lambda text: text.split() == [text])


@st.composite
def transcripts(draw: st.DrawFn, *, lively: bool = False) -> Transcript:
    """Any transcript: pauses and words of any length, odd characters, times below a millisecond.

    `lively` ones are as people speak: no word takes under 30 ms a letter.
    """
    words: list[Word] = []
    time = draw(st.floats(0, 3))
    for text in draw(st.lists(st.one_of(_COMMON, _ANY) if not lively else _COMMON, max_size=60)):
        if lively:
            length = len(text) * draw(st.floats(0.03, 0.2))
        else:
            length = draw(st.one_of(st.floats(0, 0.002), st.floats(0, 0.6), st.floats(0, 12)))
        words.append(Word(text, time, time + length, draw(st.floats(0, 1))))
        time += length + draw(st.one_of(st.just(0.0), st.floats(0, 0.4), st.floats(0, 4)))
    end = words[-1].end if words else time
    # A millisecond for each word there must be, or they could not be distinguished.
    duration = max(end + draw(st.one_of(st.just(0.0), st.floats(0, 3))), len(words) / 1000)
    return transcript_of(words, duration, formatting=draw(st.booleans()))


def texts(transcript: Transcript) -> list[str]:
    """The words that every format must hold, in order."""
    return [word.word for word in transcript.written_words]
