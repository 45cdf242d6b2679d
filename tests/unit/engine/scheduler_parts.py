"""A scheduler to test, and what it serves."""

from app.engine.scheduler import Batch, Budget, Scheduler

PATIENCE = 10.0


def scheduler(
    budget: int = 1, *, models: tuple[str, ...] = ("m",), max_padding_share: float = 0.1
) -> Scheduler:
    made = Scheduler(patience_seconds=PATIENCE, max_padding_share=max_padding_share)
    for model in models:
        made.serve(model, Budget(budget, recovery_batches=3))
    return made


def served(batch: Batch | None) -> list[tuple[int, int]]:
    assert batch is not None
    return [(item.ticket, item.index) for item in batch.items]


def leaders(queue: Scheduler, count: int, now: float = 0.0) -> list[int]:
    return [served(queue.next_batch(now))[0][0] for _ in range(count)]
