"""The frame of a report in HTML: its head, style and policy."""

from collections.abc import Iterable
from html import escape
from importlib.resources import files


def html_document(title: str, header: str, sections: Iterable[str], *, media: str) -> str:
    """Returns a page that runs no script and loads nothing but media, which its policy enforces.

    Args:
        title: as text.
        header: HTML below the title.
        sections: HTML of each.
        media: where audio may be from, as in a Content-Security-Policy.
    """
    style = files("trainer.evaluation.report").joinpath("report.css").read_text(encoding="utf-8")
    policy = f"default-src 'none'; style-src 'unsafe-inline'; media-src {media}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<header><h1>{escape(title)}</h1>{header}</header>
<main>
{"".join(sections)}
</main>
</body>
</html>
"""
