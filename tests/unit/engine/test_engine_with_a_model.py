"""The engine around a real acoustic model: batching does not change the emissions."""

import asyncio
from pathlib import Path

import numpy as np
from engine_parts import RATE, engine_with, noise, run

from app.acoustic import load_checkpoint
from app.audio import plan_windows
from app.engine import EncodeRequest


def test_recordings_encoded_together_have_the_emissions_of_each_alone(checkpoints: dict[str, Path]):
    async def test():
        models = [load_checkpoint(checkpoints[name]) for name in ("tiny-nb", "tiny-da")]
        waves = [noise(seed, seconds) for seed, seconds in enumerate((3, 1, 3, 7, 3, 0.5, 45))]
        async with engine_with(*models, batch_seconds=60.0) as engine:

            def request(wave, model, name):
                windows = plan_windows(
                    len(wave),
                    window=10 * RATE,
                    context=2 * RATE,
                    hop=model.hop,
                    receptive_field=model.receptive_field,
                )
                fetch = lambda window: wave[window.start : window.stop]  # noqa: E731
                return EncodeRequest(name, windows, fetch, "r")

            requests = [
                (request(wave, model, name), model)
                for wave in waves
                for name, model in zip(("m", "m2"), models, strict=True)
            ]
            answers = await asyncio.gather(*(engine.encode(each) for each, _ in requests))
            assert not engine.status().fault
        for (request, model), answer in zip(requests, answers, strict=True):
            alone = [
                model.encode([request.fetch(window)])[0][window.keep_from : window.keep_to]
                for window in request.windows
            ]
            np.testing.assert_allclose(answer.emissions, np.concatenate(alone), atol=1e-4)

    run(test())
