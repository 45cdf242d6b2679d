"""Deepgram's own client of a running service."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from deepgram import DeepgramClient
from deepgram.environment import DeepgramClientEnvironment
from demo_model import DEMO
from running import RunningServer

SPEECH = [DEMO / "samples" / f"sample-{number}.flac" for number in (1, 2, 3)]
ONCE = {"max_retries": 0, "timeout_in_seconds": 120}


def environment(server: RunningServer) -> DeepgramClientEnvironment:
    base = server.address
    return DeepgramClientEnvironment(base=base, production=base, agent=base, agent_rest=base)


@contextmanager
def client_of(server: RunningServer, **keys: str) -> Iterator[DeepgramClient]:
    """Deepgram's client, on a connection that is closed."""
    with httpx.Client(timeout=120) as connection:
        yield DeepgramClient(
            environment=environment(server), httpx_client=connection, **(keys or {"api_key": "any"})
        )


def listen(client: DeepgramClient, audio: bytes, **options: object):
    return client.listen.v1.media.transcribe_file(request=audio, request_options=ONCE, **options)


def best(answer):
    return answer.results.channels[0].alternatives[0]
