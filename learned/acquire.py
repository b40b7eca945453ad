"""What to measure next: the fast candidates that a model knows least about, each by what it adds to those before."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from learned.calibration import NOISE, slopes
from learned.guarded import Guarded
from learned.model import TrainedModel
from pipeline.hardware import HardwareTensors
from pipeline.machine.latency import Latency, LatencyModel
from pipeline.mapping import LayerTensors, MappingTensors


@dataclass(frozen=True, slots=True)
class Constants:
    """How candidates depend on fitted constants, and what is known of these."""

    slopes: Float[Tensor, "n k"]
    """Derivatives of log cycles."""
    covariance: Float[Tensor, "k k"]


def constants_of(
    model: LatencyModel, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors
) -> Constants | None:
    """For candidates [n]; None by a model without fitted constants."""
    if not isinstance(model, TrainedModel) or not isinstance(model.weights, Guarded) or not model.machine.constants:
        return None
    known = model.weights.calibration
    return Constants(slopes(model.machine, known, layers, mappings, hardware), known.covariance)


def most_uncertain(
    latency: Latency, limit_cycles: Float[Tensor, " n"], count: int, constants: Constants | None = None
) -> Int[Tensor, " k"]:
    """The ``count`` candidates with the largest relative variance; by a model without one, the fastest.

    The variance is the model's own and what the constants leave open. A candidate counts for what those chosen before
    it will not have told of the constants: the design that is D-optimal step by step (V. Fedorov, Theory of Optimal
    Experiments, 1972). Only candidates count whose predicted cycles are at most ``limit_cycles``: what is surely slow
    need not be known better. Fast is meant in relation to that limit.
    """
    deviation = limit_cycles if latency.cycles_std is None else latency.cycles_std
    open_ = (latency.cycles <= limit_cycles).nonzero()[:, 0].tolist()
    own = (deviation / latency.cycles).square()
    if constants is None:
        constants = Constants(own.new_zeros(len(own), 0), own.new_zeros(0, 0))
    covariance = constants.covariance
    chosen: list[int] = []
    for _ in range(min(count, len(open_))):
        told = constants.slopes @ covariance
        variance = (own + (told * constants.slopes).sum(-1)).tolist()
        best = max((row for row in open_ if row not in chosen), key=variance.__getitem__)
        chosen.append(best)
        gained = torch.outer(told[best], told[best]) / (told[best] @ constants.slopes[best] + NOISE**2)
        covariance = covariance - gained
    return torch.tensor(chosen, dtype=torch.int64)
