"""Finds e-mail addresses as they are spoken: `kari krøllalfa eksempel punktum no`."""

from collections.abc import Iterator, Sequence

from app.contract.answers import Word
from app.redaction.spans import Label, Span, breaks_between
from app.redaction.spoken import SpokenDigits, plain

# `krøllalfa`, `snabel-a` and the like, as one word or several.
_AT = tuple(
    tuple(mark.split())
    for mark in (
        "krøllalfa", "krøllalfaen", "krøll alfa", "krølle alfa", "alfakrøll", "alfa krøll",
        "snabela", "snabel a", "snabel-a", "snabel", "@",
    )
)  # fmt: skip
_AT_BEGINNINGS = frozenset(mark[0] for mark in _AT)
_WEAK_AT = frozenset({"at", "ætt", "ett"})
_DOTS = frozenset({"punktum", "punkt", "prikk", "prik", "dot", "dott"})
_HYPHENS = {"strek", "streg", "bindestrek", "bindestreg", "minus"}
_SEPARATORS = _DOTS | _HYPHENS | {"understrek", "understreg", "underscore"}
_ENDINGS = frozenset(
    {
        "no", "dk", "se", "fi", "is", "eu", "com", "kom", "net", "nett", "org", "info", "nu",
        "io", "ai", "edu", "gov",
    }
)  # fmt: skip
_SPELLED_ENDINGS = (("n", "o"), ("d", "k"), ("de", "kå"), ("en", "o"), ("c", "o", "m"))
_MAX_LOCAL_WORDS = 16
_MAX_DOMAIN_WORDS = 4
# The dot of a domain is at most so many words after the first word of an at sign.
_DOT_WORDS = 7
# And so many words after it an address has ended.
_MAX_ADDRESS_WORDS = 20


class EmailFinder:
    """Finds the addresses of a transcript.

    Args:
        words: in order.
        digits: of the same words.
    """

    def __init__(self, words: Sequence[Word], digits: SpokenDigits) -> None:
        self._words = words
        self._texts = [plain(word.word) for word in words]
        self._digits = digits

    def find(self) -> Iterator[Span]:
        """Yields the addresses, in order."""
        for place, text in enumerate(self._texts):
            if "@" in text and len(text) > 1:
                yield Span(place, place + 1, Label.EMAIL)
                continue
            after = self._after_at(place)
            end = None if after is None else self._domain_end(after, place)
            if end is None and place and text in _WEAK_AT:
                end = self._dotted_end(place + 1, known=True)
            if end is not None:
                yield Span(self._local_start(place), end, Label.EMAIL)

    def may_cross(self, place: int) -> bool:
        """Returns whether an address can begin before a word and end after it.

        One whose end is known can, too: only what words that are not known yet may change counts.

        Args:
            place: of the word; it is known, and others may follow the known ones.
        """
        if any(
            self._may_continue(at, place) for at in range(max(0, place - _MAX_ADDRESS_WORDS), place)
        ):
            return True
        until = next(
            (at for at in range(place, len(self._words)) if not self._is_decided(at)),
            len(self._words),
        )
        # What stands before an at sign has no two ordinary words in a row.
        return not any(
            self._is_ordinary(i - 1) and self._is_ordinary(i) for i in range(place, until)
        )

    def _may_continue(self, at: int, place: int) -> bool:
        """Returns whether an address whose at sign is before a word may include later ones."""
        if not self._may_be_at(at):
            return False
        following = self._texts[at + 1 : at + 1 + _DOT_WORDS]
        if len(following) < _DOT_WORDS:
            return True
        dotted = any(text in _DOTS for text in following)
        return dotted and len(self._words) - place < _MAX_ADDRESS_WORDS

    def _is_decided(self, place: int) -> bool:
        """Returns whether later words cannot make an at sign of a word."""
        return not self._may_be_at(place) or len(self._words) - place > _DOT_WORDS

    def _may_be_at(self, place: int) -> bool:
        return self._texts[place] in _AT_BEGINNINGS or self._texts[place] in _WEAK_AT

    def _is_ordinary(self, place: int) -> bool:
        text = self._texts[place]
        return not (self._is_small(place) or text in _SEPARATORS or self._may_be_at(place))

    def _after_at(self, place: int) -> int | None:
        """Returns the index after an at sign that begins at a word."""
        lengths = [
            len(mark) for mark in _AT if tuple(self._texts[place : place + len(mark)]) == mark
        ]
        return place + max(lengths) if lengths else None

    def _domain_end(self, place: int, at: int) -> int:
        """Returns one past the last word of a domain, which may have no dot."""
        end = self._dotted_end(place, known=False)
        if end is not None:
            return end
        return min(place + 1, self._reach(at))

    def _dotted_end(self, place: int, *, known: bool) -> int | None:
        """Returns one past the last word of a domain with a dot; None where there is none.

        Args:
            place: of its first word.
            known: whether only well-known endings count.
        """
        reach = self._reach(place)
        stop = min(place + 1 + _MAX_DOMAIN_WORDS, reach)
        dot = next((i for i in range(place + 1, stop) if self._texts[i] in _DOTS), None)
        if dot is None or dot + 1 >= reach:
            return None
        end = dot
        while end + 1 < reach and self._texts[end] in _SEPARATORS:
            complete = end > dot and self._texts[end - 1] in _ENDINGS
            if complete and self._texts[end + 1] not in _ENDINGS:
                break  # a full stop that is dictated
            end += 1 + self._ending_words(end + 1)
        spelled = end - dot - 1 > 1
        return None if known and not spelled and self._texts[end - 1] not in _ENDINGS else end

    def _ending_words(self, place: int) -> int:
        """Returns how many words the part of a domain after a dot has: several if spelled."""
        for spelled in _SPELLED_ENDINGS:
            if tuple(self._texts[place : place + len(spelled)]) == spelled:
                return len(spelled)
        return 1

    def _local_start(self, at: int) -> int:
        """Returns the first word of what stands before an at sign.

        It is one word, those that `punktum` and the like join to it, and letters and numbers.
        """
        first, last = at, max(0, at - _MAX_LOCAL_WORDS)
        wanted = True
        while first > last and not breaks_between(self._words[first - 1], self._words[first]):
            text = self._texts[first - 1]
            small = len(text) == 1 or self._digits.is_number(first - 1)
            if not (wanted or small or text in _SEPARATORS):
                break
            if first < at and small and not wanted and not self._is_small(first):
                break
            first -= 1
            wanted = text in _SEPARATORS or self._digits.is_number(first)
        return first

    def _is_small(self, place: int) -> bool:
        return len(self._texts[place]) == 1 or self._digits.is_number(place)

    def _reach(self, place: int) -> int:
        """Returns one past the last word that can belong to what is said at a word."""
        end = place + 1
        while end < len(self._words) and not breaks_between(self._words[end - 1], self._words[end]):
            end += 1
            if end - place > _MAX_LOCAL_WORDS:
                break
        return min(end, len(self._words))
