"""Running servers: ours by the client's own call, others by OpenAI's API.

Recordings are sent one after another, as WAV of 16 bits, which every server reads.
"""

import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from typing import Any, cast

import httpx
import numpy as np
import soundfile

from app.audio import SAMPLE_RATE
from nordlyd_client import Client
from nordlyd_client.calls import Server, translated
from nordlyd_client.errors import ClientError, UnexpectedAnswerError, error_of
from nordlyd_client.options import TranscribeOptions
from nordlyd_client.retries import Retries
from nordlyd_client.session import DEFAULT_TIMEOUT, Session
from trainer.comparison.system import Kind, Transcripts
from trainer.data import Record, Waveform
from trainer.errors import ComparisonError

_CONNECT_SECONDS = 10.0
# These are about one recording; any other error is about the server or the request's options.
_REFUSALS = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)


@dataclass(frozen=True, slots=True)
class NordlydServer:
    """A server of ours; `options` are the parameters of POST /transcribe."""

    name: str
    address: str
    options: Mapping[str, str]
    key: str | None

    @classmethod
    def connect(
        cls, name: str, address: str, options: Mapping[str, str], key: str | None
    ) -> "NordlydServer":
        """Checks that the server is there.

        Raises:
            ComparisonError: it cannot be reached, or is none of ours.
        """
        try:
            with Client(address, key) as client:
                client.health()
        except ClientError as error:
            other = isinstance(error, UnexpectedAnswerError) or error.status == HTTPStatus.NOT_FOUND
            hint = " Is it a server of another kind? Their addresses end in /v1." if other else ""
            raise ComparisonError(f"{name}: {error}{hint}") from error
        return cls(name, address, options, key)

    @property
    def kind(self) -> Kind:
        """Where the work is done."""
        return "server"

    def transcribe(self, records: Sequence[Record]) -> Transcripts:
        """Transcribes all records; raises as `System.transcribe`."""
        with Client(self.address, self.key) as client:

            def send(sound: bytes, record: Record) -> str:
                fields: dict[str, Any] = dict(self.options)
                # A model that is named may serve another language than the record's.
                if "model" not in fields and record.language:
                    fields.setdefault("language", record.language)
                return client.transcribe(sound, **cast("TranscribeOptions", fields)).text

            return _one_by_one(self.name, records, send)


@dataclass(frozen=True, slots=True)
class OpenAIServer:
    """A server that speaks OpenAI's API; `fields` are those of its form, `address` ends in /v1."""

    name: str
    session: Session
    fields: Mapping[str, str]

    @classmethod
    def connect(
        cls, name: str, address: str, options: Mapping[str, str], key: str | None
    ) -> "OpenAIServer":
        """Finds the model to request: the one that is named, or the server's only one.

        Raises:
            ComparisonError: the server cannot be reached, or has several models and none is named.
        """
        session = Session(
            Server(address, key),
            Retries(),
            httpx.Timeout(DEFAULT_TIMEOUT, connect=_CONNECT_SECONDS),
        )
        fields = {"response_format": "json", **options}
        if "model" not in fields:
            try:
                with _connected(session) as http:
                    fields["model"] = _only_model(_models(session, http))
            except ClientError as error:
                raise ComparisonError(f"{name}: {error}") from error
        return cls(name, session, fields)

    @property
    def kind(self) -> Kind:
        """Where the work is done."""
        return "server"

    def transcribe(self, records: Sequence[Record]) -> Transcripts:
        """Transcribes all records; raises as `System.transcribe`."""
        with _connected(self.session) as http:

            def send(sound: bytes, record: Record) -> str:
                fields = dict(self.fields)
                if record.language:
                    fields.setdefault("language", record.language)
                return self._post(http, sound, fields)

            return _one_by_one(self.name, records, send)

    def _post(self, http: httpx.Client, sound: bytes, fields: Mapping[str, str]) -> str:
        for attempt in count(1):
            try:
                with translated(self.session.server):
                    response = http.post(
                        "/audio/transcriptions",
                        data=fields,
                        files={"file": ("audio.wav", sound, "audio/wav")},
                    )
                return str(_read(response)["text"])
            except ClientError as error:
                pause = self.session.retries.wait(attempt, error)
                if pause is None:
                    raise
            except (KeyError, TypeError) as error:
                raise UnexpectedAnswerError("The answer has no `text`.") from error
            time.sleep(pause)
        raise AssertionError


def _connected(session: Session) -> httpx.Client:
    return httpx.Client(
        base_url=session.server.url, headers=session.headers, timeout=session.timeouts
    )


def _models(session: Session, http: httpx.Client) -> list[str]:
    with translated(session.server):
        answer = _read(http.get("/models"))
    try:
        return [str(model["id"]) for model in answer["data"]]
    except (KeyError, TypeError) as error:
        raise UnexpectedAnswerError("GET /models does not list models as OpenAI's API.") from error


def _only_model(models: Sequence[str]) -> str:
    if len(models) != 1:
        listed = ", ".join(models) or "none"
        raise UnexpectedAnswerError(
            f"name a model, as in …/v1?model=NAME; the server has: {listed}"
        )
    return models[0]


def _read(response: httpx.Response) -> Any:  # noqa: ANN401 - any JSON
    if not response.is_success:
        raise error_of(response.status_code, response.headers, response.text)
    try:
        return response.json()
    except ValueError as error:
        raise UnexpectedAnswerError("The answer is no JSON.") from error


def _one_by_one(
    name: str, records: Sequence[Record], send: Callable[[bytes, Record], str]
) -> Transcripts:
    """Sends every record; the seconds are those from each request to its answer.

    Raises:
        ComparisonError: the server failed, or it refused every record.
    """
    texts: list[str] = []
    refused: dict[int, str] = {}
    seconds = 0.0
    for index, record in enumerate(records):
        sound = _wav(record.audio.waveform())
        began = time.perf_counter()
        try:
            texts.append(send(sound, record))
        except ClientError as error:
            if error.status not in _REFUSALS:
                raise ComparisonError(f"{name}, utterance {index + 1}: {error}") from error
            refused[index] = error.message
            texts.append("")
        seconds += time.perf_counter() - began
    if refused and len(refused) == len(records):
        raise ComparisonError(f"{name} refuses every recording: {refused[0]}")
    return Transcripts(tuple(texts), seconds, refused)


def _wav(waveform: Waveform) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.clip(waveform, -1, 1), SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()
