"""The structure of hardware in the view: each part moves its constant, and the banks are those of the layout."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.constants import start_values
from pipeline.machine.gemmini.constants import Timing, start_timing
from pipeline.machine.gemmini.execution import execution, work_of
from pipeline.machine.gemmini.machine import Gemmini
from pipeline.machine.gemmini.structure import structured
from pipeline.machine.gemmini.template import DEFAULT, TEMPLATE
from pipeline.machine.gemmini.tiles import tiles_of
from pipeline.machine.gemmini.windows import window_of
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.table import Row, read_table, rows_of
from pipeline.workload import C, K, Layer, N, R, S
from tests.pipeline.machine.station import cycles_of_blocks
from tests.sim.random_tasks import DESIGNS, random_layer, random_mapping

CHANGES = [
    ("bus_bytes", 64, "bytes_per_cycle", 64.0),
    ("reads_in_flight", 4, "in_flight", 4.0),
    ("writes_in_flight", 40, "writes_in_flight", 40.0),
    ("array_slots", 12, "in_flight_slots", 11.0),
    ("tiles_in_flight", 1, "tiles_in_flight", 1.0),
    ("load_entries", 1, "load_entries", 1.0),
    ("execute_entries", 6, "execute_entries", 6.0),
    ("store_entries", 1, "store_entries", 1.0),
    ("accumulator_banks", 1, "accumulator_banks", 1.0),
]
SIMULATED = Path(__file__).with_name("structures.csv.gz")
"""160 mappings on eleven designs that ``benches/structure.py`` drew, simulated on ``soc``."""


def batch(count: int, changes: dict[str, int]) -> tuple[LayerTensors, MappingTensors, HardwareTensors]:
    """Random mappings of random layers on hardware of a structure."""
    generator = random.Random(count)
    rows: list[tuple[Layer, Mapping, Hardware]] = []
    for _ in range(count):
        hardware = generator.choice(DESIGNS)
        layer = random_layer(generator, hardware.dim)
        mapping = random_mapping(generator, layer, hardware)
        rows.append((layer, mapping, hardware.restructured(changes)))
    layers, mappings, hardware_rows = zip(*rows, strict=True)
    return LayerTensors.stack(layers), MappingTensors.stack(mappings), HardwareTensors.stack(hardware_rows)


@pytest.mark.parametrize(("axis", "number", "constant", "value"), CHANGES)
@pytest.mark.parametrize("memory", ["simple", "soc"])
def test_hardware_with_another_number_is_the_default_with_another_constant(memory, axis, number, constant, value):
    machine = Gemmini(memory)
    layers, mappings, hardware = batch(40, {axis: number})
    values = start_values(machine.constants) | {constant: value}
    expected = machine.latency(layers, mappings, batch(40, {})[2], values)
    torch.testing.assert_close(machine.latency(layers, mappings, hardware), expected)


def test_the_default_structure_changes_nothing():
    timing = start_timing("soc")
    same = HardwareTensors.stack([DEFAULT, DEFAULT.restructured({"load_queue": 4})])
    assert structured(timing, HardwareTensors.stack([DEFAULT])) is structured(timing, same) is timing


def test_a_batch_may_have_several_structures_and_values_that_were_fitted():
    hardware = [DEFAULT, DEFAULT.restructured({"reads_in_flight": 8}), DEFAULT.restructured({"tiles_in_flight": 1})]
    values = start_values(Gemmini("soc").constants) | {"in_flight": 12.0, "tiles_in_flight": 1.5}
    timing = structured(Timing.of(values, "soc"), HardwareTensors.stack(hardware))
    assert torch.as_tensor(timing.in_flight).tolist() == [12.0, 6.0, 12.0]
    assert torch.as_tensor(timing.tiles_in_flight).tolist() == [1.5, 1.5, 1.0]


@pytest.mark.parametrize("banks", [1, 2, 4, 8, 16])
def test_the_chance_of_a_shared_bank_is_that_of_all_pairs_of_rows(banks):
    layers, mappings, hardware = batch(60, {"scratchpad_banks": banks})
    tiles = tiles_of(layers, mappings, hardware)
    window = window_of(tiles)
    found = work_of(tiles, window).same_bank
    for row in range(60):
        dim = int(tiles.dim[row])
        half = int(hardware.scratchpad_kib[row] * 1024 / dim / 2)
        depth = tiles.average(C, (tiles.extent[C] / tiles.dim).ceil())[row]
        columns = tiles.average(K, (tiles.extent[K] / tiles.dim).ceil())[row]
        inputs = float(depth * (tiles.mean[N] * window.extent.prod(0))[row])
        weights = float(columns * (tiles.mean[R] * tiles.mean[S] * tiles.mean[C])[row])
        if not (inputs.is_integer() and weights.is_integer()):
            continue
        rows = half * 2 // banks
        of_inputs = [i // rows for i in range(round(inputs))]
        of_weights = [(half - 1 - w) // rows for w in range(round(weights))]
        pairs = sum(of_inputs.count(bank) * of_weights.count(bank) for bank in set(of_inputs))
        assert float(found[row]) == pytest.approx(pairs / (inputs * weights))


def test_structures_are_part_of_a_stack_and_come_back():
    hardware = [DEFAULT, DEFAULT.restructured({"bus_bytes": 32}), DEFAULT.restructured({"array_slots": 8})]
    stacked = HardwareTensors.stack(hardware)
    assert list(stacked.sizes) == ["dim", "scratchpad_kib", "accumulator_kib", "bus_bytes", "array_slots"]
    assert [stacked.hardware(index, TEMPLATE) for index in range(3)] == hardware
    assert list(HardwareTensors.stack([DEFAULT]).sizes) == ["dim", "scratchpad_kib", "accumulator_kib"]


@pytest.mark.parametrize(("entries", "error"), [(6, 0.1), (8, 0.06), (10, 0.05), (12, 0.04), (16, 0.04)])
def test_execution_takes_what_a_model_of_the_reservation_station_takes_cycle_by_cycle(entries, error):
    errors, unknown = [], []
    for dim in (4, 8, 16, 32):
        for slots in (3, 4, 6, 8):
            for rows, count in ((1, 1), (4, 4), (4, 9), (8, 3), (8, 8), (16, 4)):
                if rows > dim:
                    continue
                layer = Layer(R=3, S=1, P=rows, Q=count, C=dim, K=4 * dim)
                text = f"L3[WIO] N1 - L2[WI] N1 K{dim}X - L1[O] Q{count} R3 K4 C{dim}X - L0[W] P{rows}"
                hardware = HardwareTensors.stack([TEMPLATE.hardware(dim, 256, 256)])
                layers, mappings = LayerTensors.stack([layer]), MappingTensors.stack([Mapping.parse(text, layer)])
                timing = replace(start_timing("soc"), in_flight_slots=slots - 1, execute_entries=entries)
                tiles = tiles_of(layers, mappings, hardware)
                work = work_of(tiles, window_of(tiles))
                expected = cycles_of_blocks(dim, entries, slots, [rows] * count)
                found = execution(work, timing)
                errors.append(abs(float(found.held_cycles / work.weight_blocks) / expected - 1))
                known = torch.maximum(found.slot_cycles, found.in_flight_cycles)
                unknown.append(abs(float(known / work.weight_blocks) / expected - 1))
    assert sum(errors) / len(errors) < error
    if entries <= 8:
        assert sum(errors) < 0.5 * sum(unknown)


def test_small_tiles_overlap_though_one_is_in_flight():
    layer = Layer(R=1, S=1, P=128, Q=1, C=64, K=128)
    small = Mapping.parse("L3[WIO] P32 K2 - L2[WI] N1 K16X - L1[O] K4 C4 P4 C16X - L0[W] N1", layer)
    large = Mapping.parse("L3[WIO] K2 - L2[WI] N1 K16X - L1[O] K4 C4 P128 C16X - L0[W] N1", layer)
    machine, alone = Gemmini("soc"), DEFAULT.restructured({"tiles_in_flight": 1, "execute_entries": 64})
    layers, mappings = LayerTensors.stack([layer] * 2), MappingTensors.stack([small, large])
    terms = machine.view(layers, mappings, HardwareTensors.stack([alone] * 2))
    one_by_one = terms.load_cycles + terms.compute_cycles
    assert terms.period_cycles[0] < 0.7 * one_by_one[0]
    assert terms.period_cycles[1] > 0.9 * one_by_one[1]


def test_cycles_of_structures_are_near_simulated_ones():
    table = read_table(SIMULATED)
    rows = [row for row in rows_of(table, TEMPLATE) if isinstance(row, Row)]
    mapped = [row.mapping for row in rows]
    layers, mappings = LayerTensors.stack([mapping.layer for mapping in mapped]), MappingTensors.stack(mapped)
    measured = torch.tensor(table["sim.cycles"].to_numpy(), dtype=torch.float64)
    assert len(rows) == len(measured) == 160

    def errors(hardware: list[Hardware]) -> torch.Tensor:
        cycles = Gemmini("soc").latency(layers, mappings, HardwareTensors.stack(hardware))
        return (cycles / measured - 1).abs()

    found = errors([row.hardware for row in rows])
    few_reads = torch.tensor([row.hardware["reads_in_flight"] <= 8 for row in rows])
    few_writes = torch.tensor([row.hardware["writes_in_flight"] <= 8 for row in rows])
    assert found.median() < 0.029
    assert found[few_reads].median() < 0.025
    assert found[few_writes].median() < 0.032
    assert errors([replace(row.hardware, structure=()) for row in rows]).median() > 0.15
