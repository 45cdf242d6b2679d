"""POST /v2/upload: the bytes of a recording in, a URL out that only POST /v2/transcript reads."""

from contextlib import closing
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api.auth import owner_of
from app.api.errors.assemblyai import DOCUMENTED
from app.api.incoming import IncomingOf
from app.api.openapi import BINARY
from app.errors import InvalidRequestError

PATH = "/v2/upload/"

router = APIRouter(tags=["compatible"])

_OPERATION: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": BINARY}, "audio/*": {"schema": BINARY}},
    }
}


class UploadBody(BaseModel):
    """The answer of POST /v2/upload."""

    upload_url: str = Field(description="The `audio_url` of one POST /v2/transcript.")


@router.post(
    "/v2/upload",
    summary="Send a recording, in AssemblyAI's API",
    responses=DOCUMENTED,
    openapi_extra=_OPERATION,
)
async def upload(incoming: IncomingOf) -> UploadBody:
    """Keeps a recording for a day, or until a transcript of it is requested."""
    store = incoming.state.jobs.uploads
    with incoming.state.service.admit():
        incoming.set_timeout()
        if incoming.content_type.is_multipart:
            raise InvalidRequestError(
                "The audio goes in the body itself; forms are for /transcribe.", param="body"
            )
        with closing(await incoming.read()) as uploads:
            (file,) = uploads.require()
            source = file.open()
        upload_id = await store.keep(owner_of(incoming.request), source)
    return UploadBody(upload_url=f"{incoming.request.base_url}{PATH.lstrip('/')}{upload_id}")
