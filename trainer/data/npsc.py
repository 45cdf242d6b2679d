"""NPSC, the Norwegian Parliamentary Speech Corpus: 140 hours, whole or one written language.

Every sentence carries the language it is written in; the published Nynorsk model was trained
on the whole set filtered by it, not on the smaller Nynorsk subset.
"""

from dataclasses import replace

from trainer.data.hub import CONVERTED
from trainer.data.published import PublishedSet, Row

_CODE = "sentence_language_code"
_LANGUAGES = {"nn-no": "nn", "nb-no": "nb"}


def _language(row: Row) -> str:
    code = str(row[_CODE] or "").lower()
    return _LANGUAGES.get(code, code)


def _not_nynorsk(row: Row) -> str | None:
    return None if _language(row) == "nn" else "another language"


def _not_bokmaal(row: Row) -> str | None:
    return None if _language(row) == "nb" else "another language"


NPSC = PublishedSet(
    name="npsc",
    family="npsc",
    repository="NbAiLab/NPSC",
    licence="CC0-1.0",
    config="16K_mp3",
    revision=CONVERTED,
    text="text",
    language=_language,
    speaker="speaker_id",
    columns=(_CODE,),
)
NPSC_NYNORSK = replace(NPSC, name="npsc-nynorsk", leave_out=_not_nynorsk)
NPSC_BOKMAAL = replace(NPSC, name="npsc-bokmaal", leave_out=_not_bokmaal)
