"""ZigZag as a mapper on the hardware of ``timeloop``: the same array, memories, bandwidths and energies in its terms.

Every word counts as 8 bits, an output too, because ``timeloop`` counts words: the accumulator is as many words as it
holds int32 values. Sources: Mei et al., ZigZag, IEEE TC 2021; Jung et al., SALSA, AICAS 2023. Needs ``zigzag-dse``.
"""

import queue
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from zigzag.cost_model.cost_model import CostModelEvaluation
from zigzag.hardware.architecture.accelerator import Accelerator
from zigzag.mapping.temporal_mapping import TemporalMappingType
from zigzag.opt.salsa.engine import SalsaEngine
from zigzag.parser.accelerator_factory import AcceleratorFactory
from zigzag.parser.accelerator_validator import AcceleratorValidator
from zigzag.parser.mapping_validator import MappingValidator
from zigzag.parser.workload_factory import LayerNodeFactory
from zigzag.parser.workload_validator import WorkloadValidator
from zigzag.stages.main import MainStage
from zigzag.stages.mapping.spatial_mapping_generation import SpatialMappingGeneratorStage
from zigzag.stages.stage import Stage
from zigzag.workload.layer_node import LayerNode

from benches.loop_nest import LoopNest
from pipeline.hardware import ACCUMULATOR, Hardware
from pipeline.machine.coefficients import coefficients
from pipeline.workload import Layer

WORD_BITS = 8
DIMENSIONS = {"B": "N", "K": "K", "C": "C", "OY": "Q", "OX": "P", "FY": "S", "FX": "R"}
"""ZigZag's names of the dimensions, and ours."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best mapping of a search in ZigZag's own counting."""

    nest: LoopNest
    cycles: float
    energy_uj: float
    cpu_seconds: float

    @property
    def edp(self) -> float:
        """Energy-delay product in microjoule-cycles."""
        return self.cycles * self.energy_uj


def zigzag_search(layer: Layer, hardware: Hardware, *, even: bool, iterations: int, seeds: tuple[int, ...]) -> Found:
    """The mapping of least EDP that ZigZag's annealing (SALSA) finds from ``seeds``, loops split into primes.

    ``even``: inputs and weights share the boundary of the scratchpad, as tiles of a ``Mapping`` do.
    """
    start = time.process_time()
    found = [_anneal(layer, hardware, even, iterations, seed) for seed in seeds]
    best = min(found, key=lambda evaluation: evaluation.energy_total * evaluation.latency_total2)
    seconds = time.process_time() - start
    return Found(_nest(layer, hardware, best), float(best.latency_total2), best.energy_total * 1e-6, seconds)


class _Anneal(Stage):
    """ZigZag's annealing for one spatial mapping in this process. It steers by energy; EDP is not on offer."""

    def __init__(
        self,
        list_of_callables: list[Any],
        *,
        accelerator: Accelerator,
        layer: LayerNode,
        spatial_mapping: Any,
        spatial_mapping_int: Any,
        even: bool,
        iterations: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(list_of_callables, **kwargs)
        self.parts = {"accelerator": accelerator, "layer": layer, "spatial_mapping": spatial_mapping}
        self.spatial_mapping_int = spatial_mapping_int
        self.kind = TemporalMappingType.EVEN if even else TemporalMappingType.UNEVEN
        self.iterations = iterations

    def is_leaf(self) -> bool:
        """Whether no stage follows."""
        return True

    def run(self) -> Iterator[tuple[CostModelEvaluation, None]]:
        """The best mapping, with every access counted (ZigZag's default leaves out repeated ones)."""
        results: queue.Queue[CostModelEvaluation] = queue.Queue()
        engine = SalsaEngine(
            **self.parts, mapping_type=self.kind, salsa_iteration_number=self.iterations, salsa_opt_criterion="energy"
        )
        engine.run(results)
        best = CostModelEvaluation(
            **self.parts,
            spatial_mapping_int=self.spatial_mapping_int,
            temporal_mapping=results.get().temporal_mapping,
            access_same_data_considered_as_no_access=False,
        )
        yield best, None


def _anneal(layer: Layer, hardware: Hardware, even: bool, iterations: int, seed: int) -> CostModelEvaluation:
    random.seed(seed)
    np.random.seed(seed)
    stages = MainStage(
        [SpatialMappingGeneratorStage, _Anneal],
        accelerator=_accelerator(hardware),
        layer=_layer(layer, hardware),
        even=even,
        iterations=iterations,
    )
    [(evaluation, _)] = stages.run()
    return evaluation


def _nest(layer: Layer, hardware: Hardware, evaluation: CostModelEvaluation) -> LoopNest:
    levels = {str(tensor): held for tensor, held in evaluation.temporal_mapping.mapping_dic_origin.items()}
    loops = tuple((DIMENSIONS[str(dim)], int(size)) for level in levels["I"] for dim, size in level if size > 1)
    return LoopNest(
        layer,
        loops,
        spatial=(min(hardware.dim, layer.C), min(hardware.dim, layer.K)),
        register_weights=len(levels["W"][0]),
        accumulator_outputs=len(levels["O"][0]),
        scratchpad_weights=len(levels["W"][0]) + len(levels["W"][1]),
        scratchpad_inputs=len(levels["I"][0]),
    )


def _accelerator(hardware: Hardware) -> Accelerator:
    """The array with C on rows (D1) and K on columns (D2), from registers to DRAM; energies in picojoule.

    A register holds two weights so that one loads while the other is in use, as in ``timeloop``. Bandwidths are
    those of ``timeloop`` over ports: half of the scratchpad's for reading inputs, half for all else.
    """
    energy, dim = coefficients().energy_pj, hardware.dim
    accumulator_pj = energy.accumulator.base + energy.accumulator.per_kib * hardware.accumulator_kib / dim
    scratchpad_pj = energy.scratchpad.base + energy.scratchpad.per_kib * hardware.scratchpad_kib
    words = int(hardware.accumulator_kib * 1024 / ACCUMULATOR.word_bytes / dim)
    dram_words = int(coefficients().bandwidth_words_per_cycle.dram)
    every = [f"{tensor}, {way}" for tensor, ways in _WAYS.items() for way in ways]
    memories = {
        "registers": _memory(2, energy.register_file, 1, [], {"r": ["I2, tl"], "w": ["I2, fh"]}, double=True),
        "accumulator": _memory(words, accumulator_pj, 1, ["D1"], {"r": ["O, tl", "O, th"], "w": ["O, fl", "O, fh"]}),
        "scratchpad": _memory(
            int(hardware.scratchpad_kib * 1024),
            scratchpad_pj,
            dim,
            ["D1", "D2"],
            {"r": ["I1, tl"], "rw": ["I2, tl", "I1, fh", "I2, fh"]},
        ),
        "dram": _memory(10**11, energy.dram, dram_words, ["D1", "D2"], {"rw": every}),
    }
    array = {"unit_energy": energy.mac, "unit_area": 1.0, "dimensions": ["D1", "D2"], "sizes": [dim, dim]}
    data = {"name": hardware.id, "memories": memories, "operational_array": array}
    return AcceleratorFactory(_checked(AcceleratorValidator(data))).create()


_WAYS = {"I1": ("fh", "tl"), "I2": ("fh", "tl"), "O": ("fh", "tl", "fl", "th")}
_PORTS = {"r": "read", "w": "write", "rw": "read_write"}


def _memory(
    words: int, word_pj: float, port_words: int, served: list[str], ports: dict[str, list[str]], double: bool = False
) -> dict[str, Any]:
    tensors = [tensor for tensor in _WAYS if any(use.startswith(tensor) for uses in ports.values() for use in uses)]
    return {
        "size": words * WORD_BITS,
        "r_cost": word_pj * port_words,
        "w_cost": word_pj * port_words,
        "latency": 1,
        "area": 0.0,
        "operands": tensors,
        "served_dimensions": served,
        "force_double_buffering": double,
        "ports": [
            {
                "name": f"{kind}_port_{number}",
                "type": _PORTS[kind],
                "bandwidth_min": WORD_BITS,
                "bandwidth_max": WORD_BITS * port_words,
                "allocation": uses,
            }
            for number, (kind, uses) in enumerate(ports.items(), 1)
        ],
    }


def _layer(layer: Layer, hardware: Hardware) -> LayerNode:
    sizes = [getattr(layer, name) for name in DIMENSIONS.values()]
    data = {
        "id": 0,
        "name": "layer",
        "operator_type": "Conv",
        "equation": "O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]",
        "dimension_relations": [
            f"ix={layer.stride_w}*ox+{layer.dilation_w}*fx",
            f"iy={layer.stride_h}*oy+{layer.dilation_h}*fy",
        ],
        "loop_dims": list(DIMENSIONS),
        "loop_sizes": sizes,
        "operand_precision": dict.fromkeys(("I", "W", "O", "O_final"), WORD_BITS),
        "operand_source": {"I": 0, "W": 0},
    }
    array = {"D1": [f"C, {hardware.dim}"], "D2": [f"K, {hardware.dim}"]}
    links = {"O": "O", "W": "I2", "I": "I1"}
    mapping = [{"name": "default", "spatial_mapping": array, "memory_operand_links": links}]
    [node] = _checked(WorkloadValidator([data]))
    return LayerNodeFactory(node, _checked(MappingValidator(mapping))).create()


def _checked(validator: Any) -> Any:
    if not validator.validate():
        raise ValueError(f"ZigZag refuses its input: {validator.validator.errors}")
    return validator.normalized_data
