"""Renders a transcript as Deepgram's response; times in seconds."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from pydantic import BaseModel, Field

from app.api.deepgram.parameters import ListenOptions
from app.api.passages import split_at_pauses, split_sentences
from app.api.speakers import split_at_speakers
from app.contract.answers import Transcript, Word
from app.contract.channels import separate_channels
from app.contract.segments import PARAGRAPH_PAUSE


class ListenWord(BaseModel):
    """One word, or several spoken ones that are written as one."""

    word: str = Field(description="As it was spoken.")
    start: float
    end: float
    confidence: float
    punctuated_word: str | None = Field(None, description="As it is written.")
    speaker: int | None = Field(None, description="Who says it, from 0; only with diarize.")

    @property
    def written(self) -> str:
        """The word as written, where the answer has that, or as spoken."""
        return self.word if self.punctuated_word is None else self.punctuated_word


class Sentence(BaseModel):
    """One sentence of a paragraph."""

    text: str
    start: float
    end: float


class Paragraph(BaseModel):
    """Sentences with no long pause between them."""

    sentences: list[Sentence]
    num_words: int
    start: float
    end: float
    speaker: int | None = None


class Paragraphs(BaseModel):
    """The text in paragraphs."""

    transcript: str
    paragraphs: list[Paragraph]


class ListenAlternative(BaseModel):
    """One hypothesis."""

    transcript: str
    confidence: float = Field(description="Mean of the words'; 0 where there are none.")
    words: list[ListenWord]
    paragraphs: Paragraphs | None = None


class Channel(BaseModel):
    """The transcript of one channel of the audio, or of all of them mixed."""

    alternatives: list[ListenAlternative]


class Utterance(BaseModel):
    """The speech between two pauses."""

    start: float
    end: float
    confidence: float
    channel: int
    transcript: str
    words: list[ListenWord]
    speaker: int | None = None
    id: str


class Results(BaseModel):
    """The transcripts of a recording."""

    channels: list[Channel]
    utterances: list[Utterance] | None = None


class ModelInfo(BaseModel):
    """The model that was used."""

    name: str
    version: str
    arch: str


class Metadata(BaseModel):
    """The audio, and the model that transcribed it."""

    transaction_key: str
    request_id: str
    sha256: str = Field(description="Of the audio as it was sent.")
    created: str
    duration: float
    channels: int
    models: list[str]
    model_info: dict[str, ModelInfo]
    language: str = Field(description="Code of the language that was transcribed.")


class ListenBody(BaseModel):
    """The answer of POST /v1/options."""

    metadata: Metadata
    results: Results

    def to_json(self) -> str:
        """Returns the body as it is sent, without the fields that are not part of the answer."""
        return self.model_dump_json(exclude_none=True)


def render(
    transcript: Transcript,
    options: ListenOptions,
    *,
    request_id: str,
    sha256: str,
    created: datetime,
) -> ListenBody:
    """Returns the answer for a transcript that was made at `created`, as the options select it."""
    channels = [(_words(part, transcript.duration), part) for part in separate_channels(transcript)]
    utterances = None
    if options.utterance_pause is not None:
        utterances = [
            _utterance(part, channel)
            for channel, (words, _) in enumerate(channels)
            for part in _passages(words, options.utterance_pause)
        ]
        utterances.sort(key=lambda utterance: utterance.start)
    return ListenBody(
        metadata=Metadata(
            transaction_key="deprecated",
            request_id=request_id,
            sha256=sha256,
            created=_instant(created),
            duration=round(transcript.duration, 3),
            channels=len(channels),
            models=[transcript.model],
            model_info={
                transcript.model: ModelInfo(
                    name=transcript.model, version=version("nordlyd"), arch="wav2vec2-ctc"
                )
            },
            language=transcript.language,
        ),
        results=Results(
            channels=[_channel(part, words, options) for words, part in channels],
            utterances=utterances,
        ),
    )


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _channel(transcript: Transcript, words: list[ListenWord], options: ListenOptions) -> Channel:
    best = _alternative(transcript.formatted_text, words)
    if options.paragraphs:
        best.paragraphs = _paragraphs(words)
    others = [
        _alternative(
            other.formatted_text,
            [_word(word, transcript.duration, _numbers(transcript)) for word in other.words],
        )
        for other in (transcript.alternatives or ())[1:]
    ]
    return Channel(alternatives=[best, *others])


def _words(transcript: Transcript, duration: float) -> list[ListenWord]:
    """Returns the words as they are written, or as spoken; a written one has its spoken words."""
    speakers = _numbers(transcript)
    if transcript.formatted_words is None:
        return [_word(word, duration, speakers) for word in transcript.words]
    written = []
    for word in transcript.formatted_words:
        spoken = [
            each.word
            for each in transcript.words
            if word.start <= each.start and each.end <= word.end
        ]
        written.append(_word(word, duration, speakers, spoken=" ".join(spoken)))
    return written


def _numbers(transcript: Transcript) -> dict[str | None, int]:
    """Returns the numbers of the speakers; none where each is a channel."""
    if transcript.channels is not None:
        return {}
    return {item.speaker: number for number, item in enumerate(transcript.speakers or ())}


def _word(
    word: Word, duration: float, speakers: Mapping[str | None, int], *, spoken: str | None = None
) -> ListenWord:
    """Returns a word; with `spoken` it is a written one, which stands for those spoken words."""
    return ListenWord(
        word=spoken or word.word,
        start=round(min(word.start, duration), 3),
        end=round(min(word.end, duration), 3),
        confidence=round(word.confidence, 4),
        punctuated_word=None if spoken is None else word.word,
        speaker=speakers.get(word.speaker),
    )


def _alternative(text: str | None, words: list[ListenWord]) -> ListenAlternative:
    return ListenAlternative(
        transcript=_text(words) if text is None else text,
        confidence=_confidence(words),
        words=words,
    )


def _passages(words: list[ListenWord], pause: float) -> list[list[ListenWord]]:
    """Returns the words of each speaker between two pauses."""
    return [part for turn in split_at_speakers(words) for part in split_at_pauses(turn, pause)]


def _paragraphs(words: list[ListenWord]) -> Paragraphs:
    paragraphs = [_paragraph(part) for part in _passages(words, PARAGRAPH_PAUSE)]
    texts = [" ".join(sentence.text for sentence in part.sentences) for part in paragraphs]
    return Paragraphs(transcript="\n\n".join(texts), paragraphs=paragraphs)


def _paragraph(words: list[ListenWord]) -> Paragraph:
    sentences = split_sentences(words, lambda word: word.written)
    return Paragraph(
        sentences=[
            Sentence(text=_text(part), start=part[0].start, end=part[-1].end) for part in sentences
        ],
        num_words=len(words),
        start=words[0].start,
        end=words[-1].end,
        speaker=words[0].speaker,
    )


def _utterance(words: list[ListenWord], channel: int) -> Utterance:
    return Utterance(
        start=words[0].start,
        end=words[-1].end,
        confidence=_confidence(words),
        channel=channel,
        transcript=_text(words),
        words=words,
        speaker=words[0].speaker,
        id=str(uuid.uuid4()),
    )


def _text(words: Sequence[ListenWord]) -> str:
    return " ".join(word.written for word in words)


def _confidence(words: Sequence[ListenWord]) -> float:
    return round(sum(word.confidence for word in words) / len(words), 4) if words else 0.0
