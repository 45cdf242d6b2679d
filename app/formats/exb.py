"""Writes a basic transcription of EXMARaLDA: tiers of utterances and words, for each speaker.

The structure is that of EXMARaLDA's own basic-transcription.dtd, version 1.4.
"""

from html import escape

from .timeline import Timeline, tier_names

# EXMARaLDA's own label of a speaker whose name is not given.
_UNNAMED = "X"


def to_exb(timeline: Timeline, *, name: str, media: str | None = None) -> str:
    """Writes the transcription; times in seconds.

    Args:
        timeline: of the recording.
        name: of the transcription.
        media: file name of the recording, for EXMARaLDA to open it from the same folder.
    """
    times = sorted(
        {0, timeline.duration}
        | {edge for utterance in timeline.utterances for edge in (utterance.start, utterance.end)}
        | {edge for word in timeline.words for edge in (word.start, word.end)}
    )
    points = {time: f"T{index}" for index, time in enumerate(times)}
    speakers: list[str] = []
    tiers: list[str] = []
    for index, ((utterances, words), track) in enumerate(tier_names(timeline).items()):
        label = next((item.speaker for item in track.utterances), None)
        speakers.append(_speaker(f"SPK{index}", label or _UNNAMED))
        for kind, category, title, items in (
            ("t", "v", utterances, track.utterances),
            ("a", "word", words, track.words),
        ):
            events = "".join(
                f'<event start="{points[item.start]}" end="{points[item.end]}">'
                f"{escape(item.text, quote=False)}</event>\n"
                for item in items
            )
            tiers.append(
                f'<tier id="TIE{len(tiers)}" speaker="SPK{index}" category="{category}" '
                f'type="{kind}" display-name="{escape(title)}">\n{events}</tier>\n'
            )
    timeline_items = "".join(
        f'<tli id="{point}" time="{time / 1000:.3f}"/>\n' for time, point in points.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<basic-transcription>\n<head>\n'
        f"<meta-information>\n<project-name/>\n<transcription-name>{escape(name, quote=False)}"
        f'</transcription-name>\n<referenced-file url="{escape(media or "")}"/>\n'
        "<ud-meta-information/>\n<comment/>\n<transcription-convention/>\n</meta-information>\n"
        f"<speakertable>\n{''.join(speakers)}</speakertable>\n</head>\n<basic-body>\n"
        f"<common-timeline>\n{timeline_items}</common-timeline>\n{''.join(tiers)}</basic-body>\n"
        "</basic-transcription>\n"
    )


def _speaker(name: str, label: str) -> str:
    return (
        f'<speaker id="{name}">\n<abbreviation>{escape(label, quote=False)}</abbreviation>\n'
        '<sex value="u"/>\n<languages-used/>\n<l1/>\n<l2/>\n<ud-speaker-information/>\n'
        "<comment/>\n</speaker>\n"
    )
