"""Writes subtitles as EBU-TT-D, the profile of TTML for broadcasters' players.

After EBU Tech 3380, version 1.0.1. The documents conform to the text profile of IMSC 1.1 as well.
"""

import re
from collections.abc import Sequence
from html import escape

from .subtitles import Cue
from .vtt import clock

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter" \
xmlns:tts="http://www.w3.org/ns/ttml#styling" xmlns:ebutts="urn:ebu:tt:style" \
xmlns:ebuttm="urn:ebu:tt:metadata" ttp:timeBase="media" ttp:cellResolution="50 30" \
xml:lang="{language}">
<head>
<metadata>
<ebuttm:documentMetadata>
<ebuttm:conformsToStandard>urn:ebu:tt:distribution:2018-04</ebuttm:conformsToStandard>
<ebuttm:conformsToStandard>http://www.w3.org/ns/ttml/profile/imsc1.1/text\
</ebuttm:conformsToStandard>
</ebuttm:documentMetadata>
</metadata>
<styling>
<style xml:id="paragraph" tts:fontFamily="proportionalSansSerif" tts:fontSize="160%" \
tts:lineHeight="125%" tts:textAlign="center" ebutts:linePadding="0.5c"/>
<style xml:id="text" tts:color="#FFFFFF" tts:backgroundColor="#000000"/>
</styling>
<layout>
<region xml:id="bottom" tts:origin="5% 10%" tts:extent="90% 80%" tts:displayAlign="after"/>
</layout>
</head>
"""
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


def to_ttml(cues: Sequence[Cue], *, language: str) -> str:
    """Writes the cues at the bottom of the picture, white on black.

    Args:
        cues: in order.
        language: code of their language; one that is no language tag is left out.
    """
    paragraphs = "".join(
        f'<p xml:id="s{number}" region="bottom" style="paragraph" begin="{clock(cue.start)}" '
        f'end="{clock(cue.end)}"><span style="text">'
        f"{escape(cue.text, quote=False).replace(chr(10), '<br/>')}</span></p>\n"
        for number, cue in enumerate(cues, 1)
    )
    # A division without paragraphs is not allowed, but a document without a body is.
    body = f"<body>\n<div>\n{paragraphs}</div>\n</body>\n" if cues else ""
    tag = language if _LANGUAGE_TAG.fullmatch(language) else ""
    return f"{_HEAD.format(language=tag)}{body}</tt>\n"
