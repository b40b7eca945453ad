"""The published networks: alone, and on top of the published analytical model."""

from dataclasses import dataclass

from torch import Tensor

from learned import published
from learned.data import Samples
from learned.published import Network
from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import Latency
from pipeline.machine.machine import Machine
from pipeline.mapping_tensors import LayerTensors, MappingTensors


@dataclass(frozen=True, slots=True)
class Plain:
    """A network that predicts the logarithm of the cycles."""

    calibrates: bool = False

    def fit(self, machine: Machine, samples: Samples, seed: int) -> Network:
        """The network; the machine has no part in it."""
        return published.fit_dnn(samples, seed)

    def predict(
        self,
        weights: Network,
        machine: Machine,
        layers: LayerTensors,
        mappings: MappingTensors,
        hardware: HardwareTensors,
    ) -> Latency:
        """The network's cycles."""
        return Latency(published.dnn_cycles(weights, layers, mappings, hardware))

    def tensors(self, weights: Network) -> dict[str, Tensor]:
        """Layers and scales."""
        return network_tensors(weights)

    def weights(self, tensors: dict[str, Tensor]) -> Network:
        """The network from them."""
        return Network(**tensors)


@dataclass(frozen=True, slots=True)
class Residual(Plain):
    """The published analytical model plus a network that is never negative."""

    def fit(self, machine: Machine, samples: Samples, seed: int) -> Network:
        """The network; the analytical part is the published one on every machine."""
        return published.fit_residual(samples, seed)

    def predict(
        self,
        weights: Network,
        machine: Machine,
        layers: LayerTensors,
        mappings: MappingTensors,
        hardware: HardwareTensors,
    ) -> Latency:
        """The sum of both."""
        return Latency(published.residual_cycles(weights, layers, mappings, hardware))


def network_tensors(network: Network) -> dict[str, Tensor]:
    """The tensors of a network by name."""
    return {name: getattr(network, name) for name in Network.__slots__}
