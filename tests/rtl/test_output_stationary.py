"""Random programs on ``output_stationary``: every output byte, every counter, and the two builds against each other."""

import random
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from pipeline.files import ROOT
from pipeline.hardware import Hardware
from pipeline.mapping import Mapping
from pipeline.measurement import CYCLE_COUNTERS
from pipeline.workload import Layer
from rtl.design import RTL
from rtl.generate import generate
from sim.build import Datapath
from sim.compiler import ProgramError
from sim.design import Design
from sim.golden import layer_output, random_operands
from sim.inprocess import Simulation
from sim.memory import MemorySettings
from sim.task import Record, Task, conclude, prepare
from sim.worker import run
from tests.machines import GEMMINI
from tests.sim.random_tasks import random_task

GENERATED = ROOT / "results" / "rtl"
COMPILER = str(RTL / "output_stationary" / "compiler.py")
SMALL = (GEMMINI.template.hardware(4, 4, 2), GEMMINI.template.hardware(4, 32, 1), GEMMINI.template.hardware(8, 32, 2))
"""Small memories, so that tiles are small and many."""

pytestmark = pytest.mark.xdist_group("rtl")


@cache
def design_of(hardware: Hardware) -> Design:
    return Design.load(generate(hardware, GENERATED, design="output_stationary"))


@cache
def simulation_of(hardware: Hardware, datapath: Datapath) -> Simulation:
    return Simulation.build(design_of(hardware), datapath)


def simulated(task: Task) -> Record:
    prepared = prepare(replace(task, memory=replace(task.memory, budget_kilocycles=2000)))
    outcome = run(simulation_of(task.hardware, task.datapath), prepared)
    return conclude("", prepared, design_of(task.hardware).counters, outcome)


def check(task: Task) -> Record:
    """Assert everything that must hold for any task that has a program."""
    full = simulated(task)
    assert full.error == "", str(task)
    assert sum(full.counters[name] for name in CYCLE_COUNTERS) == full.cycles
    assert full.counters["macs"] == real_macs(task.mapping.layer)
    timing = simulated(replace(task, datapath="timing"))
    assert (timing.cycles, timing.counters) == (full.cycles, full.counters), str(task)
    return full


def real_macs(layer: Layer) -> int:
    """Multiply-accumulates on real inputs, by counting the taps of each output that lie inside the input."""

    def taps(outs: int, filter_taps: int, stride: int, dilation: int) -> int:
        places = np.arange(outs)[:, None] * stride + np.arange(filter_taps) * dilation - filter_taps // 2
        return int(((places >= 0) & (places < outs * stride)).sum())

    columns = taps(layer.P, layer.R, layer.stride_w, layer.dilation_w)
    rows = taps(layer.Q, layer.S, layer.stride_h, layer.dilation_h)
    return columns * rows * layer.C * layer.K * layer.N


def programs(count: int, designs: tuple[Hardware, ...], seed: int) -> list[Task]:
    """Random tasks that have a program."""
    generator, found = random.Random(seed), []
    while len(found) < count:
        task = replace(random_task(generator, designs[len(found) % len(designs)], "full"), compiler=COMPILER)
        try:
            prepare(replace(task, datapath="timing"))
        except ProgramError:
            continue
        found.append(task)
    return found


def test_random_programs_are_bit_exact_and_their_counters_add_up() -> None:
    for task in programs(60, SMALL, seed=1):
        check(task)


@pytest.mark.long
@pytest.mark.parametrize(
    "hardware",
    [*SMALL, GEMMINI.template.hardware(16, 32, 4), GEMMINI.template.hardware(32, 64, 16)],
    ids=lambda item: item.id,
)
def test_many_random_programs_are_bit_exact_and_their_counters_add_up(hardware: Hardware) -> None:
    for task in programs(200, (hardware,), seed=hardware.dim):
        check(task)


def mapped(layer: Layer, tile: dict[str, int], outer: str) -> Mapping:
    """``layer`` in tiles of ``tile`` with DRAM loops in the order ``outer``, outermost first."""
    sizes = dict(zip("RSPQCKN", layer.sizes, strict=True))
    inner = tuple((name, size) for name, size in tile.items() if size > 1)
    counts = {name: -(-sizes[name] // tile.get(name, 1)) for name in outer}
    return Mapping(layer, ((), (), inner, tuple((name, counts[name]) for name in outer if counts[name] > 1)))


@pytest.mark.parametrize("order", ["CKP", "KCP", "PKC", "RSCQPK", "QPKSRC"])
def test_sums_stay_in_the_array_wherever_reduction_loops_stand(order: str) -> None:
    layer = Layer(R=2 if "R" in order else 1, S=2 if "S" in order else 1, P=9, Q=3 if "Q" in order else 1, C=12, K=9)
    tile = {"P": 4, "C": 4, "K": 8}
    task = Task(mapped(layer, tile, order), SMALL[0], "full", MemorySettings.of("simple"), compiler=COMPILER)
    record = check(task)
    blocks = record.counters["accumulator_write_words"] / (layer.P * layer.Q * layer.K * layer.N)
    splits = 3 * layer.R * layer.S
    assert blocks == splits  # every sum is put down once a tile of its reduction, and never leaves the array before


def test_a_tile_of_one_reduction_may_have_more_outputs_than_the_array_keeps_sums() -> None:
    layer = Layer(R=1, S=1, P=64, Q=2, C=4, K=8)
    task = Task(mapped(layer, {"P": 64, "Q": 2, "C": 4, "K": 8}, ""), SMALL[1], "full", MemorySettings.of("simple"))
    check(replace(task, compiler=COMPILER))


def test_a_split_reduction_with_too_many_outputs_is_refused_by_name() -> None:
    layer = Layer(R=1, S=1, P=512, Q=1, C=8, K=4)
    mapping = mapped(layer, {"P": 512, "C": 4, "K": 4}, "C")
    task = Task(mapping, SMALL[1], "timing", MemorySettings.of("simple"), compiler=COMPILER)
    with pytest.raises(ProgramError, match=r"over tiles of 128 output blocks, d4-s32-a1-.* keeps 16"):
        prepare(task)


def test_a_busy_array_computes_in_nearly_every_cycle() -> None:
    # 64 x 64 outputs of 256 channels: 4 x 4 x 4 x 4 blocks ... of 16 slots; the array is fed in all but a few cycles.
    layer = Layer(R=1, S=1, P=64, Q=1, C=256, K=64)
    hardware = SMALL[2]
    task = Task(mapped(layer, {"P": 32, "C": 256, "K": 32}, "KP"), hardware, "timing", MemorySettings.of("simple"))
    record = simulated(replace(task, compiler=COMPILER))
    assert record.error == ""
    assert record.counters["compute_cycles"] == layer.macs / hardware.dim**2


def test_the_memory_layout_holds_operands_in_blocks_of_dim_channels() -> None:
    layer = Layer(R=3, S=2, P=5, Q=4, C=6, K=7, N=2, stride_w=2)
    task = Task(mapped(layer, dict(zip("RSPQCKN", layer.sizes, strict=True)), ""), SMALL[1], "full", MemorySettings(0))
    program = prepare(replace(task, compiler=COMPILER)).program
    inputs, weights = random_operands(layer, 3)
    image = program.memory_image(inputs, weights, None).view(np.int8)
    # Input pixel (n 1, row 2, column 3), channel 5: block 1, lane 1.
    assert image[((((1 * 2 + 1) * 4 + 2) * 10 + 3) * 4) + 1] == inputs[1, 2, 3, 5]
    start = -(-2 * 2 * 4 * 10 * 4 // 64) * 64
    # Weight of tap (s 1, r 2), input channel 4, output channel 6: block 1, lane 2.
    assert image[start + ((((1 * 2 + 1) * 3 + 2) * 6 + 4) * 4) + 2] == weights[1, 2, 4, 6]
    expected = layer_output(layer, inputs, weights, shift=program.shift)
    assert program.read_output(image.view(np.uint8)).shape == expected.shape
