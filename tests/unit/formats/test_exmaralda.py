"""Basic transcriptions of EXMARaLDA, validated against the structure that EXMARaLDA reads."""

from itertools import pairwise

import pytest
from examples import examples
from hypothesis import given, settings
from lxml import etree
from timed_words import texts, transcript_of, transcripts, words_of

from app.contract.answers import Transcript, Word
from app.formats import render

# What EXMARaLDA's basic-transcription.dtd (version 1.4) requires of the elements with children.
_CHILDREN = {
    "basic-transcription": ["head", "basic-body"],
    "head": ["meta-information", "speakertable"],
    "meta-information": [
        "project-name", "transcription-name", "referenced-file", "ud-meta-information", "comment",
        "transcription-convention",
    ],
    "speaker": [
        "abbreviation", "sex", "languages-used", "l1", "l2", "ud-speaker-information", "comment",
    ],
}  # fmt: skip
_REPEATED = {"speakertable": "speaker", "common-timeline": "tli", "tier": "event"}
_ATTRIBUTES = {
    "referenced-file": {"url"},
    "speaker": {"id"},
    "sex": {"value"},
    "tli": {"id", "time"},
    "tier": {"id", "speaker", "category", "type", "display-name"},
    "event": {"start", "end"},
}

CONVERSATION = transcript_of(
    [
        Word("ja", 0.4, 0.6, 0.9, "Kari <b>"),
        Word("vel", 0.7, 1.5, 0.9, "Kari <b>"),
        Word("nei", 1.2, 1.7, 0.9, 'Ola "&"'),
    ],
    4.0,
)


def read(transcript: Transcript, recording: str = "møte.wav") -> etree._Element:
    """The document, once its structure is that which EXMARaLDA reads."""
    root = etree.fromstring(render(transcript, "exb", recording=recording).body)
    for element in root.iter():
        children = [child.tag for child in element]
        assert set(element.keys()) == _ATTRIBUTES.get(element.tag, set())
        if element.tag in _REPEATED:
            assert set(children) <= {_REPEATED[element.tag]}
        elif element.tag == "basic-body":
            assert children[0] == "common-timeline"
            assert set(children[1:]) == {"tier"}
        else:
            assert children == _CHILDREN.get(element.tag, [])
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(set(ids)) == len(ids)
    assert {sex.get("value") for sex in root.iter("sex")} == {"u"}
    return root


def tiers(root: etree._Element) -> list[tuple[str, str, list[tuple[float, float, str]]]]:
    """The speaker, the category, and the events with their times in seconds, of each tier."""
    times = {item.get("id"): float(item.get("time")) for item in root.iter("tli")}
    names = {each.get("id"): each.findtext("abbreviation") for each in root.iter("speaker")}
    return [
        (
            names[tier.get("speaker")],
            tier.get("category"),
            [(times[e.get("start")], times[e.get("end")], e.text) for e in tier.iter("event")],
        )
        for tier in root.iter("tier")
    ]


def test_each_speaker_has_a_tier_of_utterances_and_one_of_words() -> None:
    root = read(CONVERSATION)
    assert tiers(root) == [
        ("Kari <b>", "v", [(0.4, 1.5, "ja vel")]),
        ("Kari <b>", "word", [(0.4, 0.6, "ja"), (0.7, 1.5, "vel")]),
        ('Ola "&"', "v", [(1.2, 1.7, "nei")]),
        ('Ola "&"', "word", [(1.2, 1.7, "nei")]),
    ]
    assert [tier.get("type") for tier in root.iter("tier")] == ["t", "a", "t", "a"]
    times = [float(item.get("time")) for item in root.iter("tli")]
    assert (times[0], times[-1]) == (0.0, 4.0)
    assert all(a < b for a, b in pairwise(times))


@pytest.mark.parametrize(
    ("recording", "url", "name"), [("lyd/møte.wav", "møte.wav", "møte"), ("opptak", "", "opptak")]
)
def test_recording_is_linked_by_its_name(recording: str, url: str, name: str) -> None:
    root = read(transcript_of(words_of("ja vel"), 3.0), recording)
    assert root.find(".//referenced-file").get("url") == url
    assert root.findtext(".//transcription-name") == name
    assert [speaker for speaker, *_ in tiers(root)] == ["X", "X"]


def test_silence_has_empty_tiers() -> None:
    assert [events for *_, events in tiers(read(transcript_of([], 3.0)))] == [[], []]


@given(transcripts())
@settings(max_examples=examples(40), deadline=None)
def test_every_word_is_an_event(transcript: Transcript) -> None:
    [_, (_, _, words)] = tiers(read(transcript))
    assert [text for *_, text in words] == [" ".join(text.split()) for text in texts(transcript)]
