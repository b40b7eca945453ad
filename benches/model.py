"""Estimates per second of the analytical model (cycles and energy): forward and with gradient, beside a plain loop.

Rows are mappings of ResNet-50 layers with random factors and orders; those of the row ``ragged`` are Gemmini's default
tiles, which do not divide their layers. A batch is cut into chunks whose memory is bounded; two threads take
chunks in turn. Gradients are of log EDP in all temporal and spatial factors. ``loop`` evaluates single mappings one
after the other. float32 is compared with float64 on the same rows.
"""

import random
import resource
import time
from collections.abc import Callable

import torch

from benches.common import TIMELOOP, Cell, quick, write
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.cost import Batch, cost, cost_in_chunks, over_chunks
from pipeline.machine.energy import Cost
from pipeline.machine.gemmini.tiler import default_mapping
from pipeline.machine.latency import AnalyticalModel
from pipeline.mapping import FOUR_LEVELS, Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import DIMS, Layer, load_workload

MODEL = AnalyticalModel(TIMELOOP)
BATCHES = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
QUICK_BATCHES = (1, 100, 10_000)
LOOP_ROWS = 50
SECONDS = 1.0
SEED = 0


def random_mapping(layer: Layer, hardware: Hardware, rng: random.Random) -> Mapping:
    """Random factors that divide ``layer``; spatial ones no larger than the array."""
    loops: list[dict[str, int]] = [{} for _ in range(FOUR_LEVELS.levels)]
    spatial = {"C": 1, "K": 1}
    for dim, size in zip(DIMS, layer.sizes, strict=True):
        left = size
        if dim in spatial:
            spatial[dim] = rng.choice([f for f in range(1, hardware.dim + 1) if left % f == 0])
            left //= spatial[dim]
        for level in (1, 2):
            loops[level][dim] = rng.choice([f for f in range(1, left + 1) if left % f == 0])
            left //= loops[level][dim]
        loops[3][dim] = left
    parts = [tuple((dim, factor) for dim, factor in level.items() if factor > 1) for level in loops]
    return Mapping(layer, tuple(parts), (spatial["C"], spatial["K"]))


def rows(count: int, dtype: torch.dtype = torch.float64, ragged: bool = False) -> Batch:
    """``count`` rows with random loop orders; every thousandth row repeats its factors."""
    rng = random.Random(SEED)
    hardware = [TIMELOOP.template.hardware(dim, 256, 64) for dim in (8, 16, 32)]
    pairs = [(entry.layer, item) for entry in load_workload("resnet50").layers for item in hardware]
    picked = [rng.choice(pairs) for _ in range(min(count, 1_000))]
    index = torch.arange(count) % len(picked)
    layers = LayerTensors.stack([layer for layer, _ in picked])[index]
    made = [default_mapping(*pair) if ragged else random_mapping(*pair, rng) for pair in picked]
    mappings = MappingTensors.stack(made)[index]
    rank = torch.rand(mappings.rank.shape, generator=torch.Generator().manual_seed(SEED)).argsort(-1)
    sizes = HardwareTensors.stack([item for _, item in picked])[index]
    return (
        LayerTensors(layers.size.to(dtype), layers.stride.to(dtype), layers.dilation.to(dtype)),
        MappingTensors(mappings.temporal.to(dtype), mappings.spatial.to(dtype), rank),
        sizes.map(lambda size: size.to(dtype)),
    )


def gradients(batch: Batch) -> torch.Tensor:
    """Gradient of log EDP of one chunk in its temporal factors."""
    layers, mappings, hardware = batch
    temporal = mappings.temporal.detach().requires_grad_()
    spatial = mappings.spatial.detach().requires_grad_()
    found = cost(MODEL, layers, MappingTensors(temporal, spatial, mappings.rank), hardware)
    return torch.autograd.grad((found.cycles.log() + found.energy_uj.log()).sum(), (temporal, spatial))[0]


def speed(name: str, run: Callable[[], object], count: int) -> dict[str, Cell]:
    """Rows per second, and per second of processor time, which a busy machine changes less.

    The best of as many runs as fit into a second, at least two, after one that warms up.
    """
    run()
    wall: list[float] = []
    busy: list[float] = []
    while len(wall) < 2 or sum(wall) < SECONDS:
        start, start_busy = time.perf_counter(), time.process_time()
        run()
        wall.append(time.perf_counter() - start)
        busy.append(time.process_time() - start_busy)
    return {f"{name}_per_s": count / min(wall), f"{name}_per_cpu_s": count / min(busy)}


def loop_row() -> dict[str, Cell]:
    """Single mappings, one call each."""
    singles = [tuple(part[i : i + 1] for part in rows(LOOP_ROWS)) for i in range(LOOP_ROWS)]

    def forward() -> None:
        with torch.no_grad():
            for layers, mappings, hardware in singles:
                cost(MODEL, layers, mappings, hardware)

    def backward() -> None:
        for single in singles:
            gradients(single)

    row: dict[str, Cell] = {"rows": "loop of 1", "threads": 1, "type": "float64"}
    return row | speed("forward", forward, LOOP_ROWS) | speed("gradient", backward, LOOP_ROWS)


def batch_row(count: int, threads: int, dtype: torch.dtype = torch.float64, ragged: bool = False) -> dict[str, Cell]:
    """One batch size with one number of threads."""
    batch = rows(count, dtype, ragged)
    row: dict[str, Cell] = {"rows": f"{count} ragged" if ragged else str(count), "threads": threads}
    row["type"] = str(dtype).removeprefix("torch.")
    row |= speed("forward", lambda: cost_in_chunks(MODEL, *batch, threads=threads), count)
    row |= speed("gradient", lambda: over_chunks(gradients, batch, threads), count)
    return row | {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def float32_row(count: int) -> dict[str, Cell]:
    """Speed of float32, and how far its results are from float64."""
    exact: Cost = cost_in_chunks(MODEL, *rows(count))
    single: Cost = cost_in_chunks(MODEL, *rows(count, torch.float32))
    off = [
        (a / b - 1).abs().max().item() for a, b in ((single.cycles, exact.cycles), (single.energy_uj, exact.energy_uj))
    ]
    return batch_row(count, 1, torch.float32) | {"worst_off_percent": 100 * max(off)}


def main() -> None:
    """Run the bench."""
    torch.set_num_threads(1)
    table = [loop_row()]
    for count in QUICK_BATCHES if quick() else BATCHES:
        table += [batch_row(count, threads) for threads in ((1, 2) if count > 4096 else (1,))]
    table += [batch_row(10_000, 1, ragged=True), float32_row(10_000)]
    write("model", table, seeds=[SEED])


if __name__ == "__main__":
    main()
