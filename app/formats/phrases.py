"""Two neighbouring words in, how badly a line would end between them out.

After the rules for line breaks of Netflix's Timed Text Style Guide: after punctuation, before
conjunctions and prepositions; not between an article or adjective and its noun, a verb and its
subject pronoun, auxiliary or negation.
"""

from dataclasses import dataclass

from app.itn.lexicon import lexicon

_SENTENCE_MARKS = ".?!…"
_CLAUSE_MARKS = ",;:–—"
_QUOTES = "»”\"')]"

_CONJUNCTIONS = {
    "da": "og eller men for så at fordi hvis når da mens som der selvom ligesom siden før efter "
    "inden indtil hvad hvem hvor hvorfor hvordan hvilket",
    "nb": "og eller men for så at fordi hvis når da mens som selv fordi dersom siden før etter "
    "inntil hva hvem hvor hvorfor hvordan hvilket",
    "nn": "og eller men for så at fordi viss dersom når då medan som sjølv sidan før etter "
    "inntil kva kven kor kvar kvifor korleis",
}
_PREPOSITIONS = {
    "da": "i på til af fra med om ved hos under over mellem mod uden gennem",
    "nb": "i på til av fra med om ved hos under over mellom mot uten gjennom",
    "nn": "i på til av frå med om ved hos under over mellom mot utan gjennom",
}
_CLINGING = {
    "da": "jeg du han hun vi mig dig sig ham os ikke",
    "nb": "jeg du han hun vi meg deg seg ham oss ikke",
    "nn": "eg du han ho vi me meg deg seg oss ikkje",
}
# Beyond those after which no sentence ends or no comma stands: subject pronouns, auxiliaries.
_HOLDING = {
    "da": "jeg du han hun vi i de der så kan vil skal må bør blev bliver havde ikke meget mere "
    "alle nogle dette disse denne",
    "nb": "jeg du han hun vi dere de kan vil skal må bør ble blir hadde ikke veldig mer alle "
    "noen dette disse denne",
    "nn": "eg du han ho vi me de dei kan vil skal må bør vart blir hadde ikkje veldig meir alle "
    "nokre dette desse denne",
}


@dataclass(frozen=True, slots=True)
class Phrases:
    """The words of one language that decide where lines end.

    A line may well begin with `conjunctions` and `prepositions`, rather not with the `clinging`,
    which belong to the verb before them, and does not end with the `holding`.
    """

    conjunctions: frozenset[str]
    prepositions: frozenset[str]
    clinging: frozenset[str]
    holding: frozenset[str]

    def cost(self, before: str, after: str) -> float:
        """From 0 after a sentence to 1 inside a phrase."""
        bare = before.rstrip(_QUOTES)
        if bare.endswith(tuple(_SENTENCE_MARKS)):
            # `21. mars` is no end of a sentence: the next one would begin with a capital.
            return 1.0 if bare[-2:-1].isdigit() and after[:1].islower() else 0.0
        if bare.endswith(tuple(_CLAUSE_MARKS)):
            return 0.15
        return self._inside(_plain(before), _plain(after))

    def _inside(self, before: str, after: str) -> float:
        if before in self.holding:
            return 1.0
        if before.isdigit():
            return 0.9
        if after in self.conjunctions:
            return 0.25
        if after in self.prepositions:
            return 0.45
        return 0.8 if after in self.clinging else 0.6


def phrases(language: str) -> Phrases:
    """The words for `da`, `nb`, `nn` or `no`; other languages know punctuation only."""
    code = "nb" if language == "no" else language
    known = lexicon(code)
    if known is None or code not in _HOLDING:
        return Phrases(frozenset(), frozenset(), frozenset(), frozenset())
    return Phrases(
        frozenset(_CONJUNCTIONS[code].split()),
        frozenset(_PREPOSITIONS[code].split()),
        frozenset(_CLINGING[code].split()),
        frozenset(_HOLDING[code].split()) | known.unfinished | known.leaning,
    )


def _plain(word: str) -> str:
    return word.strip("«»“”\"'()[].,;:?!…").lower()
