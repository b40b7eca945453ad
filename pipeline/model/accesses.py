"""How often a mapping reads and writes each tensor at each level."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from pipeline.mapping import LayerTensors, MappingTensors
from pipeline.model.nest import INPUTS, OUTPUTS, WEIGHTS, InputTile, Nest, fetches, product


@dataclass(frozen=True, slots=True)
class Words:
    """Words moved at each level, reads and writes together, and multiply-accumulates: what energy is counted from.

    A word is one int8 in registers, scratchpad and DRAM (an int32 in DRAM is four), one int32 in the accumulator.
    """

    macs: Float[Tensor, "*b"]
    register: Float[Tensor, "*b"]
    accumulator: Float[Tensor, "*b"]
    scratchpad: Float[Tensor, "*b"]
    dram: Float[Tensor, "*b"]


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

    def words(self) -> Words:
        """The totals by level."""
        return Words(
            macs=self.macs,
            register=self.register_weight_reads + self.register_weight_writes,
            accumulator=self.accumulator_output_reads + self.accumulator_output_writes,
            scratchpad=self.scratchpad_weight_reads
            + self.scratchpad_weight_writes
            + self.scratchpad_input_reads
            + self.scratchpad_input_writes,
            dram=self.dram_weight_reads + self.dram_input_reads + self.dram_output_reads + self.dram_output_writes,
        )


def timeloop_accesses(layers: LayerTensors, mappings: MappingTensors) -> Accesses:
    """Accesses as Timeloop counts them: DOSA (Hong et al., MICRO 2023), section 4.2.

    Weights go DRAM - scratchpad - registers, inputs DRAM - scratchpad - array, outputs array - accumulator - DRAM.
    """
    nest = Nest.of(mappings)
    tile = nest.extent
    macs = product(list(tile[3]))
    weights = fetches(nest, WEIGHTS, 3) * product([tile[2][d] for d in WEIGHTS])
    weight_loads = fetches(nest, WEIGHTS, 1) * product([tile[0][d] for d in WEIGHTS])
    weight_loads = weight_loads * nest.spatial_c * nest.spatial_k
    inputs = fetches(nest, INPUTS, 3) * InputTile.of(nest, layers, 2).words
    evictions = fetches(nest, OUTPUTS, 2) * product([tile[1][d] for d in OUTPUTS]) * nest.spatial_k
    refills = evictions - product([tile[3][d] for d in OUTPUTS])
    updates = macs / nest.spatial_c
    return Accesses(
        macs=macs,
        register_weight_reads=macs,
        register_weight_writes=weight_loads,
        accumulator_output_reads=updates,
        accumulator_output_writes=updates + refills,
        scratchpad_weight_reads=weight_loads,
        scratchpad_weight_writes=weights,
        scratchpad_input_reads=macs / nest.spatial_k,
        scratchpad_input_writes=inputs,
        dram_weight_reads=weights,
        dram_input_reads=inputs,
        dram_output_reads=refills,
        dram_output_writes=evictions,
    )
