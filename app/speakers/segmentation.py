"""PyanNet, the network that finds who speaks in ten seconds, in torch.

Mirco Ravanelli and Yoshua Bengio: Speaker recognition from raw waveform with SincNet (2018), with
the filters of Manuel Pariente and others: Filterbank design for end-to-end speech separation
(2020); Hervé Bredin: pyannote.audio 2.1 speaker diarization pipeline (2023); Alexis Plaquet and
Hervé Bredin: Powerset multi-class cross entropy loss for neural speaker diarization (2023). The
names of the parameters are those of pyannote's checkpoint segmentation-3.0.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from app.speakers.windows import CLASSES

_FILTERS = 80
_KERNEL = 251
_STRIDE = 10
_MIN_HZ = 50.0
_SAMPLE_RATE = 16_000
_CHANNELS = 60
_HIDDEN = 128
_LSTM_LAYERS = 4


class SincFilters(nn.Module):
    """Band-pass filters, each defined by the frequencies of its edges: cosines, then sines."""

    window_: torch.Tensor
    n_: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        half = _KERNEL // 2
        self.low_hz_ = nn.Parameter(torch.zeros(_FILTERS // 2, 1))
        self.band_hz_ = nn.Parameter(torch.zeros(_FILTERS // 2, 1))
        window = torch.hamming_window(_KERNEL, periodic=False)[:half]
        times = 2 * math.pi * torch.arange(-half, 0.0).view(1, -1) / _SAMPLE_RATE
        self.register_buffer("window_", window)
        self.register_buffer("n_", times)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Returns waveforms [batch, 1, samples] as [batch, filters, frames]."""
        return functional.conv1d(waveforms, self.filters(), stride=_STRIDE)

    def filters(self) -> torch.Tensor:
        """Returns the impulse responses, [filters, 1, samples]."""
        low = _MIN_HZ + self.low_hz_.abs()
        high = (low + _MIN_HZ + self.band_hz_.abs()).clamp(_MIN_HZ, _SAMPLE_RATE / 2)
        band = high - low
        from_low, from_high = low @ self.n_, high @ self.n_
        scale = self.window_ / (self.n_ / 2)
        even = (from_high.sin() - from_low.sin()) * scale
        odd = (from_low.cos() - from_high.cos()) * scale
        cosines = torch.cat([even, 2 * band, even.flip(1)], dim=1)
        sines = torch.cat([odd, torch.zeros_like(band), -odd.flip(1)], dim=1)
        return torch.cat([cosines / (2 * band), sines / (2 * band)]).unsqueeze(1)


class _FirstConvolution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.filterbank = SincFilters()

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        filtered: torch.Tensor = self.filterbank(waveforms)
        return filtered.abs()


class SincNet(nn.Module):
    """Turns a waveform into features, 60 values every 270 samples."""

    def __init__(self) -> None:
        super().__init__()
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        self.conv1d = nn.ModuleList(
            [
                _FirstConvolution(),
                nn.Conv1d(_FILTERS, _CHANNELS, 5),
                nn.Conv1d(_CHANNELS, _CHANNELS, 5),
            ]
        )
        self.norm1d = nn.ModuleList(
            nn.InstanceNorm1d(size, affine=True) for size in (_FILTERS, _CHANNELS, _CHANNELS)
        )

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Returns waveforms [batch, 1, samples] as [batch, 60, frames]."""
        values: torch.Tensor = self.wav_norm1d(waveforms)
        for convolution, norm in zip(self.conv1d, self.norm1d, strict=True):
            pooled = functional.max_pool1d(convolution(values), 3)
            values = functional.leaky_relu(norm(pooled))
        return values


class PyanNet(nn.Module):
    """Turns waveforms into the log-probabilities of who speaks."""

    def __init__(self) -> None:
        super().__init__()
        self.sincnet = SincNet()
        self.lstm = nn.LSTM(_CHANNELS, _HIDDEN, _LSTM_LAYERS, bidirectional=True, batch_first=True)
        self.linear = nn.ModuleList([nn.Linear(2 * _HIDDEN, _HIDDEN), nn.Linear(_HIDDEN, _HIDDEN)])
        self.classifier = nn.Linear(_HIDDEN, len(CLASSES))

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Returns waveforms [batch, 1, samples] as [batch, frames, classes]."""
        values = self.lstm(self.sincnet(waveforms).transpose(1, 2))[0]
        for layer in self.linear:
            values = functional.leaky_relu(layer(values))
        return functional.log_softmax(self.classifier(values), dim=-1)
