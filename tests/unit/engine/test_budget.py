"""How a batch's budget shrinks and grows."""

from app.engine.scheduler import Budget


def test_budget_halves_on_out_of_memory_and_recovers_slowly():
    budget = Budget(1600, recovery_batches=3)
    budget.out_of_memory(1200)
    assert budget.samples == 600
    budget.out_of_memory(600)
    assert budget.samples == 300
    budget.succeeded()
    budget.succeeded()
    assert budget.samples == 300
    budget.succeeded()
    assert budget.samples == 375
    for _ in range(100):
        budget.succeeded()
    assert budget.samples == 1600


def test_budget_grows_after_successes_in_a_row_and_by_at_least_one_sample():
    budget = Budget(100, recovery_batches=3)
    budget.out_of_memory(100)
    budget.succeeded()
    budget.succeeded()
    budget.out_of_memory(50)
    grown = []
    for _ in range(7):
        budget.succeeded()
        grown.append(budget.samples)
    assert grown == [25, 25, 31, 31, 31, 38, 38]
    small = Budget(3, recovery_batches=1)
    small.out_of_memory(2)
    small.succeeded()
    assert small.samples == 2


def test_budget_stays_above_zero_and_can_always_grow():
    budget = Budget(8, recovery_batches=1)
    for _ in range(10):
        budget.out_of_memory(budget.samples)
    assert budget.samples == 1
    for _ in range(10):
        budget.succeeded()
    assert budget.samples == 8
