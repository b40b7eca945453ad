"""Networks for inference: ResNet-18, MobileNetV2 and an encoder layer of BERT's size, with random weights, quantised.

Sizes are those of the papers: He et al., 2016; Sandler et al., 2018; Devlin et al., 2019. Weights are random, so only
sizes and exact results mean anything; the quantiser is onnxruntime's.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from torch import Tensor, nn

INPUT = "image"


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, samples: NDArray[np.float32]) -> None:
        self._samples = iter(samples)

    def get_next(self) -> dict[str, Any] | None:
        sample = next(self._samples, None)
        return None if sample is None else {INPUT: sample[None]}


def quantised(module: nn.Module, samples: NDArray[np.float32], path: Path, *, per_channel: bool = False) -> Path:
    """``module`` as a QDQ model at ``path``: activations uint8, weights int8, ranges from ``samples``."""
    plain = path.with_suffix(".float.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(), (torch.from_numpy(samples[:1]),), str(plain), input_names=[INPUT], dynamo=False
        )
    quantize_static(
        plain,
        path,
        _Reader(samples),
        quant_format=QuantFormat.QDQ,
        per_channel=per_channel,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    plain.unlink()
    return path


def samples(shape: tuple[int, ...], count: int = 2) -> NDArray[np.float32]:
    """Normal random samples [count, *shape]."""
    return np.random.default_rng(0).standard_normal((count, *shape), np.float32)


def _convolution(
    channels: int, filters: int, taps: int, stride: int = 1, groups: int = 1, *, relu: nn.Module | None = None
) -> nn.Sequential:
    """A convolution with the batch normalisation after it, which the exporter folds."""
    layers: list[nn.Module] = [
        nn.Conv2d(channels, filters, taps, stride, taps // 2, groups=groups, bias=False),
        nn.BatchNorm2d(filters),
    ]
    return nn.Sequential(*layers, *([relu] if relu is not None else []))


class _Residual(nn.Module):
    """A basic block of ResNet."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(channels, filters, 3, stride, relu=nn.ReLU())
        self.second = _convolution(filters, filters, 3)
        changes = stride != 1 or channels != filters
        self.shortcut = _convolution(channels, filters, 1, stride) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(self.first(x)) + self.shortcut(x))


def resnet18() -> nn.Module:
    """ResNet-18 for images [3, 224, 224], or other sizes."""
    torch.manual_seed(0)
    blocks: list[nn.Module] = []
    channels = 64
    for filters, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        blocks += [_Residual(channels, filters, stride), _Residual(filters, filters, 1)]
        channels = filters
    return nn.Sequential(
        _convolution(3, 64, 7, 2, relu=nn.ReLU()), nn.MaxPool2d(3, 2, 1), *blocks,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000),
    )  # fmt: skip


class _Inverted(nn.Module):
    """An inverted residual block of MobileNetV2."""

    def __init__(self, channels: int, filters: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels * expansion
        layers = [_convolution(channels, hidden, 1, relu=nn.ReLU6())] if expansion > 1 else []
        layers += [_convolution(hidden, hidden, 3, stride, hidden, relu=nn.ReLU6()), _convolution(hidden, filters, 1)]
        self.layers = nn.Sequential(*layers)
        self.adds = stride == 1 and channels == filters

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layers(x)
        return x + result if self.adds else result


def mobilenet_v2() -> nn.Module:
    """MobileNetV2 for images [3, 224, 224], or other sizes."""
    torch.manual_seed(0)
    layers: list[nn.Module] = [_convolution(3, 32, 3, 2, relu=nn.ReLU6())]
    channels = 32
    for expansion, filters, count, first in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ):  # fmt: skip
        for index in range(count):
            layers.append(_Inverted(channels, filters, first if index == 0 else 1, expansion))
            channels = filters
    layers += [_convolution(channels, 1280, 1, relu=nn.ReLU6()), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(1280, 1000))


class _Encoder(nn.Module):
    """An encoder layer with normalisation after each half."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.joined = (nn.Linear(width, width) for _ in range(4))
        self.wide, self.narrow = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (self._split(part(x)) for part in (self.query, self.key, self.value))
        scores = torch.softmax(query @ key.transpose(2, 3) / query.shape[-1] ** 0.5, -1)
        x = self.norms[0](x + self.joined((scores @ value).transpose(1, 2).flatten(2)))
        result: Tensor = self.norms[1](x + self.narrow(nn.functional.gelu(self.wide(x))))
        return result


def encoder_layer(width: int = 768, heads: int = 12, hidden: int = 3072) -> nn.Module:
    """One encoder layer for tokens [length, width]; the defaults are BERT-base's."""
    torch.manual_seed(0)
    return _Encoder(width, heads, hidden)
