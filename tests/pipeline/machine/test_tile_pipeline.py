"""The tile pipeline: its capacity against the compiler of a design that is one, its relaxation, its description."""

import random
from pathlib import Path

import pytest
import torch

from pipeline.files import ROOT
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.machine import machine_of
from pipeline.machine.tile_pipeline.description import constants_of, read_description
from pipeline.machine.tile_pipeline.machine import TilePipeline
from pipeline.mapping import LayerTensors, Mapping, MappingTensors
from pipeline.workload import DIMS, Layer
from sim.compiler import ProgramError, compile_with
from sim.random_programs import random_layer

FOLDER = "rtl/output_stationary"
COMPILER = str(ROOT / FOLDER / "compiler.py")
MACHINE = machine_of(FOLDER, "simple")


def random_mapping(generator: random.Random, layer: Layer) -> Mapping:
    """A mapping with a random tile and order, whether it fits or not."""
    sizes = dict(zip(DIMS, layer.sizes, strict=True))
    tile = {name: generator.randint(1, size) for name, size in sizes.items()}
    order = generator.sample(DIMS, len(DIMS))
    outer = " ".join(f"{name}{-(-sizes[name] // tile[name])}" for name in order)
    inner = " ".join(f"{name}{tile[name]}" for name in DIMS)
    return Mapping.parse(f"L2[WIO] {outer} - L1[WI] {inner} - L0[O] N1", layer, MACHINE.template.hierarchy)


def fits(mapping: Mapping, hardware: Hardware) -> bool:
    layers, mappings = LayerTensors.stack([mapping.layer]), MappingTensors.stack([mapping])
    need = MACHINE.footprint_kib(layers, mappings, HardwareTensors.stack([hardware]).dim)
    return all(float(kib) <= hardware[size] + 1e-9 for size, kib in need.items())


def test_the_compiler_takes_what_fits() -> None:
    # The footprint may be larger than the tile: it does not know that tiles at the border load less.
    generator = random.Random(2)
    answers = set()
    for _ in range(300):
        dim = generator.choice([4, 8])
        hardware = MACHINE.template.hardware(dim, generator.choice([4, 16]), generator.choice([0.5, 2]))
        mapping = random_mapping(generator, random_layer(generator, dim))
        try:
            compile_with(COMPILER, mapping.layer, mapping, hardware)
            taken = True
        except ProgramError:
            taken = False
        assert taken or not fits(mapping, hardware), f"{mapping.layer}: {mapping} on {hardware}"
        answers.add((taken, fits(mapping, hardware)))
    assert {(True, True), (False, False)} <= answers


def test_the_default_mapping_fits_and_covers_every_layer() -> None:
    generator = random.Random(3)
    hardware = MACHINE.default_hardware
    for _ in range(40):
        layer = random_layer(generator, 16, max_macs=10**7)
        mapping = MACHINE.default_mapping(layer, hardware)
        assert mapping.layer == layer
        assert fits(mapping, hardware)
        compile_with(COMPILER, layer, mapping, hardware)


def test_the_latency_is_differentiable_in_factors_and_constants() -> None:
    generator = random.Random(4)
    mappings = [random_mapping(generator, random_layer(generator, 8)) for _ in range(50)]
    hardware = HardwareTensors.stack([MACHINE.default_hardware] * len(mappings))
    tensors = MappingTensors.stack(mappings)
    factors = (tensors.temporal + 0.1).requires_grad_(True)
    values = {constant.name: torch.tensor(constant.start, requires_grad=True) for constant in MACHINE.constants}
    relaxed = MappingTensors(factors, tensors.spatial, tensors.rank)
    cycles = MACHINE.latency(LayerTensors.stack([m.layer for m in mappings]), relaxed, hardware, values)
    gradients = torch.autograd.grad(cycles.log().sum(), [factors, *values.values()], allow_unused=True)
    assert (cycles > 0).all()
    assert all(gradient is not None and torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed: 3", "speed"),
        ("buffers: 3", "buffers"),
        ("start: {simple: {warp: 3}}", "warp is no constant of a tile pipeline"),
        ("start: {simple: {reads_in_flight: 1000}}", "constant reads_in_flight: start 1000 is not in 1 to 256"),
    ],
)
def test_a_wrong_description_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "machine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        constants_of(read_description(tmp_path), "simple")


def test_a_folder_that_says_nothing_has_a_machine(tmp_path: Path) -> None:
    machine = machine_of(str(tmp_path), "soc")
    assert isinstance(machine, TilePipeline)
    assert machine.constants == constants_of(read_description(tmp_path), "soc")
