"""Loop nests of outside mappers: what they cost under our model, and as mappings."""

from dataclasses import replace

import pytest

from benches.loop_nest import LoopNest, best_mapping, misfit, recount
from pipeline.hardware import HardwareTensors
from pipeline.machine.capacity import check_fits
from pipeline.machine.coefficients import coefficients
from pipeline.machine.cost import cost
from pipeline.machine.latency import AnalyticalModel
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import Layer
from tests.machines import TIMELOOP

LAYER = Layer(R=3, S=3, P=28, Q=28, C=256, K=720)
HARDWARE = TIMELOOP.template.hardware(16, 128.0, 32.0)
LOOPS = (("P", 28), ("Q", 14), ("R", 3), ("S", 3), ("C", 16), ("K", 45), ("Q", 2))
UNEVEN = LoopNest(LAYER, LOOPS, (16, 16), 2, 5, 4, 6)
"""All channels of the inputs stay in the scratchpad, weights stream through in slices of 16."""
EVEN_TEXT = "L3[WIO] C2 Q2 K15 - L2[WI] K3 K16X - L1[O] C8 S3 R3 Q14 P4 C16X - L0[W] P7"
EVEN_LOOPS = (("P", 7), ("P", 4), ("Q", 14), ("R", 3), ("S", 3), ("C", 8), ("K", 3), ("K", 15), ("Q", 2), ("C", 2))
EVEN = LoopNest(LAYER, EVEN_LOOPS, (16, 16), 1, 6, 7, 7)


def mapping_edp(mapping: Mapping) -> float:
    layers, mappings = LayerTensors.stack([mapping.layer]), MappingTensors.stack([mapping])
    found = cost(AnalyticalModel(TIMELOOP), layers, mappings, HardwareTensors.stack([HARDWARE]))
    return float(found.cycles * found.energy_uj)


def test_an_uneven_nest_costs_what_counting_by_hand_gives() -> None:
    energy = coefficients().energy_pj
    macs, outputs = LAYER.macs, 28 * 28 * 720
    weights = 2 * 3 * 3 * 256 * 720  # once for each half of Q
    inputs = 30 * 30 * 256  # once: the two rows that both halves of Q need stay
    picojoule = (
        macs * (energy.mac + energy.register_file)
        + weights * energy.register_file
        + 2 * macs / 16 * (energy.accumulator.base + energy.accumulator.per_kib * 2)
        + (macs / 16 + 2 * weights + inputs) * (energy.scratchpad.base + energy.scratchpad.per_kib * 128)
        + (weights + inputs + outputs) * energy.dram
    )
    found = recount(UNEVEN, HARDWARE)
    assert float(found.energy_uj) == pytest.approx(picojoule * 1e-6, rel=1e-9)
    assert float(found.cycles) == macs / 256


def test_an_even_nest_costs_what_its_mapping_costs() -> None:
    found = recount(EVEN, HARDWARE)
    assert float(found.cycles * found.energy_uj) == pytest.approx(mapping_edp(Mapping.parse(EVEN_TEXT, LAYER)))


def test_the_best_mapping_of_a_nest_fits_and_costs_no_more_than_the_nest_as_it_was() -> None:
    mapping, costs = best_mapping(EVEN, HARDWARE)
    check_fits(mapping, HARDWARE, TIMELOOP)
    assert float(costs.cycles * costs.energy_uj) == pytest.approx(mapping_edp(mapping))
    assert mapping_edp(mapping) <= mapping_edp(Mapping.parse(EVEN_TEXT, LAYER)) * (1 + 1e-9)


def test_no_mapping_of_an_uneven_nest_comes_near_it() -> None:
    mapping, _ = best_mapping(UNEVEN, HARDWARE)
    found = recount(UNEVEN, HARDWARE)
    assert mapping_edp(mapping) > 1.2 * float(found.cycles * found.energy_uj)


def test_loops_of_a_dimension_that_others_separate_are_joined_at_each_of_their_places() -> None:
    layer = Layer(R=1, S=1, P=1, Q=1, C=2, K=15)
    nest = LoopNest(layer, (("K", 3), ("C", 2), ("K", 5)), (1, 1), 0, 0, 0, 0)
    assert [mapping.loops[3] for mapping in nest.mappings(0, 0, 0)] == [
        (("C", 2), ("K", 15)),
        (("K", 15), ("C", 2)),
    ]


def test_a_nest_that_does_not_fit_says_which_memory_it_breaks() -> None:
    assert misfit(UNEVEN, HARDWARE) == ""
    assert misfit(replace(UNEVEN, scratchpad_weights=5), HARDWARE) == "scratchpad 156.0 KiB of 128"
    assert misfit(replace(UNEVEN, accumulator_outputs=7), HARDWARE).startswith("accumulator")


def test_a_nest_that_no_boundaries_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="fit d16-s1-"):
        best_mapping(UNEVEN, TIMELOOP.template.hardware(16, 1.0, 1.0))
