"""An utterance's emissions, text and word times are the same alone and in any company."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.acoustic import load_checkpoint
from app.decoding import GreedyDecoder

KERNELS = {
    "fp32": {"dtype": "float32"},
    "bf16": {"dtype": "bfloat16"},
    "bf16 by torch": {"dtype": "bfloat16", "native": False},
    "int8": {"int8": True},
    "int8 by torch": {"int8": True, "native": False},
}

batches = st.lists(
    st.tuples(
        st.sampled_from([400, 401, 1_040, 5_000, 5_119, 9_600, 16_000, 20_481]),
        st.integers(0, 30),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("shape", ["xls-r", "base", "wide-heads"])
def test_company_changes_nothing(checkpoint, shape, kernels):
    folder, _ = checkpoint(shape)
    model = load_checkpoint(folder, **KERNELS[kernels])
    decoder = GreedyDecoder(model.vocabulary)

    def read(emissions: np.ndarray, samples: int) -> tuple[str, list[tuple[str, float, float]]]:
        answer = decoder.decode(emissions, frame_seconds=0.02, duration=samples / 16_000)
        return answer.text, [(word.text, word.start, word.end) for word in answer.words]

    @settings(max_examples=15, deadline=None)
    @given(batches)
    def check(lengths_and_seeds: list[tuple[int, int]]) -> None:
        waveforms = [
            np.random.default_rng(seed).standard_normal(length).astype(np.float32)
            for length, seed in lengths_and_seeds
        ]
        together = model.emissions(waveforms)
        for waveform, emissions in zip(waveforms, together, strict=True):
            (alone,) = model.emissions([waveform])
            np.testing.assert_allclose(emissions, alone, atol=2e-5, rtol=0)
            assert read(emissions, len(waveform)) == read(alone, len(waveform))

    check()
