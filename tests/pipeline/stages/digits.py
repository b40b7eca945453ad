"""A small convolution network for scikit-learn's digits, trained in seconds and quantised by onnxruntime."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import nn

from benches.networks import quantised

TEST_IMAGES = 100


@dataclass(frozen=True)
class Digits:
    """A quantised model and what it is tried on."""

    path: Path
    images: NDArray[np.float32]
    labels: NDArray[np.int64]


def network() -> nn.Module:
    """Two convolutions, one with stride 2, and a dense layer."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(16 * 4 * 4, 10),
    )  # fmt: skip


def trained_digits(folder: Path, *, per_channel: bool = False) -> Digits:
    """Train on all digits but the last hundred; the quantised model is ``folder/digits.onnx``."""
    data = load_digits()
    images = (data.images[:, None] / 16).astype(np.float32)
    labels = data.target.astype(np.int64)
    torch.manual_seed(0)
    model = network()
    x, y = torch.from_numpy(images[:-TEST_IMAGES]), torch.from_numpy(labels[:-TEST_IMAGES])
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(12):
        for batch in torch.randperm(len(x)).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimiser.step()
    path = quantised(model, images[:64], folder / "digits.onnx", per_channel=per_channel)
    return Digits(path, images[-TEST_IMAGES:], labels[-TEST_IMAGES:])
