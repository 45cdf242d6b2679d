"""The baseline: FastAPI around transformers' pipeline, one request at a time.

`python -m bench.plain FOLDER --dtype float32 --port 8001`: what `nordlyd bench server` compares
the service with, around the same checkpoint.
"""

import argparse
import threading
from collections.abc import Callable, Sequence
from typing import Any

import soundfile
import uvicorn
from fastapi import FastAPI, UploadFile
from transformers import AutoFeatureExtractor, pipeline


def main(argv: Sequence[str] | None = None) -> None:
    """Serves until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m bench.plain", description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--port", type=int, default=8001)
    options = parser.parse_args(argv)
    app = create_app(options.folder, options.dtype, options.device)
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")


def create_app(folder: str, dtype: str, device: str) -> FastAPI:
    """One route around one pipeline, which is loaded here."""
    # Given by name, the extractor would bring the language model of the folder along.
    extractor: Any = AutoFeatureExtractor
    recognise: Callable[[Any], Any] = pipeline(
        "automatic-speech-recognition",
        model=folder,
        feature_extractor=extractor.from_pretrained(folder),
        dtype=dtype,
        device=device,
    )
    turn = threading.Lock()
    app = FastAPI()

    @app.get("/health/ready")
    def ready() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/transcribe")
    def transcribe(file: UploadFile) -> dict[str, str]:
        samples, rate = soundfile.read(file.file, dtype="float32")
        with turn:
            answer = recognise({"raw": samples, "sampling_rate": rate})
        return {"text": str(answer["text"])}

    return app


if __name__ == "__main__":
    main()
