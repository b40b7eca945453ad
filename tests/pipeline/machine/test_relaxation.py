"""What holds between and at the integers: gradients, continuity, monotonicity, footprints."""

import random
from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from pipeline.hardware import HardwareTensors
from pipeline.machine.area import area_mm2
from pipeline.machine.energy import words_energy
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.timeloop.accesses import Accesses, timeloop_accesses
from pipeline.machine.timeloop.roofs import timeloop_roofs
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import DIMS, Layer
from tests.machines import MACHINES, TIMELOOP
from tests.pipeline.machine.cases import random_layer, random_mapping, with_own_tiles
from tests.pipeline.machine.footprint import footprint

HARDWARE = HardwareTensors.stack([TIMELOOP.template.hardware(16, 64, 16)])


def relaxed(seed: int, count: int) -> tuple[LayerTensors, Tensor, Tensor, Tensor]:
    """Layers, inner temporal factors [count, 3, 7], spatial factors and ranks, away from the kinks at 1 and 2."""
    generator = torch.Generator().manual_seed(seed)
    layer = Layer(R=3, S=3, P=56, Q=56, C=64, K=64, N=2, stride_w=2, stride_h=1, dilation_w=1, dilation_h=2)
    temporal = 1.1 + 0.8 * torch.rand(count, 3, 7, generator=generator, dtype=torch.float64)
    temporal[:, :, :2] = 1.05 + 0.2 * temporal[:, :, :2] / 2
    spatial = 2.3 + 5 * torch.rand(count, 2, generator=generator, dtype=torch.float64)
    rank = torch.rand(count, 4, 7, generator=generator).argsort(-1)
    return LayerTensors.stack([layer] * count), temporal, spatial, rank


def mapping_of(layers: LayerTensors, inner: Tensor, spatial: Tensor, rank: Tensor) -> MappingTensors:
    """Mappings whose DRAM factors cover what the inner ones leave."""
    covered = inner.prod(-2)
    lanes = torch.ones_like(covered)
    lanes = torch.cat((lanes[:, :4], spatial, lanes[:, 6:]), -1)
    outer = layers.size / (covered * lanes)
    return MappingTensors(torch.cat((inner, outer.unsqueeze(-2)), -2), spatial, rank)


def unrounded(accesses: Accesses, hardware: HardwareTensors) -> tuple[Tensor, Tensor]:
    """Cycles and energy before whole cycles, rows and blocks are counted."""
    roofs = timeloop_roofs(accesses, hardware)
    cycles = torch.stack((roofs.compute, roofs.accumulator, roofs.scratchpad, roofs.dram)).amax(0)
    words = accesses.words(hardware)
    words = replace(words, scratchpad=sum(accesses.scratchpad), dram=sum(accesses.dram))
    return cycles, words_energy(words, hardware).total


@pytest.mark.parametrize("own", [False, True])
def test_gradients_agree_with_finite_differences(own: bool) -> None:
    layers, inner, spatial, rank = relaxed(seed=0, count=12)
    held = torch.randint(8, (12, 3), generator=torch.Generator().manual_seed(0)) if own else None

    def log_costs(inner: Tensor, spatial: Tensor) -> Tensor:
        accesses = timeloop_accesses(layers, replace(mapping_of(layers, inner, spatial, rank), held=held))
        return torch.stack(unrounded(accesses, HARDWARE)).log()

    assert torch.autograd.gradcheck(log_costs, (inner.requires_grad_(), spatial.requires_grad_()), atol=1e-6)


def test_rounding_to_whole_cycles_and_blocks_keeps_the_gradient() -> None:
    layers, inner, spatial, rank = relaxed(seed=1, count=12)
    inner.requires_grad_()
    mappings = mapping_of(layers, inner, spatial, rank)
    accesses = timeloop_accesses(layers, mappings)
    rounded = timeloop_roofs(accesses, HARDWARE).cycles, words_energy(accesses.words(HARDWARE), HARDWARE).total
    for exact, whole in zip(unrounded(accesses, HARDWARE), rounded, strict=True):
        (expected,) = torch.autograd.grad(exact.sum(), inner, retain_graph=True)
        (found,) = torch.autograd.grad(whole.sum(), inner, retain_graph=True)
        torch.testing.assert_close(found, expected)


def test_a_factor_that_leaves_one_moves_no_cost_by_a_jump() -> None:
    """Every inner factor of every level and dimension, for random orders: cost(1 + h) - cost(1) goes to 0 with h."""
    layers, inner, spatial, rank = relaxed(seed=2, count=1)
    for seed in range(5):
        rank = torch.rand(1, 4, 7, generator=torch.Generator().manual_seed(seed)).argsort(-1)
        for level in range(3):
            for d in range(7):
                base = inner.ceil()
                base[0, :, :2] = 1
                base[0, level, d] = 1

                def costs(
                    h: float, base: Tensor = base, at: tuple[int, int] = (level, d), rank: Tensor = rank
                ) -> Tensor:
                    moved = base.clone()
                    moved[0, at[0], at[1]] += h
                    accesses = timeloop_accesses(layers, mapping_of(layers, moved, spatial.floor(), rank))
                    return torch.stack(unrounded(accesses, HARDWARE)).log()

                assert (costs(1e-9) - costs(0.0)).abs().max() < 1e-5


def test_tiles_of_their_own_that_cover_nothing_change_no_bit() -> None:
    rng = random.Random(6)
    mappings = [random_mapping(rng, random_layer(rng, 2000), exact=False) for _ in range(200)]
    layers, tensors = LayerTensors.stack([m.layer for m in mappings]), MappingTensors.stack(mappings)
    none = replace(tensors, held=torch.zeros(len(mappings), 3, dtype=torch.long))
    one, two = timeloop_accesses(layers, tensors), timeloop_accesses(layers, none)
    assert all(torch.equal(getattr(one, field.name), getattr(two, field.name)) for field in fields(one))


def test_orders_of_absent_loops_do_not_matter() -> None:
    rng = random.Random(0)
    mappings = [random_mapping(rng, random_layer(rng, 2000)) for _ in range(200)]
    layers, tensors = LayerTensors.stack([m.layer for m in mappings]), MappingTensors.stack(mappings)
    absent = (tensors.temporal == 1).double()
    shuffled = (tensors.rank + 100 * absent * torch.rand(tensors.rank.shape).sub(0.5)).argsort(-1).argsort(-1)
    other = MappingTensors(tensors.temporal, tensors.spatial, shuffled)
    one, two = timeloop_accesses(layers, tensors), timeloop_accesses(layers, other)
    torch.testing.assert_close(one.dram, two.dram)
    torch.testing.assert_close(one.scratchpad, two.scratchpad)


def test_more_bandwidth_or_a_larger_array_never_costs_cycles() -> None:
    rng = random.Random(1)
    mappings = [random_mapping(rng, random_layer(rng, 5000)) for _ in range(300)]
    layers, tensors = LayerTensors.stack([m.layer for m in mappings]), MappingTensors.stack(mappings)
    model = AnalyticalModel(TIMELOOP)
    cycles = [
        model(layers, tensors, HardwareTensors.stack([TIMELOOP.template.hardware(dim, 64, 64)])).cycles
        for dim in (8, 16, 32)
    ]
    assert (cycles[1] <= cycles[0]).all()
    assert (cycles[2] <= cycles[1]).all()


def test_a_larger_buffer_never_costs_cycles_but_costs_energy_and_area() -> None:
    rng = random.Random(2)
    mappings = [random_mapping(rng, random_layer(rng, 5000)) for _ in range(300)]
    layers, tensors = LayerTensors.stack([m.layer for m in mappings]), MappingTensors.stack(mappings)
    model = AnalyticalModel(TIMELOOP)
    small, large = (HardwareTensors.stack([TIMELOOP.template.hardware(16, kib, kib)]) for kib in (64, 256))
    assert (model(layers, tensors, large).cycles <= model(layers, tensors, small).cycles).all()
    energies = [TIMELOOP.cost(layers, tensors, hardware).energy_uj for hardware in (small, large)]
    assert (energies[0] < energies[1]).all()
    assert area_mm2(small).item() < area_mm2(large).item()


def test_a_larger_tile_of_the_innermost_dram_loop_never_fetches_more_from_dram() -> None:
    layer = Layer(R=3, S=3, P=16, Q=16, C=16, K=16)
    rng = random.Random(3)
    for dim in DIMS[:6]:
        size = layer.sizes[DIMS.index(dim)]
        others = [(d, s) for d, s in zip(DIMS, layer.sizes, strict=True) if d != dim and s > 1]
        rng.shuffle(others)
        tiles = [factor for factor in range(1, size + 1) if size % factor == 0]
        mappings = [
            Mapping(
                layer,
                (
                    (),
                    (),
                    ((dim, tile),) if tile > 1 else (),
                    (*others, *(((dim, size // tile),) if tile < size else ())),
                ),
            )
            for tile in tiles
        ]
        accesses = timeloop_accesses(LayerTensors.stack([layer] * len(mappings)), MappingTensors.stack(mappings))
        dram = sum(accesses.dram)
        assert (dram.diff() <= 0).all(), f"{dim}: {dram.tolist()}"


@pytest.mark.parametrize(("name", "own"), [*((name, False) for name in MACHINES), ("timeloop", True)])
def test_footprints_equal_the_integer_ones(name: str, own: bool) -> None:
    rng = random.Random(4)
    mappings = [random_mapping(rng, random_layer(rng, 5000), exact=False) for _ in range(300)]
    mappings = [with_own_tiles(rng, mapping) if own else mapping for mapping in mappings]
    layers, tensors = LayerTensors.stack([m.layer for m in mappings]), MappingTensors.stack(mappings)
    machine = MACHINES[name]
    need_kib = machine.footprint_kib(layers, tensors, torch.tensor(4.0, dtype=torch.float64))
    scratchpad, accumulator = need_kib["scratchpad_kib"], need_kib["accumulator_kib"]
    buffers = machine.template.buffers
    for index, mapping in enumerate(mappings):
        need = footprint(mapping, 4, name)
        rows = scratchpad[index].item() * 1024 / 4 / buffers
        assert need.scratchpad_rows - 1 < rows <= need.scratchpad_rows + 1e-9
        assert accumulator[index].item() * 1024 / 16 / buffers == pytest.approx(need.accumulator_rows)


def test_layers_mappings_and_hardware_broadcast() -> None:
    rng = random.Random(5)
    layer = random_layer(rng, 3000)
    mappings = MappingTensors.stack([random_mapping(rng, layer) for _ in range(12)])
    grid = MappingTensors(
        mappings.temporal.reshape(3, 4, 4, 7), mappings.spatial.reshape(3, 4, 2), mappings.rank.reshape(3, 4, 4, 7)
    )
    layers = LayerTensors.stack([layer])
    sizes = HardwareTensors.stack([TIMELOOP.template.hardware(16, 64, 16), TIMELOOP.template.hardware(32, 128, 16)])
    hardware = sizes[:, None, None]
    cycles = AnalyticalModel(TIMELOOP)(layers, grid, hardware).cycles
    energy = TIMELOOP.cost(layers, grid, hardware).energy_uj
    assert cycles.shape == energy.shape == (2, 3, 4)
    flat = TIMELOOP.cost(layers, mappings, sizes[1:]).energy_uj
    torch.testing.assert_close(energy[1].reshape(-1), flat)
