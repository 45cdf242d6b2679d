"""Both networks: their sizes, what they are sensitive to, and weights that cannot be used."""

from pathlib import Path

import numpy as np
import pytest
import torch
from speaker_weights import write_weights

from app.errors import ConfigurationError
from app.speakers.embedding import VALUES, CamPlusPlus
from app.speakers.features import BANDS, filterbank
from app.speakers.networks import Networks
from app.speakers.segmentation import PyanNet, SincFilters
from app.speakers.weights import SEGMENTATION
from app.speakers.windows import CLASSES, FRAMES, WINDOW


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    return Networks.load(write_weights(tmp_path_factory.mktemp("networks") / "speakers"))


def test_window_has_frames_of_the_grid() -> None:
    with torch.inference_mode():
        scores = PyanNet()(torch.zeros(1, 1, WINDOW))
    assert scores.shape == (1, FRAMES, len(CLASSES))
    assert torch.allclose(scores.exp().sum(-1), torch.ones(1, FRAMES), atol=1e-4)


def test_filters_pass_their_own_band() -> None:
    filters = SincFilters()
    with torch.no_grad():
        filters.low_hz_.copy_(torch.linspace(100, 7000, 40).unsqueeze(1))
        filters.band_hz_.fill_(100.0)
        times = torch.arange(16_000) / 16_000
        tone = torch.sin(2 * torch.pi * 2100 * times).view(1, 1, -1)
        even, odd = filters(tone)[0].reshape(2, 40, -1)
    energy = (even**2 + odd**2).mean(-1)
    lows = 50 + filters.low_hz_[:, 0]
    best = int(energy.argmax())
    assert lows[best] - 100 < 2100 < lows[best] + 250
    assert energy[0] < energy[best] / 1000


def test_features_of_a_tone_are_loudest_in_its_band() -> None:
    times = np.arange(16_000) / 16_000
    features = filterbank((0.1 * np.sin(2 * np.pi * 1000 * times)).astype(np.float32))
    assert features.shape == (98, BANDS)
    mel = 1127 * np.log(1 + np.array([20, 1000, 8000]) / 700)
    band = (mel[1] - mel[0]) / (mel[2] - mel[0]) * (BANDS + 1) - 1
    assert abs(features.mean(0).argmax() - band) <= 1
    assert filterbank(np.zeros(300, np.float32)).shape == (0, BANDS)


def test_embedding_has_length_one_and_no_level(networks: Networks) -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(150, BANDS)).astype(np.float32)
    embedding = networks.embed(features)
    assert embedding.shape == (VALUES,)
    assert np.linalg.norm(embedding) == pytest.approx(1.0, abs=1e-5)
    assert np.allclose(networks.embed(features + 3.0), embedding, atol=1e-4)


def test_embedding_has_the_masks_of_3d_speaker() -> None:
    torch.manual_seed(0)
    network = CamPlusPlus().eval()
    layer = network.xvector.block1.tdnnd1.cam_layer
    values = torch.randn(1, 128, 250)
    context = values.mean(-1, keepdim=True) + torch.cat(
        [values[..., a : a + 100].mean(-1, keepdim=True).expand(-1, -1, b) for a, b in
         ((0, 100), (100, 100), (200, 50))], dim=-1,
    )  # fmt: skip
    mask = layer.linear2(torch.relu(layer.linear1(context))).sigmoid()
    assert torch.allclose(layer(values), layer.linear_local(values) * mask, atol=1e-6)


def test_windows_do_not_depend_on_each_other(networks: Networks) -> None:
    random = np.random.default_rng(1)
    windows = random.normal(size=(2, WINDOW)).astype(np.float32)
    together = networks.segment(windows)
    assert together.shape == (2, FRAMES, 3)
    assert (together[1] == networks.segment(windows[1:])[0]).all()


def test_damaged_or_missing_weights_are_named(tmp_path: Path) -> None:
    folder = write_weights(tmp_path / "speakers")
    (folder / SEGMENTATION).write_bytes(b"no weights")
    with pytest.raises(ConfigurationError, match=r"segmentation\.safetensors.*speakers pull"):
        Networks.load(folder)
    (folder / SEGMENTATION).unlink()
    with pytest.raises(ConfigurationError, match="cannot be used"):
        Networks.load(folder)
