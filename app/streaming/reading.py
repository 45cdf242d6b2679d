"""Emissions of an utterance in, its words out: the jobs of a decoding thread or process."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.decoding import DecodingOptions, Hypothesis, ModelDecoders
from app.decoding.types import Emissions
from app.itn import FormattingOptions, format_transcript
from app.streaming.agreement import CompetingHypothesis, continued
from app.transcript import Word

# So many readings are looked at for what another word may turn out to be.
_RIVALS = 10
# A search that only looks for them: what is further behind does not matter.
_NARROW = DecodingOptions(
    decoder="beam", beam_width=16, alpha=0.0, beta=0.0, prune_logp=-6.0, n_best=_RIVALS
)
# Among so many readings one is looked for that begins with the stable words.
_CANDIDATES = 50


@dataclass(frozen=True, slots=True)
class UtteranceRead:
    """What an utterance said; times from its first sample.

    `alternatives` are texts with their scores and words, best first, where several were asked for.
    """

    words: tuple[Word, ...]
    formatted_text: str | None
    alternatives: tuple[tuple[str, float, tuple[Word, ...]], ...]

    @property
    def confidence(self) -> float | None:
        """Mean of the words'; None where there are none."""
        if not self.words:
            return None
        return sum(word.confidence for word in self.words) / len(self.words)


def read_partial(
    decoders: ModelDecoders,
    emissions: Emissions,
    decoding: DecodingOptions,
    *,
    frame_seconds: float,
    duration: float,
) -> tuple[tuple[Word, ...], tuple[CompetingHypothesis, ...]]:
    """Decode an utterance that lasts; arguments are those of `ModelDecoders.decode`.

    Returns:
        The words, and the readings that were nearly as good. The best path has none beside it:
        a beam over the same emissions says which others there are.
    """
    times = {"frame_seconds": frame_seconds, "duration": duration}
    greedy = decoding.decoder == "greedy"
    several = _NARROW if greedy else replace(decoding, n_best=max(_RIVALS, decoding.n_best))
    found = decoders.decode(emissions, several, **times)
    best = decoders.decode(emissions, decoding, **times)[0] if greedy else found[0]
    rivals = tuple(
        CompetingHypothesis(tuple(word.text for word in item.words), found[0].score - item.score)
        for item in found
    )
    return best.words, rivals


def read_utterance(
    decoders: ModelDecoders,
    emissions: Emissions,
    decoding: DecodingOptions,
    *,
    stable: tuple[Word, ...],
    frame_seconds: float,
    duration: float,
    language: str,
    readable: FormattingOptions | None,
) -> UtteranceRead:
    """Decode an utterance that is over.

    Args:
        decoders: of the model that gave the emissions.
        emissions: float array [frames, vocabulary] of natural-log probabilities.
        decoding: how to decode.
        stable: words it must begin with.
        frame_seconds: length of one frame in seconds.
        duration: length of the utterance in seconds.
        language: of the text.
        readable: how to make it readable; None leaves that out.

    Raises:
        InvalidRequestError: the model cannot be decoded so.
    """

    def read(request: DecodingOptions) -> tuple[Hypothesis, ...]:
        return decoders.decode(emissions, request, frame_seconds=frame_seconds, duration=duration)

    found = read(decoding)
    if not _begins(found[0], stable) and decoding.decoder != "greedy":
        wider = read(replace(decoding, n_best=max(_CANDIDATES, decoding.n_best)))
        found = tuple(item for item in wider if _begins(item, stable)) or found
    words = continued(stable, found[0].words)
    best = Hypothesis(" ".join(word.text for word in words), words, found[0].score)
    listed = (best, *found[1:])[: decoding.n_best] if decoding.n_best > 1 else ()
    return UtteranceRead(
        words=words,
        formatted_text=format_transcript(words, language, readable).text if readable else None,
        alternatives=tuple((item.text, item.score, item.words) for item in listed),
    )


def _begins(hypothesis: Hypothesis, stable: Sequence[Word]) -> bool:
    texts = [word.text for word in hypothesis.words[: len(stable)]]
    return texts == [word.text for word in stable]
