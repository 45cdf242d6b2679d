"""The order of utterances: updates of similar length, and the same for the same seed."""

from itertools import pairwise

import pytest

from trainer.training.order import Schedule, UpdateSize, plan_epoch, row_seconds

FORTY = UpdateSize(0, 40.0)


def test_epoch_has_each_utterance_once_in_full_updates_of_similar_length() -> None:
    seconds = [1 + (index * 37 % 90) / 10 for index in range(300)]
    updates = plan_epoch(seconds, FORTY, seed=3, epoch=0, shortest_first=False)
    assert sorted(index for update in updates for index in update) == list(range(300))
    lengths = [[seconds[index] for index in update] for update in updates]
    assert all(max(group) * len(group) <= 40 for group in lengths)
    padded = sum(max(group) * len(group) for group in lengths)
    assert sum(seconds) / padded > 0.9
    assert updates != plan_epoch(seconds, FORTY, seed=3, epoch=1, shortest_first=False)
    ordered = plan_epoch(seconds, FORTY, seed=3, epoch=0, shortest_first=True)
    longest = [max(seconds[index] for index in update) for update in ordered]
    assert longest[:5] < longest[-5:]
    assert all(late > 0.9 * early for early, late in pairwise(longest))


def test_order_does_not_depend_on_the_length_of_the_schedule() -> None:
    seconds = [1.0 + index % 7 for index in range(50)]
    short, long = (
        Schedule(seconds, UpdateSize(0, 20.0), sorted_epochs=1, seed=1, steps=steps)
        for steps in (15, 60)
    )
    assert [short.update(step) for step in range(15)] == [long.update(step) for step in range(15)]
    assert long.epoch(0) == 0.0
    assert long.epoch(60) > long.epoch(15) > 0.9


@pytest.mark.parametrize(("accumulation", "devices"), [(1, 1), (4, 1), (1, 4), (2, 2)])
def test_update_has_the_same_utterances_for_any_microbatch_size(
    accumulation: int, devices: int
) -> None:
    seconds = [1.0 + index % 7 for index in range(48)]
    whole = Schedule(seconds, UpdateSize(8, 0.0), sorted_epochs=0, seed=1, epochs=2)
    size = UpdateSize(8 // (accumulation * devices), 0.0, accumulation, devices)
    cut = Schedule(seconds, size, sorted_epochs=0, seed=1, epochs=2)
    for step in range(6):
        parts = cut.update(step)
        assert len(parts) == accumulation * devices
        assert max(len(part) for part in parts) <= size.utterances
        assert [index for part in parts for index in part] == whole.update(step)[0]


@pytest.mark.parametrize(
    ("samples", "batch", "accumulation", "epochs", "steps"),
    # The two published trainings: from the fewest to the most samples that give their updates.
    [
        (7433, 8, 2, 50, 23250),
        (7440, 8, 2, 50, 23250),
        (303_569, 16, 2, 1, 9487),
        (303_600, 16, 2, 1, 9487),
    ],
)
def test_epochs_have_as_many_updates_as_the_published_logs(
    samples: int, batch: int, accumulation: int, epochs: int, steps: int
) -> None:
    size = UpdateSize(batch, 0.0, accumulation)
    schedule = Schedule([1.0] * samples, size, sorted_epochs=0, seed=1, epochs=epochs)
    assert schedule.total_steps == steps
    assert schedule.epoch(steps) == epochs
    seen = [
        index for step in range(steps // epochs) for part in schedule.update(step) for index in part
    ]
    assert len(seen) == len(set(seen)) >= samples - batch


def test_row_length_is_one_of_the_choices_and_depends_on_the_step() -> None:
    choices = (0.0, 12.0, 40.0)
    drawn = [row_seconds(choices, seed=1, step=step) for step in range(30)]
    assert set(drawn) == set(choices)
    assert drawn == [row_seconds(choices, seed=1, step=step) for step in range(30)]
