"""The closed form against the walker, access by access."""

import random
from dataclasses import fields
from itertools import permutations

import pytest
import torch

from pipeline.machine.timeloop.accesses import Accesses, timeloop_accesses
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import Layer
from tests.pipeline.machine.cases import random_layer, random_mapping, with_own_tiles
from tests.pipeline.machine.walker import Walker

LANES = {"busy_rows", "busy_columns"}
NAMES = [field.name for field in fields(Accesses) if field.name not in LANES]
EXACT_WHEN_RAGGED = {"macs", "steps", "dram_weight_reads", "scratchpad_weight_writes", "scratchpad_input_reads"}


def closed_form(mappings: list[Mapping]) -> dict[str, torch.Tensor]:
    layers = LayerTensors.stack([mapping.layer for mapping in mappings])
    accesses = timeloop_accesses(layers, MappingTensors.stack(mappings))
    counts = {name: getattr(accesses, name) for name in NAMES}
    return counts | {"steps": accesses.macs / (accesses.busy_rows * accesses.busy_columns)}


def differences(mappings: list[Mapping], twice: bool) -> list[tuple[Mapping, str, float, int]]:
    """Where the closed form is not what is walked: mapping, name, both counts."""
    counts, found = closed_form(mappings), []
    for index, mapping in enumerate(mappings):
        walked = Walker(mapping, twice).count
        for name, values in counts.items():
            value = values[index].item()
            if abs(value - walked[name]) > 1e-6:
                found.append((mapping, name, value, walked[name]))
    return found


def cases(seed: int, count: int, most_macs: int, exact: bool = True) -> list[Mapping]:
    rng = random.Random(seed)
    return [random_mapping(rng, random_layer(rng, most_macs), exact) for _ in range(count)]


def test_every_count_equals_the_walk_of_random_mappings() -> None:
    assert differences(cases(seed=0, count=1500, most_macs=150), twice=True) == []


def test_every_count_equals_the_walk_of_all_iterations() -> None:
    assert differences(cases(seed=1, count=500, most_macs=100), twice=False) == []


@pytest.mark.parametrize("twice", [True, False])
def test_every_count_of_tensors_with_their_own_tiles_equals_the_walk(twice: bool) -> None:
    rng = random.Random(5)
    mappings = [with_own_tiles(rng, mapping) for mapping in cases(seed=5, count=700, most_macs=100)]
    assert sum(any(mapping.held) for mapping in mappings) > 300
    assert differences(mappings, twice) == []


@pytest.mark.long
def test_every_count_equals_the_walk_of_many_larger_mappings() -> None:
    assert differences(cases(seed=2, count=8000, most_macs=800), twice=True) == []


@pytest.mark.parametrize("dims", ["RPCK", "SQCK", "RSPQ", "RPQNK"])
@pytest.mark.parametrize("level", [1, 2, 3])
def test_every_loop_order_of_a_level_equals_its_walk(level: int, dims: str) -> None:
    layer = Layer(**dict.fromkeys("RSPQCKN", 1) | dict.fromkeys(dims, 2) | {"P": 4, "stride_w": 2})
    missing = 4 if "P" not in dims else 2
    mappings = []
    for order in permutations((dim, 2) for dim in dims):
        loops = [(("P", missing),), (), (), ()]
        loops[level] = order
        mappings.append(Mapping(layer, (loops[0], loops[1], loops[2], loops[3])))
    assert differences(mappings, twice=True) == []


@pytest.mark.parametrize("own", [False, True])
def test_a_ragged_mapping_never_counts_less_than_its_walk(own: bool) -> None:
    rng = random.Random(3)
    mappings = cases(seed=3, count=400, most_macs=150, exact=False)
    mappings = [with_own_tiles(rng, mapping) if own else mapping for mapping in mappings]
    assert sum(not mapping.is_exact for mapping in mappings) > 150
    found = differences(mappings, twice=False)
    assert all(value > walked for _, _, value, walked in found)
    assert not {name for _, name, _, _ in found} & EXACT_WHEN_RAGGED
    assert len({str(mapping) for mapping, _, _, _ in found}) < 40


def test_one_ragged_row_leaves_the_others_of_its_batch_unchanged() -> None:
    exact = cases(seed=4, count=20, most_macs=500)
    ragged = Mapping(Layer(R=1, S=1, P=5, Q=1, C=4, K=4), ((("P", 3),), (), (), (("P", 2), ("C", 4), ("K", 4))))
    alone, together = closed_form(exact), closed_form([*exact, ragged])
    for name, values in alone.items():
        torch.testing.assert_close(together[name][:-1], values, rtol=1e-12, atol=0)


def test_a_window_that_slides_brings_in_only_its_new_columns() -> None:
    layer = Layer(R=3, S=1, P=8, Q=1, C=1, K=1)
    mapping = Mapping(layer, ((), (("R", 3), ("P", 2)), (), (("P", 4),)))
    assert closed_form([mapping])["dram_input_reads"].item() == layer.input_w


def test_a_window_is_fetched_again_when_channels_change_inside() -> None:
    layer = Layer(R=3, S=1, P=8, Q=1, C=2, K=1)
    mapping = Mapping(layer, ((), (("R", 3), ("P", 2)), (), (("P", 4), ("C", 2))))
    assert closed_form([mapping])["dram_input_reads"].item() == 4 * 2 * 4


def test_timeloop_walks_two_iterations_so_a_return_by_one_step_counts_as_staying() -> None:
    layer = Layer(R=3, S=1, P=8, Q=1, C=1, K=2)
    mapping = Mapping(layer, ((), (), (), (("P", 8), ("R", 3), ("K", 2))))
    assert differences([mapping], twice=True) == []
    in_full = Walker(mapping, twice=False).count["dram_input_reads"]
    assert closed_form([mapping])["dram_input_reads"].item() < in_full
