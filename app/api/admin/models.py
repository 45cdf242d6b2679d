"""/admin/models: which models there are, and loading, replacing and unloading them."""

import asyncio
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Request

from app.api.admin.bodies import body_schema, read_body
from app.api.openapi import ERRORS
from app.api.state import AppState, AppStateOf
from app.catalogue import Catalogue, list_rows, missing_files
from app.contract.admin import AdminModel, AdminModels, LoadModel
from app.contract.errors import ErrorBody

router = APIRouter(prefix="/admin/models", tags=["administration"])

_ERRORS: dict[int | str, dict[str, Any]] = {
    **{status: ERRORS[status] for status in (400, 401, 403, 404, 503)},
    409: {"model": ErrorBody, "description": "It is loaded already, or cannot be missed."},
    422: {"model": ErrorBody, "description": "Its files are missing or unusable."},
}


@router.get("", summary="Which models are there?", responses=_ERRORS)
async def list_models(state: AppStateOf) -> AdminModels:
    """The models in memory, and those of the catalogue that may be loaded."""
    return AdminModels(
        models=(*_in_memory(state), *await asyncio.to_thread(_elsewhere, state)),
    )


@router.post(
    "",
    summary="Load a model, or replace one",
    status_code=201,
    responses=_ERRORS,
    openapi_extra=body_schema(LoadModel),
)
async def load_model(request: Request, state: AppStateOf) -> AdminModel:
    """Answers once the model serves requests, which may take minutes; a client need not wait.

    With `replace`, the new model is loaded first, so that both are in memory for a while. Requests
    that were routed to the replaced one are answered by it.
    """
    state.service.check_ready()
    body = await read_body(request, LoadModel)
    model = await state.service.models.load(body.model, replaced=body.replace, pull=body.pull)
    return AdminModel(id=model.card.id, state="loaded", languages=model.card.languages)


@router.delete("/{model_id}", summary="Unload a model", status_code=202, responses=_ERRORS)
async def unload_model(model_id: str, state: AppStateOf) -> AdminModel:
    """No further request is routed to it; it leaves the memory after the last that was.

    GET /admin/models has it as `unloading` until then.
    """
    state.service.check_ready()
    state.service.models.unload(model_id)
    return AdminModel(id=model_id, state="unloading")


def _in_memory(state: AppState) -> tuple[AdminModel, ...]:
    models = state.service.models
    loading = [] if models.loading is None else [models.loading]
    return (
        *(
            AdminModel(id=model.card.id, state="loaded", languages=model.card.languages)
            for model in models.loaded
        ),
        *(AdminModel(id=model, state="loading") for model in loading),
        *(AdminModel(id=model, state="unloading") for model in models.unloading),
    )


def _elsewhere(state: AppState) -> tuple[AdminModel, ...]:
    """Returns the models that may be loaded and are not; reads the disk."""
    settings = state.settings
    catalogue = Catalogue.load(settings.catalogue, settings.target_langs)
    found = {
        row.id: AdminModel(id=row.id, state=_state(row.folder), languages=row.languages)
        for row in list_rows(catalogue, settings.store)
    }
    for reference in settings.models:
        model = catalogue.resolve(reference)
        found.setdefault(
            model.id,
            AdminModel(id=model.id, state=_state(model.folder), languages=model.card.languages),
        )
    loaded = {model.card.id for model in state.service.models.loaded}
    return tuple(model for model in found.values() if model.id not in loaded)


def _state(folder: Path | None) -> Literal["available", "absent"]:
    return "absent" if folder is None or missing_files(folder) else "available"
