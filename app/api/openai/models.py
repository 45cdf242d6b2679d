"""GET /v1/models and /v1/models/{id}: the loaded models, as OpenAI lists models."""

from typing import Any, Literal, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api.errors.openai import OpenAIErrorBody
from app.api.openai.names import is_alias
from app.api.state import AppStateOf
from app.catalogue import ModelCard
from app.errors import UnknownModelError

router = APIRouter(prefix="/v1/models", tags=["OpenAI"])

_OURS = "nordlyd"
_NO_KEY: dict[int | str, dict[str, Any]] = {
    401: {"model": OpenAIErrorBody, "description": "No API key, or a wrong one."}
}


class OpenAIModelBody(BaseModel):
    """One model."""

    id: str = Field(examples=["nb-wav2vec2-1b-bokmaal"])
    object: Literal["model"] = "model"
    created: int = Field(default=0, description="Always 0: it is not known.")
    owned_by: str = Field(examples=["NbAiLab"])
    languages: list[str] = Field(description="Codes, the main one first.", examples=[["nb"]])

    @classmethod
    def of(cls, card: ModelCard) -> Self:
        """Returns the description of a loaded model; the owner of a hub model is its account."""
        owner = card.hub.partition("/")[0] if card.hub else _OURS
        return cls(id=card.id, owned_by=owner, languages=list(card.languages))


class OpenAIModelListBody(BaseModel):
    """Every loaded model, in the order of NORDLYD_MODELS."""

    object: Literal["list"] = "list"
    data: list[OpenAIModelBody]


@router.get("", summary="List the loaded models", responses=_NO_KEY)
async def list_models(state: AppStateOf) -> OpenAIModelListBody:
    """The models by the ids that a request may name."""
    models = state.service.transcriber.models
    return OpenAIModelListBody(data=[OpenAIModelBody.of(model.card) for model in models])


@router.get(
    "/{model:path}",
    summary="Describe a model",
    responses={
        **_NO_KEY,
        404: {"model": OpenAIErrorBody, "description": "No such model is loaded."},
    },
)
async def retrieve_model(model: str, state: AppStateOf) -> OpenAIModelBody:
    """One model, by its id, its hub id, or a name of OpenAI's that stands for any of ours."""
    cards = [loaded.card for loaded in state.service.transcriber.models]
    for card in cards:
        if model in {card.id, card.hub}:
            return OpenAIModelBody.of(card)
    if is_alias(model):
        languages = dict.fromkeys(code for card in cards for code in card.languages)
        return OpenAIModelBody(id=model, owned_by=_OURS, languages=list(languages))
    raise UnknownModelError(
        f"model {model!r} is not loaded; loaded: {', '.join(card.id for card in cards)}",
        param="model",
    )
