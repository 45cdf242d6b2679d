"""An utterance's emissions are bit-identical alone and in any batch."""

from functools import cache

import numpy as np
import pytest
from acoustic_kernels import kernels_here, model_on

MAKERS, MISSING = kernels_here()
SHAPES = ["xls-r", "base", "wide-heads"]

# The shortest, both sides of a second frame, lengths that leave rows over in any block.
LENGTHS = [400, 719, 1_040, 5_000, 9_600, 16_000]


def test_kernels_that_could_not_run_are_named(capsys):
    with capsys.disabled():
        print(f"\nkernels that this CPU does not run: {', '.join(MISSING) or 'none'}")
    assert MAKERS


@pytest.mark.parametrize("kernels", MAKERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_emissions_do_not_depend_on_the_rest_of_the_batch(checkpoint, shape, kernels):
    folder, _ = checkpoint(shape)
    model = model_on(folder, MAKERS[kernels]())
    level, number_format = kernels.split(" ")
    assert model.kernels.split("-")[0] == level.split("_")[0]
    assert model.dtype == number_format

    @cache
    def waveform(length: int, seed: int) -> np.ndarray:
        return np.random.default_rng(seed).standard_normal(length).astype(np.float32)

    @cache
    def alone(length: int, seed: int) -> np.ndarray:
        (emissions,) = model.emissions([waveform(length, seed)])
        return emissions

    rng = np.random.default_rng(1)
    for _ in range(8):
        size = rng.integers(2, 6)
        batch = list(zip(rng.choice(LENGTHS, size), rng.integers(0, 3, size), strict=True))
        together = model.emissions([waveform(*item) for item in batch])
        for item, emissions in zip(batch, together, strict=True):
            np.testing.assert_array_equal(emissions, alone(*item))
