"""How often a mapping reads and writes each tensor at each level."""

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from jaxtyping import Float
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.coefficients import coefficients
from pipeline.machine.timeloop.nest import (
    NOT_OUTPUTS,
    NOT_WEIGHTS,
    OUTPUTS,
    WEIGHTS,
    Nest,
    of,
    product,
    sum_of_rounded_up,
)
from pipeline.machine.timeloop.own_tiles import seen_by
from pipeline.machine.timeloop.reuse import fetches, input_words
from pipeline.machine.words import Words
from pipeline.mapping import TENSORS
from pipeline.mapping_tensors import LayerTensors, MappingTensors


@dataclass(frozen=True, slots=True)
class Accesses:
    """Words read and written by tensor and level."""

    macs: Float[Tensor, "*b"]
    register_weight_reads: Float[Tensor, "*b"]
    register_weight_writes: Float[Tensor, "*b"]
    accumulator_output_reads: Float[Tensor, "*b"]
    accumulator_output_writes: Float[Tensor, "*b"]
    scratchpad_weight_reads: Float[Tensor, "*b"]
    scratchpad_weight_writes: Float[Tensor, "*b"]
    scratchpad_input_reads: Float[Tensor, "*b"]
    scratchpad_input_writes: Float[Tensor, "*b"]
    dram_weight_reads: Float[Tensor, "*b"]
    dram_input_reads: Float[Tensor, "*b"]
    dram_output_reads: Float[Tensor, "*b"]
    dram_output_writes: Float[Tensor, "*b"]
    busy_rows: Float[Tensor, "*b"]
    """Array rows that compute at the same time (spatial C; less where the last tile is smaller)."""
    busy_columns: Float[Tensor, "*b"]
    """Array columns that compute at the same time (spatial K)."""

    @property
    def accumulator(self) -> Float[Tensor, "*b"]:
        """Words read and written in the accumulator."""
        return self.accumulator_output_reads + self.accumulator_output_writes

    @property
    def scratchpad(self) -> tuple[Float[Tensor, "*b"], ...]:
        """Words moved at the scratchpad by tensor and direction."""
        weights = self.scratchpad_weight_reads, self.scratchpad_weight_writes
        return *weights, self.scratchpad_input_reads, self.scratchpad_input_writes

    @property
    def dram(self) -> tuple[Float[Tensor, "*b"], ...]:
        """Words moved at DRAM by tensor and direction."""
        return self.dram_weight_reads, self.dram_input_reads, self.dram_output_reads, self.dram_output_writes

    def words(self, hardware: HardwareTensors) -> Words:
        """What energy is counted from: the scratchpad moves whole rows of DIM words, DRAM whole blocks."""
        block = float(coefficients().dram_block_words)
        return Words(
            macs=self.macs,
            register=self.register_weight_reads + self.register_weight_writes,
            accumulator=self.accumulator,
            scratchpad=sum_of_rounded_up(self.scratchpad, hardware.dim),
            dram=sum_of_rounded_up(self.dram, block),
        )


def sum_of(terms: Iterable[Tensor]) -> Tensor:
    """The sum of tensors."""
    return reduce(operator.add, terms)


def timeloop_accesses(layers: LayerTensors, mappings: MappingTensors) -> Accesses:
    """Accesses as Timeloop counts them: DOSA (Hong et al., MICRO 2023), section 4.2.

    Weights go DRAM - scratchpad - registers, inputs DRAM - scratchpad - array, outputs array - accumulator - DRAM.
    """
    nest = Nest.of(layers, mappings)
    own = {tensor: seen_by(tensor, nest, mappings.held) for tensor in TENSORS}
    macs = product(nest.shape.size)
    weights = fetches(own["W"], WEIGHTS, NOT_WEIGHTS, 3) * product(of(own["W"].tile[2], WEIGHTS))
    registers = product(of(nest.tile[0], WEIGHTS)) * nest.rows * nest.columns
    weight_loads = fetches(nest, WEIGHTS, NOT_WEIGHTS, 1) * registers
    inputs = input_words(own["I"])
    evictions = fetches(own["O"], OUTPUTS, NOT_OUTPUTS, 2) * product(of(own["O"].tile[1], OUTPUTS)) * nest.columns
    refills = evictions - product(of(nest.shape.size, OUTPUTS))
    updates = macs / nest.busy_rows
    return Accesses(
        macs=macs,
        register_weight_reads=macs,
        register_weight_writes=weight_loads,
        accumulator_output_reads=updates,
        accumulator_output_writes=updates + refills,
        scratchpad_weight_reads=weight_loads,
        scratchpad_weight_writes=weights,
        scratchpad_input_reads=macs / nest.busy_columns,
        scratchpad_input_writes=inputs,
        dram_weight_reads=weights,
        dram_input_reads=inputs,
        dram_output_reads=refills,
        dram_output_writes=evictions,
        busy_rows=nest.busy_rows,
        busy_columns=nest.busy_columns,
    )
