"""Masks what may not be read: national numbers, telephones, cards, e-mail addresses, names.

It works on the words of a transcript, before they are formatted, so every text and format that is
made of them is masked.
"""

from app.redaction.growing import GrowingMask
from app.redaction.masking import mask_hypotheses
from app.redaction.names import read_names
from app.redaction.options import RedactionOptions, check_language, with_operator_names

__all__ = [
    "GrowingMask",
    "RedactionOptions",
    "check_language",
    "mask_hypotheses",
    "read_names",
    "with_operator_names",
]
