"""Words moved by a mapping: what energy is counted from."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Words:
    """Words moved at each level, reads and writes together, and multiply-accumulates.

    A word is one int8 in registers, scratchpad and DRAM (an int32 in DRAM is four), one int32 in the accumulator. A
    level that a machine does not have moves none.
    """

    macs: Float[Tensor, "*#b"]
    register: Float[Tensor, "*#b"]
    accumulator: Float[Tensor, "*#b"]
    scratchpad: Float[Tensor, "*#b"]
    dram: Float[Tensor, "*#b"]


@dataclass(frozen=True, slots=True)
class Least:
    """What no order of the DRAM loops goes below."""

    cycles: Float[Tensor, "*b"]
    words: Words
