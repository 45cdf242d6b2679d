"""Models that are loaded, replaced and unloaded while requests run."""

import asyncio
import gc
import re
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from in_process import InProcess, ScriptedModel, in_process, wait_for

from app.catalogue import ModelCard
from app.errors import (
    CheckpointError,
    ModelConflictError,
    ModelLoadError,
    UnknownModelError,
)
from app.pipeline import LocalEngine, ModelLoader, ModelSource
from app.pipeline.models import ModelManager


@dataclass
class Changing:
    """A service with the model `scripted`, to which others are added.

    Attributes:
        running: the service.
        made: every model that was loaded later, by id.
        failure: raised where a model is loaded.
    """

    running: InProcess
    made: dict[str, ScriptedModel] = field(default_factory=dict)
    failure: Exception | None = None

    @property
    def models(self) -> ModelManager:
        return self.running.service.models

    @property
    def loaded(self) -> list[str]:
        return [model.card.id for model in self.models.loaded]

    def find(self, reference: str, pull: bool) -> ModelSource:
        if reference not in {"other", "scripted"}:
            raise UnknownModelError(f"no {reference}")
        return ModelSource(ModelCard(id=reference, languages=("nb",)), Path())

    def load(self, source: ModelSource) -> ScriptedModel:
        if self.failure is not None:
            raise self.failure
        self.made[source.card.id] = ScriptedModel()
        return self.made[source.card.id]

    async def text(self, clip, **query: str) -> tuple[int, str]:
        answer = await self.running.client.post("/transcribe", content=clip(), params=query)
        return answer.status_code, answer.json().get("model", "")


@asynccontextmanager
async def changing() -> AsyncIterator[Changing]:
    async with in_process() as running:
        await running.until("ready")
        state = Changing(running)
        service = running.service
        engine = LocalEngine(ModelLoader(state.load), running.recognition.engine)
        service.models = ModelManager(state.find, engine, service.transcriber)
        yield state
        await state.models.close()


def test_added_model_serves_requests_that_name_it_and_the_first_still_serves_the_rest(clip) -> None:
    async def run() -> None:
        async with changing() as state:
            assert await state.text(clip, model="other") == (404, "")
            await state.models.load("other")
            assert await state.text(clip, model="other") == (200, "other")
            assert await state.text(clip) == (200, "scripted")

    asyncio.run(run())


def test_replacing_model_takes_the_place_and_the_other_is_gone(clip) -> None:
    async def run() -> None:
        async with changing() as state:
            await state.models.load("other", replaced="scripted")
            assert await state.text(clip) == (200, "other")
            assert await state.text(clip, model="scripted") == (404, "")
            await wait_for(lambda: not state.models.unloading)
            metrics = (await state.running.client.get("/metrics")).text
            (line,) = re.findall(r"^nordlyd_model_info\{.*", metrics, re.MULTILINE)
            assert 'model="other"' in line

    asyncio.run(run())


def test_running_request_ends_on_the_model_it_was_routed_to_and_then_frees_it(clip) -> None:
    async def run() -> None:
        async with changing() as state:
            old = state.running.model
            old.gate.clear()
            request = asyncio.create_task(state.text(clip))
            await wait_for(lambda: state.running.service.engine.status().queue_audio_seconds > 0)
            load = asyncio.create_task(state.models.load("other", replaced="scripted"))
            await wait_for(lambda: state.models.loading == "other")
            # The warm-up waits for the batch that runs on the same device.
            assert not load.done()
            old.gate.set()
            await load
            assert await request == (200, "scripted")
            await wait_for(lambda: not state.models.unloading)

    asyncio.run(run())


def test_unloaded_model_stays_until_its_last_request_has_ended(clip) -> None:
    async def run() -> None:
        async with changing() as state:
            await state.models.load("other")
            other = state.made["other"]
            other.gate.clear()
            request = asyncio.create_task(state.text(clip, model="other"))
            await wait_for(lambda: state.running.service.engine.status().running > 0)
            state.models.unload("other")
            assert state.loaded == ["scripted"]
            later = await state.running.client.post("/transcribe", params={"model": "other"})
            assert later.status_code == 404
            assert list(state.models.unloading) == ["other"]
            other.gate.set()
            assert await request == (200, "other")
            await wait_for(lambda: not state.models.unloading)

    asyncio.run(run())


def test_memory_of_an_unloaded_model_is_given_back(clip) -> None:
    async def run() -> None:
        async with changing() as state:
            await state.models.load("other")
            assert await state.text(clip, model="other") == (200, "other")
            model = weakref.ref(state.made.pop("other"))
            state.models.unload("other")
            await wait_for(lambda: not state.models.unloading)
            gc.collect()
            assert model() is None

    asyncio.run(run())


@pytest.mark.long
def test_queued_job_of_an_unloaded_model_is_done_by_another_of_its_language(clip) -> None:
    async def run() -> None:
        async with changing() as state:
            client = state.running.client
            await state.models.load("other")
            state.running.model.gate.clear()
            given: list[dict[str, str]] = [{}, {}, {}, {"model": "scripted"}]
            jobs = [
                (await client.post("/jobs", content=clip(), params=query)).json()["id"]
                for query in given
            ]
            await wait_for(lambda: state.running.service.engine.status().running > 0)
            state.models.unload("scripted")
            state.running.model.gate.set()
            ended = [(await client.get(f"/jobs/{job}?wait=60")).json() for job in jobs]
            assert [job["status"] for job in ended] == [*["completed"] * 3, "failed"]
            assert ended[3]["error"]["code"] == "model_not_found"
            results = [(await client.get(f"/jobs/{job}/result")).json() for job in jobs[:3]]
            assert results[2]["model"] == "other"

    asyncio.run(run())


def test_model_that_replaces_itself_is_loaded_anew(clip) -> None:
    async def run() -> None:
        async with changing() as state:
            for _ in range(2):
                await state.models.load("scripted", replaced="scripted")
                assert await state.text(clip) == (200, "scripted")
                await wait_for(lambda: not state.models.unloading)
            state.running.model.failure = RuntimeError("the former one was used")
            assert await state.text(clip) == (200, "scripted")
            assert state.loaded == ["scripted"]

    asyncio.run(run())


def test_model_that_cannot_be_loaded_changes_nothing(clip) -> None:
    async def run() -> None:
        async with changing() as state:
            state.failure = CheckpointError("the head has 40 outputs")
            with pytest.raises(ModelLoadError, match="40 outputs"):
                await state.models.load("other", replaced="scripted")
            assert state.models.loading is None
            assert await state.text(clip) == (200, "scripted")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("load", "error"),
    [
        (("elsewhere", None), UnknownModelError),
        (("other", "elsewhere"), UnknownModelError),
        (("scripted", None), ModelConflictError),
    ],
)
def test_change_that_contradicts_what_is_loaded_is_refused(
    load: tuple[str, str | None], error: type[Exception]
) -> None:
    async def run() -> None:
        async with changing() as state:
            with pytest.raises(error):
                await state.models.load(load[0], replaced=load[1])
            assert state.loaded == ["scripted"]

    asyncio.run(run())


def test_only_model_cannot_be_unloaded() -> None:
    async def run() -> None:
        async with changing() as state:
            with pytest.raises(ModelConflictError, match="only loaded model"):
                state.models.unload("scripted")
            assert state.loaded == ["scripted"]

    asyncio.run(run())
