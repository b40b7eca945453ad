"""The accelerator view: latency as hardware executes a mapping."""

from dataclasses import fields, replace

import pytest
import torch
from scipy.stats import spearmanr

from pipeline.files import reference_data
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.constants import start_values
from pipeline.machine.gemmini.bursts import _split
from pipeline.machine.gemmini.constants import start_timing
from pipeline.machine.gemmini.facts import Setting, facts_of
from pipeline.machine.gemmini.loads import Missing, Stream, stream_cycles
from pipeline.machine.gemmini.machine import Gemmini
from pipeline.machine.gemmini.view import Terms, terms_of
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.rounding import blocks, last_block
from pipeline.machine.system import BELOW_CACHE, MEMORY_SYSTEMS
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.table import Row, read_table, rows_of
from pipeline.workload import DIMS, Layer
from tests.machines import GEMMINI, PUBLIC, TIMELOOP
from tests.pipeline.machine.gemmini_cases import sample, tensors
from tests.pipeline.machine.reads import cycles_of_command

DIM = DIMS.index
SIMPLE = Gemmini("simple")
MACHINES = {"spill": SIMPLE, "drop": Gemmini("soc", "drop")}


def one(layer: Layer, text: str, hardware: Hardware) -> Terms:
    return SIMPLE.view(*tensors([Mapping.parse(text, layer)], [hardware]))


@pytest.mark.parametrize("block", [4.0, 7.0, 16.0])
def test_relaxed_blocks_equal_ceil_on_integers_and_are_continuous(block: float) -> None:
    extent = torch.arange(1, 100, dtype=torch.float64)
    size = torch.full_like(extent, block)
    assert torch.equal(blocks(extent, size), (extent / block).ceil())
    assert torch.equal(last_block(extent, size), extent - ((extent / block).ceil() - 1) * block)
    fine = torch.linspace(1, 100, 100_001, dtype=torch.float64)
    steps = blocks(fine, torch.full_like(fine, block)).diff()
    assert steps.min() >= 0
    assert steps.max() < 0.0011


@pytest.mark.parametrize("chance", [0.05, 0.2, 0.4, 0.7, 0.95])
@pytest.mark.parametrize(("dim", "in_flight"), [(16, 4), (16, 8), (32, 4), (32, 16)])
def test_a_load_command_with_misses_takes_what_its_reads_take_one_by_one(
    dim: int, in_flight: int, chance: float
) -> None:
    timing = replace(start_timing("soc"), in_flight=float(in_flight))
    for beats in (1, 2, 4):
        rows = max(1, 16 * beats // dim)
        one = [1.0, float(dim), float(dim * beats), float(dim * rows), 0.0, 0.0]
        stream = Stream(*(torch.tensor([part], dtype=torch.float64) for part in one))
        lines = dim * chance
        missing = Missing(*(torch.tensor([part]) for part in (lines, lines * BELOW_CACHE.port_cycles)))
        expected = cycles_of_command(
            dim,
            beats,
            rows,
            in_flight,
            chance,
            port=BELOW_CACHE.port_cycles,
            later=BELOW_CACHE.miss_latency_cycles,
            between=int(timing.command_cycles),
        )
        found = stream_cycles(stream, torch.tensor([float(dim)]), timing, missing)
        assert float(found) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(
    ("start", "row_bytes", "requests", "beats"),
    [(0, 64, 1, 4), (0, 16, 1, 1), (0, 3, 1, 1), (14, 3, 1, 2), (62, 3, 2, 2), (32, 64, 2, 4), (8, 64, 2, 5)],
)
def test_rows_split_into_aligned_bursts(start: int, row_bytes: int, requests: int, beats: int) -> None:
    assert _split(start, row_bytes) == (requests, beats)


def test_a_single_tile_is_its_parts_in_turn() -> None:
    """1x1, 16 x 2 pixels, 64 -> 64 channels at DIM 16: 16 blocks of weights, each with 2 computes of 16 rows."""
    terms = one(Layer(1, 1, 16, 2, 64, 64), "L3[WIO] N1 - L2[WI] K4 K16X - L1[O] C4 Q2 P16 C16X - L0[W] N1", HARDWARE)
    assert terms.weight_blocks.item() == 16
    assert terms.computes.item() == 32
    assert terms.slot_cycles.item() == 16 * 32
    assert terms.tiles.item() == terms.stores.item() == 1
    assert terms.read_bytes.item() == 32 * 64 + 64 * 64
    assert terms.write_bytes.item() == 32 * 64
    assert terms.weight_cycles.item() == 64 * 4
    stages = terms.load_cycles + terms.compute_cycles + terms.store_cycles
    assert stages.item() < terms.cycles.item() < stages.item() + 1000


HARDWARE = GEMMINI.template.hardware(16, 256.0, 64.0)


def test_loads_hide_behind_computes_of_the_tile_before() -> None:
    text = "L3[WIO] Q{} - L2[WI] K4 K16X - L1[O] C4 Q8 P16 C16X - L0[W] N1"
    few, many = (one(Layer(1, 1, 16, 8 * q, 64, 64), text.format(q), HARDWARE) for q in (4, 12))
    assert few.load_cycles.item() < few.compute_cycles.item() == 16 * 128
    assert (many.cycles - few.cycles).item() == pytest.approx(8 * few.period_cycles.item(), rel=0.02)


def test_only_reductions_outside_output_loops_spill() -> None:
    layer = Layer(1, 1, 16, 8, 64, 64)
    inner = one(layer, "L3[WIO] Q8 C4 - L2[WI] K4 K16X - L1[O] P16 C16X - L0[W] N1", HARDWARE)
    outer = one(layer, "L3[WIO] C4 Q8 - L2[WI] K4 K16X - L1[O] P16 C16X - L0[W] N1", HARDWARE)
    assert inner.sum_stores.item() == 0
    assert (inner.stores.item(), outer.stores.item(), outer.sum_stores.item()) == (8, 32, 24)
    assert outer.cycles.item() > 1.1 * inner.cycles.item()


def as_given(machine: Gemmini, layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors) -> Terms:
    """The terms of the mappings as they are, not as the public runs would execute them."""
    drop, cache = machine.partial_sums == "drop", MEMORY_SYSTEMS[machine.memory].cache
    setting = Setting(cache, drop, public=drop and cache is not None)
    return terms_of(facts_of(layers, mappings, hardware, setting), start_timing(machine.memory))


def test_dropped_partial_sums_leave_no_traffic() -> None:
    batch = sample(100, seed=3)
    spill, drop = (as_given(Gemmini("simple", rule), *batch) for rule in ("spill", "drop"))
    assert (drop.sum_stores == 0).all()
    assert (drop.cycles <= spill.cycles + 1e-6).all()
    assert (drop.cycles < spill.cycles - 1).any()


@pytest.mark.parametrize("partial_sums", ["spill", "drop"])
@pytest.mark.parametrize("exact", [True, False])
def test_all_terms_are_finite_and_positive(partial_sums: str, exact: bool) -> None:
    terms = MACHINES[partial_sums].view(*sample(300, seed=4, exact=exact))
    for field in fields(terms):
        value = getattr(terms, field.name)
        assert value.isfinite().all(), field.name
        assert (value >= 0).all(), field.name


def test_every_shape_broadcasts() -> None:
    layers, mappings, hardware = sample(6, seed=5)
    rows = SIMPLE.view(layers, mappings, hardware).cycles
    grid = SIMPLE.view(layers, mappings, hardware.map(lambda size: size.unsqueeze(1))).cycles
    assert grid.shape == (6, 6)
    assert torch.equal(grid.diagonal(), rows)


@pytest.mark.parametrize("partial_sums", ["spill", "drop"])
def test_gradients_agree_with_finite_differences_away_from_kinks(partial_sums: str) -> None:
    """Kinks: integers (where ceil begins or ends), the larger of two cycles, and in ``soc`` where a cache is full."""
    layers, mappings, hardware = sample(60, seed=6)
    draw = torch.Generator().manual_seed(1)
    shift = 0.31 + 0.3 * torch.rand(mappings.temporal.shape, generator=draw, dtype=torch.float64)
    temporal = (mappings.temporal + shift * (mappings.temporal > 1)).requires_grad_()

    def cycles(value: torch.Tensor) -> torch.Tensor:
        relaxed = replace(mappings, temporal=value)
        return as_given(MACHINES[partial_sums], layers, relaxed, hardware).cycles

    (gradient,) = torch.autograd.grad(cycles(temporal).sum(), temporal)
    step, agree, total = 1e-6, 0, 0
    for level, dim in ((0, 2), (1, 0), (1, 3), (1, 4), (2, 5), (3, 1), (3, 2), (3, 4), (3, 5)):
        offset = torch.zeros_like(temporal)
        offset[:, level, dim] = step
        with torch.no_grad():
            above, below, here = cycles(temporal + offset), cycles(temporal - offset), cycles(temporal)
        left, right = (here - below) / step, (above - here) / step
        smooth = (left - right).abs() <= 1e-3 * (left.abs() + right.abs() + 1)
        smooth &= mappings.temporal[:, level, dim] > 1  # the others lie on an integer
        analytic = gradient[:, level, dim]
        close = (analytic - (left + right) / 2).abs() <= 1e-3 * (left.abs() + right.abs() + 1)
        agree, total = agree + int((close & smooth).sum()), total + int(smooth.sum())
        assert (close | ~smooth).all(), (level, DIMS[dim])
    assert agree == total > 100


def test_relaxed_factors_approach_the_integer_model() -> None:
    layers, mappings, hardware = sample(200, seed=7)
    exact = SIMPLE.view(layers, mappings, hardware).cycles
    nudged = mappings.temporal * (1 + 1e-9)
    near = SIMPLE.view(layers, replace(mappings, temporal=nudged), hardware).cycles
    torch.testing.assert_close(near, exact, rtol=1e-5, atol=1e-2)


def test_more_bandwidth_never_costs_cycles() -> None:
    batch = sample(200, seed=8)
    before: torch.Tensor | None = None
    for bandwidth in (2.0, 4.0, 8.0, 16.0):
        values = start_values(SIMPLE.constants) | {"bytes_per_cycle": bandwidth}
        cycles = SIMPLE.latency(*batch, values)
        if before is not None:
            assert (cycles <= before + 1e-6).all()
        before = cycles


def test_a_larger_scratchpad_never_costs_cycles() -> None:
    layers, mappings, hardware = sample(200, seed=9)
    larger = hardware.replaced({"scratchpad_kib": 2 * hardware.scratchpad_kib})
    assert (SIMPLE.view(layers, mappings, larger).cycles <= SIMPLE.view(layers, mappings, hardware).cycles + 1e-6).all()


def test_public_fpga_runs_rank_better_than_by_the_timeloop_view() -> None:
    path = reference_data() / "firesim_gemmini.csv.gz"
    if not path.exists():
        pytest.skip(f"public FPGA measurements not found at {path}")
    table = read_table(path)
    rows = [row for row in rows_of(table, GEMMINI.template, "from-mapping") if isinstance(row, Row)]
    assert len(rows) == len(table)
    batch = tensors([row.mapping for row in rows], [row.hardware for row in rows])
    measured = torch.tensor(table["target.cycle"].to_numpy())
    ours = AnalyticalModel(PUBLIC)(*batch).cycles
    timeloop = AnalyticalModel(TIMELOOP)(*batch).cycles
    assert spearmanr(ours, measured).statistic > 0.985
    assert spearmanr(timeloop, measured).statistic < 0.95
    assert (ours / measured).log().abs().median() < 0.10
