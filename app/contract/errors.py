"""The error that every route of the native protocol answers with."""

from pydantic import BaseModel, ConfigDict, Field


class ErrorDetail(BaseModel):
    """What was wrong."""

    message: str = Field(description="For a person: what was wrong and what is accepted.")
    type: str
    param: str | None = Field(description="The request field at fault, where there is one.")
    code: str = Field(description="For a program.")


class ErrorBody(BaseModel):
    """Every error of every route."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "error": {
                        "message": "decoder is 'bream'; accepted: auto, greedy, beam or greedy+lm.",
                        "type": "invalid_request_error",
                        "param": "decoder",
                        "code": "invalid_request",
                    }
                }
            ]
        }
    )

    error: ErrorDetail
