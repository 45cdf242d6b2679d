"""The figures of a comparison, of systems whose texts are known."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import jiwer
import numpy as np
import pytest

from trainer.comparison import Transcripts, compare, report, summarise
from trainer.comparison.words import contrast_words
from trainer.data import Record, Waveform
from trainer.errors import DataError
from trainer.evaluation import TestSet
from trainer.evaluation.alignment import align_words
from trainer.evaluation.confusions import Confusion

REFERENCES = ("det er en prøve", "vi går på tur", "hun har en hest", "klokka er tjue over to")


class Silence:
    def waveform(self) -> Waveform:
        return np.zeros(16000, np.float32)


@dataclass
class Written:
    """A system whose texts are known."""

    name: str
    texts: Sequence[str]
    refused: dict[int, str] = field(default_factory=dict)
    kind: str = "model"

    def transcribe(self, records: Sequence[Record]) -> Transcripts:
        assert len(records) == len(self.texts)
        return Transcripts(tuple(self.texts), 0.5, self.refused)


def known_set(references: Sequence[str] = REFERENCES) -> TestSet:
    return TestSet(
        "known",
        tuple(
            Record(Silence(), text, "nb", "test", ("kari", "ola")[number % 2], 1.0 + 4 * number)
            for number, text in enumerate(references)
        ),
        ((),) * len(references),
        tuple(
            {"dialect": ("trønder", "jær")[number % 2], **({"channel": "phone"} if number else {})}
            for number in range(len(references))
        ),
    )


def summary(*systems: Written, references: Sequence[str] = REFERENCES) -> dict:
    found = summarise(compare(systems, known_set(references)))
    return json.loads(json.dumps(found))


RIGHT = Written("right", [text.capitalize() + "." for text in REFERENCES])
WRONG = Written("wrong", ["det er prøve", "vi gor på tur ja", "hun har hest", REFERENCES[3]])


def test_rates_are_those_of_jiwer_and_the_difference_is_paired() -> None:
    found = summary(RIGHT, WRONG)
    right, wrong = found["systems"]
    assert right["wer"] == right["cer"] == 0
    assert wrong["wer"] == jiwer.wer([*REFERENCES], [*WRONG.texts])
    assert wrong["cer"] == jiwer.cer([*REFERENCES], [*WRONG.texts])
    (difference,) = found["differences"]
    assert (difference["baseline"], difference["system"]) == ("right", "wrong")
    assert difference["wer"] == wrong["wer"]
    assert difference["intervals"]["wer"] == wrong["intervals"]["wer"]
    assert difference["probability_of_improvement"] == {"wer": 0, "cer": 0}
    assert wrong["real_time_factor"] == pytest.approx(0.5 / found["seconds"])


def test_probability_of_improvement_follows_the_better_system() -> None:
    (difference,) = summary(WRONG, RIGHT)["differences"]
    assert difference["wer"] < 0
    assert difference["probability_of_improvement"]["wer"] > 0.95
    assert difference["utterances"] == {"baseline_better": 0, "equal": 1, "system_better": 3}
    assert [item["index"] for item in difference["system_better"]] == [1, 0, 2]
    assert difference["system_better"][0] == {
        "index": 1, "speaker": "ola", "seconds": 5.0, "reference": "vi går på tur",
        "baseline": "vi gor på tur ja", "system": "vi går på tur", "errors": [2, 0],
    }  # fmt: skip


def test_every_system_is_compared_with_the_first() -> None:
    found = summary(RIGHT, WRONG, Written("empty", [""] * 4))
    assert [item["system"] for item in found["differences"]] == ["wrong", "empty"]
    assert {item["baseline"] for item in found["differences"]} == {"right"}
    assert found["differences"][1]["wer"] == 1


def test_parts_have_their_own_rates_intervals_and_differences() -> None:
    found = summary(RIGHT, WRONG)
    names = {kind: [part["name"] for part in found[f"by_{kind}"]] for kind in (
        "speaker", "dialect", "channel", "length",
    )}  # fmt: skip
    assert names == {
        "speaker": ["kari", "ola"],
        "dialect": ["trønder", "jær"],
        "channel": ["unknown", "phone"],
        "length": ["under 2 s", "5 to 10 s", "10 to 20 s"],
    }
    first, second = found["by_dialect"]
    texts = [[list(REFERENCES[place::2]), list(WRONG.texts[place::2])] for place in (0, 1)]
    assert first["differences"][0]["wer"] == jiwer.wer(*texts[0])
    assert second["differences"][0]["wer"] == jiwer.wer(*texts[1])
    low, high = second["systems"][1]["intervals"]["wer"]
    assert low <= second["systems"][1]["wer"] <= high
    # Of one utterance there is nothing to draw.
    alone = found["by_length"][0]
    assert alone["systems"][1]["intervals"] is None
    assert alone["differences"][0]["probability_of_improvement"] is None


def test_labels_that_no_utterance_has_give_no_parts() -> None:
    plain = TestSet("plain", known_set().records, ((),) * 4, ({},) * 4)
    found = summarise(compare([RIGHT, WRONG], plain))
    assert found["by_dialect"] == found["by_channel"] == []


def test_words_that_one_system_alone_has_are_listed_with_what_the_other_wrote() -> None:
    references = ["huset er rødt i dag", "huset er blått"]
    first = align_words(references, ["huset er rødt", "huset er blott nå"])
    second = align_words(references, ["hus et er rødt i dag", "uset er blott"])
    found = contrast_words(first, second, most=5)
    assert (found.both, found.only_first, found.only_second, found.neither) == (3, 2, 2, 1)
    assert {item.said for item in found.first_words} == {"huset"}
    assert set(found.second_words) == {Confusion("i", "", 1), Confusion("dag", "", 1)}


def test_digits_of_a_system_are_counted_where_references_have_words() -> None:
    digits = Written("digits", [*REFERENCES[:3], "klokka er 20 over 2"])
    found = summary(RIGHT, digits)
    assert [item["texts_with_digits"] for item in found["systems"]] == [0, 1]
    assert "B writes digits in 1 texts" in report(found)
    spelled = summary(RIGHT, digits, references=[*REFERENCES[:3], "klokka er 20 over 2"])
    assert [item["texts_with_digits"] for item in spelled["systems"]] == [0, 0]


def test_refused_recordings_count_as_empty_and_are_listed() -> None:
    refusing = Written("refusing", [*REFERENCES[:3], ""], {3: "too long"}, "server")
    found = summary(RIGHT, refusing)
    assert found["systems"][1]["refused"] == [{"index": 3, "reason": "too long"}]
    assert found["systems"][1]["wer"] == 5 / 17
    assert "B refused 1 recordings" in report(found)


def test_report_has_the_figures_of_the_summary() -> None:
    found = summary(Written("runs/a_b", WRONG.texts), RIGHT)
    text = report(found)
    assert "- A: runs/a\\_b" in text
    assert f"| A | {100 * found['systems'][0]['wer']:.1f} % |" in text
    assert f"- WER: {100 * found['differences'][0]['wer']:+.1f} points" in text
    assert "B writes and A does not: " in text
    assert "“går” → “gor”: 1" in text
    assert all(f"## By {name}" in text for name in ("speaker", "dialect", "channel", "length"))


def test_test_set_without_any_text_is_refused() -> None:
    with pytest.raises(DataError, match="nothing to compare"):
        compare([RIGHT, WRONG], known_set(["", "", "", ""]))
