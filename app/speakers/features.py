"""Mel filterbank features, as the network of the voices was trained on: Kaldi's, 80 bands."""

from typing import Any

import numpy as np
import numpy.typing as npt

from app.audio import SAMPLE_RATE

FEATURE_HOP = 160
"""Samples from one frame of features to the next."""
BANDS = 80


def filterbank(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns the natural-log energies of mel bands.

    Args:
        samples: float32 [samples] at 16 kHz, in -1..1.

    Returns:
        float32 [frames, BANDS], frames of 25 ms every 10 ms; none for less than one frame.

    Raises:
        ModuleNotFoundError: kaldi-native-fbank is not installed.
    """
    import kaldi_native_fbank  # noqa: PLC0415 - of the extra `speakers`

    options: Any = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = SAMPLE_RATE
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = BANDS
    computer: Any = kaldi_native_fbank.OnlineFbank(options)
    computer.accept_waveform(SAMPLE_RATE, samples.tolist())
    computer.input_finished()
    count: int = computer.num_frames_ready
    if not count:
        return np.empty((0, BANDS), np.float32)
    return np.stack([computer.get_frame(index) for index in range(count)])
