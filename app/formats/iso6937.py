"""Encodes Latin letters in ISO 6937, the character set of EBU STL and of teletext systems."""

import unicodedata

_REPLACED = str.maketrans(
    {
        "…": "...",
        "–": "-",
        "\u2010": "-",
        "\u2011": "-",
        "\u2212": "-",
        "„": "“",
        "\u201a": "\u2018",
        "€": "EUR",
    }
)
_LETTERS = dict(
    zip(
        "¡¢£¥§‘“«°±²³×µ¶·÷’”»¼½¾¿—¹®©™♪¬¦ÆÐªĦĲĿŁØŒºÞŦŊŉĸæđðħıĳŀłøœßþŧŋ",
        bytes.fromhex(
            "a1a2a3a5a7a9aaabb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
            "d0d1d2d3d4d5d6d7"
            "e1e2e3e4e6e7e8e9eaebecedeeef"
            "f0f1f2f3f4f5f6f7f8f9fafbfcfdfe"
        ),
        strict=True,
    )
) | {"Đ": 0xE2}
# The accent comes before its letter; each is there for some letters only.
_ACCENTS = {
    "\u0300": (0xC1, "AEIOUaeiou"),
    "\u0301": (0xC2, "ACEILNORSUYZaceilnorsuyz"),
    "\u0302": (0xC3, "ACEGHIJOSUWYaceghijosuwy"),
    "\u0303": (0xC4, "AINOUainou"),
    "\u0304": (0xC5, "AEIOUaeiou"),
    "\u0306": (0xC6, "AGUagu"),
    "\u0307": (0xC7, "CEGIZcegz"),
    "\u0308": (0xC8, "AEIOUYaeiouy"),
    "\u030a": (0xCA, "AUau"),
    "\u0327": (0xCB, "CGKLNRSTcklnrst"),
    "\u030b": (0xCD, "OUou"),
    "\u0328": (0xCE, "AEIUaeiu"),
    "\u030c": (0xCF, "CDELNRSTZcdelnrstz"),
}
_UNKNOWN = ord("?")


def simplify(text: str) -> str:
    """Returns a text with marks of ISO 6937 for those that it does not have, such as dashes."""
    return unicodedata.normalize("NFC", text.translate(_REPLACED))


def encode(text: str) -> bytes:
    """Returns a text in ISO 6937; letters that it does not have lose their accent or become `?`.

    Args:
        text: simplified, without line breaks.
    """
    return b"".join(map(_encode, text))


def _encode(character: str) -> bytes:
    if " " <= character <= "~":
        return character.encode("ascii")
    if character in _LETTERS:
        return bytes((_LETTERS[character],))
    decomposed = unicodedata.normalize("NFD", character)
    base, accents = decomposed[0], decomposed[1:]
    if unicodedata.combining(base):
        return b""
    if accents and accents[0] in _ACCENTS:
        code, letters = _ACCENTS[accents[0]]
        if base in letters:
            return bytes((code, ord(base)))
    return _encode(base) if accents else bytes((_UNKNOWN,))
