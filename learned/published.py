"""The published learned models: a plain network, and the analytical model plus a non-negative network.

After C. Hong et al., DOSA: Differentiable Model-Based One-Loop Search for DNN Accelerators, MICRO 2023, section 6.5:
seven hidden layers, about 5,700 parameters, inputs are the layer and the raw factors of its mapping, the analytical
part is the published Timeloop-like model. Both are fitted here to the squared error of log cycles.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu, softplus

from learned.data import Samples
from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import machine_of
from pipeline.mapping_tensors import LayerTensors, MappingTensors

HIDDEN_LAYERS = 7
WIDTH = 26
STEPS = 1500
LEARNING_RATE = 3e-3
LEAST_SCALE = 1e-3

PUBLISHED_BASE = AnalyticalModel(machine_of("timeloop"))
"""The analytical part, whatever machine the model is trained for."""


@dataclass(frozen=True, slots=True)
class Network:
    """A fully connected network on standardised inputs; layers stacked as ``weights`` and ``biases``."""

    mean: Float[Tensor, " f"]
    scale: Float[Tensor, " f"]
    first: Float[Tensor, "w f"]
    hidden: Float[Tensor, "l w w"]
    last: Float[Tensor, " w"]
    biases: Float[Tensor, "h w"]
    offset: Float[Tensor, ""]
    """Added to the output of a plain network: the mean of log cycles."""

    def tensors(self) -> list[Tensor]:
        """The trained ones."""
        return [self.first, self.hidden, self.last, self.biases]


def inputs(layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Float[Tensor, "*b f"]:
    """Logarithms of the layer's sizes, strides, factors of the mapping, and DIM."""
    temporal = mappings.temporal.flatten(-2)
    parts = (layers.size, layers.stride, temporal, mappings.spatial, hardware.dim[..., None])
    shape = tuple((layers.size[..., 0] * mappings.spatial[..., 0] * hardware.dim).shape)
    return torch.cat([part.broadcast_to((*shape, part.shape[-1])) for part in parts], -1).log2().to(torch.float32)


def output(network: Network, values: Float[Tensor, "*b f"]) -> Float[Tensor, "*b"]:
    """What the network says."""
    hidden: Tensor = relu(((values - network.mean) / network.scale) @ network.first.mT + network.biases[0])
    for weight, bias in zip(network.hidden, network.biases[1:], strict=True):
        hidden = relu(hidden @ weight.mT + bias)
    return hidden @ network.last


def dnn_cycles(
    network: Network, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
) -> Float[Tensor, "*b"]:
    """Cycles of the plain network."""
    return (output(network, inputs(layers, mappings, hardware)) + network.offset).to(torch.float64).exp()


def residual_cycles(
    network: Network, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
) -> Float[Tensor, "*b"]:
    """Analytical cycles plus cycles of the network, which are never negative."""
    analytical = PUBLISHED_BASE(layers, mappings, hardware).cycles
    extra = softplus(output(network, inputs(layers, mappings, hardware))).to(torch.float64)
    return analytical + torch.expm1(extra)


def fit_dnn(samples: Samples, seed: int) -> Network:
    """Fit the plain network."""
    values = inputs(samples.layers, samples.mappings, samples.hardware)
    network = _initial(values, samples, seed)
    target = (samples.cycles.log() - network.offset).to(torch.float32)
    return _train(network, lambda: (output(network, values) - target).square().mean())


def fit_residual(samples: Samples, seed: int) -> Network:
    """Fit the non-negative network on top of the analytical model."""
    values = inputs(samples.layers, samples.mappings, samples.hardware)
    network = _initial(values, samples, seed)
    analytical = PUBLISHED_BASE(samples.layers, samples.mappings, samples.hardware).cycles
    target = samples.cycles.log()

    def loss() -> Tensor:
        extra = torch.expm1(softplus(output(network, values)).to(torch.float64))
        error: Tensor = (analytical + extra).log() - target
        return error.square().mean()

    return _train(network, loss)


def _initial(values: Float[Tensor, "n f"], samples: Samples, seed: int) -> Network:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator) * math.sqrt(2.0 / shape[-1])

    scale = values.std(0, correction=0)
    network = Network(
        values.mean(0),
        torch.where(scale < LEAST_SCALE, torch.ones_like(scale), scale),
        normal(WIDTH, values.shape[-1]),
        normal(HIDDEN_LAYERS - 1, WIDTH, WIDTH),
        normal(WIDTH),
        torch.zeros(HIDDEN_LAYERS, WIDTH),
        samples.cycles.log().mean().to(torch.float32),
    )
    for tensor in network.tensors():
        tensor.requires_grad_()
    return network


def _train(network: Network, loss: Callable[[], Tensor]) -> Network:
    optimiser = torch.optim.Adam(network.tensors(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return Network(*(getattr(network, name).detach() for name in Network.__slots__))
