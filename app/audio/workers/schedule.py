"""Whose turn it is: tasks that wait and tasks that run in, the one to start or to stop out.

The task that has run least goes first, so that a clip never waits for a file of hours, and what
waits grows more urgent, so that the file is read too. Before that, callers are served evenly.
"""

from collections import Counter
from collections.abc import Sequence

from app.audio.workers.tasks import Task

QUANTUM_SECONDS = 0.2
"""How long a task runs before it is stopped for another."""
_AGEING = 0.2


def choose(waiting: Sequence[Task], running: Sequence[Task], now: float) -> Task | None:
    """Return the task that is to run next, or None where none waits."""
    counts = Counter(task.caller for task in running)
    return min(waiting, key=lambda task: _urgency(task, counts, now), default=None)


def displace(best: Task, running: Sequence[Task], now: float) -> Task | None:
    """Return the running task that is to make room for another, or None where all go on."""
    counts = Counter(task.caller for task in running)
    stoppable = [task for task in running if task.timed and task.slice >= QUANTUM_SECONDS]
    if not stoppable:
        return None
    victim = max(stoppable, key=lambda task: (counts[task.caller], task.used))
    # As if it waited too.
    counts[victim.caller] -= 1
    if _urgency(best, counts, now) < (counts[victim.caller], victim.used, victim.waiting_since):
        return victim
    return None


def _urgency(task: Task, running: Counter[str], now: float) -> tuple[int, float, float]:
    waited = now - task.waiting_since
    return running[task.caller], max(0.0, task.used - _AGEING * waited), task.waiting_since
