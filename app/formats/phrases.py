"""Rates the gap between two words as the end of a line.

After the rules for line breaks of Netflix's Timed Text Style Guide: after punctuation, before
conjunctions and prepositions; not between an article or adjective and its noun, a verb and its
subject pronoun, auxiliary or negation.
"""

from dataclasses import dataclass

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
# Conjunctions, articles, prepositions, possessives, subject pronouns, auxiliaries.
_HOLDING = {
    "da": "jeg du han hun vi i de der så kan vil skal må bør blev bliver havde ikke meget "
    "mere alle nogle dette disse denne af at den deres det din eller en er et for fordi "
    "fra har hos hver hvis med mellem men min og om over på samt sin som til under var "
    "ved vores",
    "nb": "jeg du han hun vi dere de kan vil skal må bør ble blir hadde ikke veldig mer alle "
    "noen dette disse denne at av den deres det din ei eller en er et for fordi fra har "
    "hos hver hvis i med mellom men min og om over på samt sin som til under var ved "
    "vår å",
    "nn": "eg du han ho vi me de dei kan vil skal må bør vart blir hadde ikkje veldig meir "
    "alle nokre dette desse denne at av deira den dersom det din ei ein eit eller er "
    "for fordi frå har hos i kvar med mellom men min og om over på samt sin som til "
    "under var ved viss vår å",
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
        """Returns the cost of a break, from 0 after a sentence to 1 inside a phrase."""
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
    """Returns the words for `da`, `nb`, `nn` or `no`; other languages have punctuation only."""
    code = "nb" if language == "no" else language
    if code not in _HOLDING:
        return Phrases(frozenset(), frozenset(), frozenset(), frozenset())
    return Phrases(
        frozenset(_CONJUNCTIONS[code].split()),
        frozenset(_PREPOSITIONS[code].split()),
        frozenset(_CLINGING[code].split()),
        frozenset(_HOLDING[code].split()),
    )


def _plain(word: str) -> str:
    return word.strip("«»“”\"'()[].,;:?!…").lower()
