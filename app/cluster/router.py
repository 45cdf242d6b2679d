"""Chooses the replica of a call: that of its live stream, or the least busy one.

Runs wherever there is a handle of the deployment.
"""

import itertools

from ray.serve.request_router import PendingRequest, ReplicaID, RequestRouter, RunningReplica

# Replicas that left the set are kept, so that their streams can end: the oldest is forgotten first.
_DEPARTED = 64


class SessionRouter(RequestRouter):  # type: ignore[misc]
    """Routes calls with a session id to the replica of that id, even while it drains.

    A call for a replica that is gone reaches another one, which refuses it. All other calls reach
    the replica with the fewest calls, and among equals the one that was chosen longest ago. Unlike
    Serve's own router it answers calls out of order, since each may need a certain replica.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._known: dict[str, RunningReplica] = {}
        self._numbers = itertools.count(1)
        self._turns: dict[str, int] = {}

    def update_replicas(self, replicas: list[RunningReplica]) -> None:
        """Receives the replicas that accept new work."""
        for replica in replicas:
            name = replica.replica_id.unique_id
            self._known.pop(name, None)
            self._known[name] = replica
        while len(self._known) > len(replicas) + _DEPARTED:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._turns.pop(oldest, None)
        super().update_replicas(replicas)

    def on_replica_actor_died(self, replica_id: ReplicaID) -> None:
        """Forgets a replica whose process has ended: its calls would be sent to it for ever."""
        self._known.pop(replica_id.unique_id, None)
        super().on_replica_actor_died(replica_id)

    async def choose_replicas(
        self,
        candidate_replicas: list[RunningReplica],
        pending_request: PendingRequest | None = None,
    ) -> list[list[RunningReplica]]:
        """Returns the replicas that one attempt of a call considers."""
        if pending_request is not None:
            pending_request.routing_context.should_backoff = True
            if session := pending_request.metadata.session_id:
                pinned = self._known.get(session)
                return [candidate_replicas if pinned is None else [pinned]]
        return [sorted(candidate_replicas, key=self._turn_of)]

    async def _select_from_candidate_replicas(
        self, candidates: list[RunningReplica], backoff_index: int
    ) -> RunningReplica | None:
        if len(candidates) == 1 and candidates[0].replica_id not in self._replicas:
            return candidates[0]
        chosen = await super()._select_from_candidate_replicas(candidates, backoff_index)
        if chosen is not None and len(candidates) > 1:
            self._turns[chosen.replica_id.unique_id] = next(self._numbers)
        return chosen

    def _turn_of(self, replica: RunningReplica) -> int:
        """Returns when a replica was chosen last; the first of equally busy ones is chosen."""
        return self._turns.get(replica.replica_id.unique_id, 0)
