"""The search as a mapper beside ZigZag and AccelForge: ``make bench-mappers`` (QUICK=1: two layers, fewer steps).

Six layers on fixed hardware (DIM 16, 128 KiB scratchpad, 32 KiB accumulator, ``timeloop``). EDP in microjoule-cycles:

- ``edp``: ours, geometric mean over three seeds, and ``worst_seed_edp``. Tensors may have tiles of their own in the
  scratchpad and the accumulator (``Mapping.held``).
- ``one_tile_edp``: ours with one tile a level for all tensors, which is Timeloop's form.
- ``zigzag_own``: the best that ZigZag finds, in its own counting (loading before and unloading after the
  computation, no reuse between sliding windows).
- ``zigzag_recounted``: the same loops in our counting. ZigZag's mappings are *uneven*: each tensor has boundaries of
  its own, so the scratchpad may hold all channels of the inputs while weights stream through in slices.
  ``zigzag_misfit`` says where it breaks our capacity rule. This is what ``edp`` is judged by.
- ``zigzag_as_mapping``: ZigZag restricted to *even* mappings, its loops converted to a ``Mapping`` with the
  boundaries that cost least under our model: what ``one_tile_edp`` is judged by.
- ``accelforge_edp``, ``zigzag_edp``: stored figures of earlier runs of both, each in its own counting.

``*_over_ours`` above 1: ours is better. Seconds are of CPU. ZigZag runs where ``pip install zigzag-dse==3.9.1 six``
was done (it needs six, but does not say so); it is no requirement of this project, because it installs a package
``tests`` beside its own. AccelForge is not run: all of its versions need hwcomponents, which needs Python 3.12.
"""

import importlib
import logging
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import torch

from benches.common import TIMELOOP, Cell, quick, write
from benches.loop_nest import best_mapping, misfit, recount
from pipeline.machine.latency import AnalyticalModel
from pipeline.search.result import SearchResult
from pipeline.stages.search import run_search
from pipeline.workload import Layer, Workload, WorkloadLayer

SEEDS = (0,) if quick() else (0, 1, 2)
ZIGZAG_SEEDS = (0, 1)
ZIGZAG_ITERATIONS = 100 if quick() else 500
HARDWARE = TIMELOOP.template.hardware(16, 128.0, 32.0)
LAYERS = {
    "BERT 768->768": (Layer(R=1, S=1, P=128, Q=1, C=768, K=768), 5.913e7, 6.310e7),
    "BERT 768->3072": (Layer(R=1, S=1, P=128, Q=1, C=768, K=3072), 9.100e8, 9.408e8),
    "3x3 128->128 at 28": (Layer(R=3, S=3, P=28, Q=28, C=128, K=128), 1.041e8, 1.103e8),
    "1x1 64->256 at 56": (Layer(R=1, S=1, P=56, Q=56, C=64, K=256), 3.669e7, 4.726e7),
    "3x3 256->256 at 14": (Layer(R=3, S=3, P=14, Q=14, C=256, K=256), 1.149e8, 1.190e8),
    "3x3 256->720 at 28": (Layer(R=3, S=3, P=28, Q=28, C=256, K=720), 1.313e10, 1.259e10),
}
"""Layers with the best EDP of AccelForge and of ZigZag in microjoule-cycles, each in its own counting."""


def our_cells(name: str, layer: Layer) -> dict[str, Cell]:
    """Our search on one layer, with tiles of a tensor's own and without."""
    start = time.process_time()
    results = our_results(name, layer, one_tile=False)
    seconds = (time.process_time() - start) / len(SEEDS)
    edps, even = ([result.edp for result in found] for found in (results, our_results(name, layer, one_tile=True)))
    return {
        "edp": float(np.exp(np.mean(np.log(edps)))),
        "worst_seed_edp": max(edps),
        "one_tile_edp": float(np.exp(np.mean(np.log(even)))),
        "seconds": seconds,
        "mapping": str(min(results, key=lambda result: result.edp).mappings[0]),
    }


def our_results(name: str, layer: Layer, *, one_tile: bool) -> list[SearchResult]:
    """Our search on one layer, a result for each seed."""
    return [
        run_search(
            Workload("mapper", name, (WorkloadLayer("layer", layer, 1),)),
            method="gradient",
            evaluations=1_000 if quick() else 4_000,
            model=AnalyticalModel(TIMELOOP),
            seed=seed,
            fix_hardware=(HARDWARE.dim, HARDWARE.scratchpad_kib, HARDWARE.accumulator_kib),
            one_tile=one_tile,
        )
        for seed in SEEDS
    ]


def zigzag_cells(layer: Layer, ours: float, one_tile: float) -> dict[str, Cell]:
    """ZigZag on one layer, in its counting and in ours; a message where it is not installed."""
    try:
        search = importlib.import_module("benches.zigzag_search").zigzag_search
    except ModuleNotFoundError as error:
        return {"zigzag": f"zigzag-dse not installed ({error}): pip install zigzag-dse==3.9.1 six"}
    logging.getLogger("zigzag").setLevel(logging.ERROR)
    options = {"iterations": ZIGZAG_ITERATIONS, "seeds": ZIGZAG_SEEDS}
    uneven = search(layer, HARDWARE, even=False, **options)
    even = search(layer, HARDWARE, even=True, **options)
    counted = recount(uneven.nest, HARDWARE)
    mapping, costs = best_mapping(even.nest, HARDWARE)
    recounted, as_mapping = (float(cost.cycles * cost.energy_uj) for cost in (counted, costs))
    return {
        "zigzag_own": uneven.edp,
        "zigzag_recounted": recounted,
        "zigzag_recounted_over_ours": recounted / ours,
        "zigzag_misfit": misfit(uneven.nest, HARDWARE),
        "zigzag_seconds": uneven.cpu_seconds,
        "zigzag_even_own": even.edp,
        "zigzag_as_mapping": as_mapping,
        "zigzag_as_mapping_over_one_tile": as_mapping / one_tile,
        "zigzag_mapping": str(mapping),
    }


def layer_row(name: str) -> dict[str, Cell]:
    """All mappers on one layer."""
    layer, accelforge, zigzag = LAYERS[name]
    ours = our_cells(name, layer)
    edp = float(ours["edp"] or 0)
    mapping = ours.pop("mapping")
    outside = zigzag_cells(layer, edp, float(ours["one_tile_edp"] or 0))
    print(f"{name}: ours {edp:.4g}", *(f"{key} {value}" for key, value in outside.items()), flush=True)
    return {
        "layer": name,
        **ours,
        **outside,
        "accelforge_edp": accelforge,
        "zigzag_edp": zigzag,
        "accelforge_over_ours": accelforge / edp,
        "zigzag_over_ours": zigzag / edp,
        "mapping": mapping,
    }


def compare_mappers() -> None:
    """Ours as a mapper on fixed hardware, beside outside ones; two layers at a time, a core for each."""
    names = list(LAYERS)[: 2 if quick() else None]
    with ProcessPoolExecutor(2, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        write("search-mappers", list(pool.map(layer_row, names)), seeds=SEEDS)


if __name__ == "__main__":
    compare_mappers()
