"""The one way in which speech is divided into train, valid and test."""

import pytest

from app.splits import SPLITS, assign_splits


def shares(seconds: dict[str, float], assigned: dict[str, str]) -> dict[str, float]:
    total = sum(seconds.values())
    return {
        split: sum(seconds[group] for group, own in assigned.items() if own == split) / total
        for split in SPLITS
    }


def test_tenth_of_the_speech_is_in_valid_and_in_test_and_the_longest_in_train() -> None:
    seconds = {f"recording-{number}": 20.0 + number for number in range(100)} | {"long": 5000.0}
    assigned = assign_splits(seconds)
    found = shares(seconds, assigned)
    assert 0.09 < found["valid"] < 0.12
    assert 0.09 < found["test"] < 0.12
    assert assigned["long"] == "train"
    assert assign_splits(dict(reversed(seconds.items()))) == assigned


def test_at_most_an_hour_is_held_out_for_each_of_valid_and_test() -> None:
    assigned = list(assign_splits({str(number): 360.0 for number in range(1000)}).values())
    assert (assigned.count("valid"), assigned.count("test")) == (10, 10)


@pytest.mark.parametrize(
    ("seconds", "splits"),
    [
        ({"a": 5.0}, {"train"}),
        ({"a": 5.0, "b": 9.0}, {"train", "valid"}),
        ({"a": 5.0, "b": 9.0, "c": 5.0}, set(SPLITS)),
        ({"a": 100.0, "b": 1.0, "c": 1.0}, set(SPLITS)),
        ({"a": 5.0, "silent": 0.0}, {"train"}),
    ],
)
def test_few_groups_are_for_train_first_and_for_test_last(
    seconds: dict[str, float], splits: set[str]
) -> None:
    assigned = assign_splits(seconds)
    assert set(assigned.values()) == splits
    assert assigned[max(seconds, key=lambda group: seconds[group])] == "train"


def test_splits_that_have_speech_are_filled_up_to_their_share_as_more_comes() -> None:
    there = dict.fromkeys(SPLITS, 0.0)
    for number in range(200):
        [split] = assign_splits({str(number): 60.0}, there=there).values()
        there[split] += 60.0
        if number > 10:
            assert max(there["valid"], there["test"]) <= 0.15 * sum(there.values()) + 60
    assert there["valid"] + there["test"] > 0.15 * sum(there.values())


def test_only_the_splits_that_are_named_get_groups() -> None:
    seconds = {str(number): 10.0 for number in range(50)}
    assert set(assign_splits(seconds, fill=["test"]).values()) == {"train", "test"}
    assert set(assign_splits(seconds, fill=()).values()) == {"train"}
