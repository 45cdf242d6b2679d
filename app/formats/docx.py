"""Writes a document of Word: Office Open XML, as ECMA-376 and ISO/IEC 29500 describe it.

A document is an archive of a few XML files. Those of a transcript use so little of the format that
they are written here.
"""

import io
from html import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from ..contract.layout import UNSURE, Layout
from .paragraphs import Paragraph, divide
from .text import clock_seconds
from .timeline import TimedWord, Timeline

_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
# The earliest time of an archive: the same transcript gives the same bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
# For Word to check the spelling.
_LANGUAGES = {"nb": "nb-NO", "nn": "nn-NO", "no": "nb-NO", "da": "da-DK"}

_CONTENT_TYPES = (
    f'<Types xmlns="{_PACKAGE}/content-types">'
    f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
    f'relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{_TYPE}.document.main+xml"/>'
    f'<Override PartName="/word/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
    f'<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.'
    f'core-properties+xml"/></Types>'
)
_RELATIONSHIPS = (
    f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="word/document.xml"/>'
    f'<Relationship Id="rId2" Type="{_PACKAGE}/relationships/metadata/core-properties" '
    f'Target="docProps/core.xml"/></Relationships>'
)
_DOCUMENT_RELATIONSHIPS = (
    f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
)
_STYLES = """<w:styles xmlns:w="{word}"><w:docDefaults><w:rPrDefault><w:rPr>\
<w:rFonts w:ascii="Calibri" w:hAnsi="Calibri" w:cs="Calibri"/><w:sz w:val="22"/>\
{language}</w:rPr></w:rPrDefault><w:pPrDefault><w:pPr>\
<w:spacing w:after="160" w:line="276" w:lineRule="auto"/></w:pPr></w:pPrDefault></w:docDefaults>\
<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/><w:qFormat/>\
</w:style><w:style w:type="paragraph" w:styleId="Title"><w:name w:val="Title"/>\
<w:basedOn w:val="Normal"/><w:next w:val="Normal"/><w:qFormat/><w:rPr><w:sz w:val="40"/></w:rPr>\
</w:style></w:styles>"""
_PROPERTIES = """<cp:coreProperties xmlns:cp="{package}/metadata/core-properties" \
xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title>\
<dc:creator>nordlyd</dc:creator></cp:coreProperties>"""

_BOLD = "<w:b/>"
_GREY = '<w:color w:val="7F7F7F"/>'
_HIGHLIGHT = '<w:highlight w:val="yellow"/>'


def to_docx(timeline: Timeline, layout: Layout, *, title: str, language: str) -> bytes:
    """Writes a title and paragraphs, each with its speaker in bold and its time in grey.

    Args:
        timeline: of the recording.
        layout: as requested; may highlight words that are unsure.
        title: of the document.
        language: code of its language.
    """
    marked = layout.mark_unsure is True
    checked = f'<w:lang w:val="{_LANGUAGES[language]}"/>' if language in _LANGUAGES else ""
    paragraphs = [_heading(title)]
    paragraphs += [_paragraph(each, marked=marked) for each in divide(timeline, layout)]
    body = (
        f'<w:document xmlns:w="{_WORD}"><w:body>{"".join(paragraphs)}<w:sectPr>'
        '<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1417" w:right="1417" w:bottom="1417" '
        'w:left="1417" w:header="708" w:footer="708" w:gutter="0"/></w:sectPr></w:body>'
        "</w:document>"
    )
    files = {
        "[Content_Types].xml": _CONTENT_TYPES,
        "_rels/.rels": _RELATIONSHIPS,
        "word/document.xml": body,
        "word/_rels/document.xml.rels": _DOCUMENT_RELATIONSHIPS,
        "word/styles.xml": _STYLES.format(word=_WORD, language=checked),
        "docProps/core.xml": _PROPERTIES.format(package=_PACKAGE, title=escape(title)),
    }
    written = io.BytesIO()
    with ZipFile(written, "w") as archive:
        for name, content in files.items():
            info = ZipInfo(name, _NO_TIME)
            info.compress_type = ZIP_DEFLATED
            archive.writestr(info, f"{_DECLARATION}{content}")
    return written.getvalue()


def _heading(title: str) -> str:
    return f'<w:p><w:pPr><w:pStyle w:val="Title"/></w:pPr>{_run(title)}</w:p>'


def _paragraph(paragraph: Paragraph, *, marked: bool) -> str:
    runs = []
    if paragraph.start is not None:
        runs.append(_run(f"[{clock_seconds(paragraph.start)}] ", _GREY))
    if paragraph.speaker is not None:
        runs.append(_run(f"{paragraph.speaker}: ", _BOLD))
    runs.append(_marked(paragraph.words) if marked else _run(paragraph.text))
    return f"<w:p>{''.join(runs)}</w:p>"


def _marked(words: tuple[TimedWord, ...]) -> str:
    """Returns the runs of words, those that are unsure highlighted."""
    runs = []
    sure: list[str] = []
    for word in words:
        if word.confidence >= UNSURE:
            sure.append(f"{word.text} ")
            continue
        runs += [_run("".join(sure)), _run(word.text, _HIGHLIGHT)]
        sure = [" "]
    runs.append(_run("".join(sure).rstrip(" ")))
    return "".join(runs)


def _run(text: str, style: str = "") -> str:
    if not text:
        return ""
    properties = f"<w:rPr>{style}</w:rPr>" if style else ""
    return f'<w:r>{properties}<w:t xml:space="preserve">{escape(text, quote=False)}</w:t></w:r>'
