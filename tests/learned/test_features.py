"""Features are finite, differentiable, blind to memory sizes, and those of what really ran."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from learned.features import NAMES, VERSION, features
from pipeline.hardware import HardwareTensors
from pipeline.machine.gemmini.public_runs import as_published
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import Layer
from tests.learned.cases import rows, tensors
from tests.machines import GEMMINI, PUBLIC, TIMELOOP
from tests.strategies import mappings


@settings(deadline=None, max_examples=60)
@given(mappings(), st.sampled_from([2, 4, 16, 64]), st.sampled_from(["spill", "drop"]))
def test_features_of_any_legal_mapping_are_finite(mapping: Mapping, dim: int, partial_sums: str) -> None:
    layers, factors = LayerTensors.stack([mapping.layer]), MappingTensors.stack([mapping])
    size = torch.tensor([float(dim)], dtype=torch.float64)
    known = features(
        PUBLIC if partial_sums == "drop" else GEMMINI, layers, factors, _hardware(size, size * 16, size * 16)
    )
    assert known.values.shape == (1, len(NAMES))
    assert torch.isfinite(known.values).all()
    assert (known.base_cycles > 0).all()
    assert known.version == VERSION


def _hardware(dim: torch.Tensor, scratchpad_kib: torch.Tensor, accumulator_kib: torch.Tensor) -> HardwareTensors:
    return HardwareTensors({"dim": dim, "scratchpad_kib": scratchpad_kib, "accumulator_kib": accumulator_kib})


def test_memory_sizes_do_not_matter() -> None:
    layers, factors, hardware = tensors(rows(3, 3))
    larger = _hardware(hardware.dim, hardware.scratchpad_kib * 2, hardware.accumulator_kib * 4)
    one, other = (features(GEMMINI, layers, factors, sizes) for sizes in (hardware, larger))
    assert torch.equal(one.values, other.values)


def test_gradients_in_the_factors_agree_with_finite_differences() -> None:
    layer = Layer(3, 3, 28, 28, 64, 64)
    text = "L3[WIO] K2 Q4 C2 - L2[WI] N1 K16X - L1[O] K2 S3 R3 Q7 C2 C16X - L0[W] P28"
    mapping = Mapping.parse(text, layer)
    layers, factors = LayerTensors.stack([layer]), MappingTensors.stack([mapping])
    dim = torch.tensor([16.0], dtype=torch.float64)
    hardware = _hardware(dim, dim * 64, dim * 64)

    def of(temporal: torch.Tensor) -> torch.Tensor:
        relaxed = MappingTensors(temporal, factors.spatial, factors.rank)
        known = features(GEMMINI, layers, relaxed, hardware)
        return torch.cat([known.values.flatten(), known.base_cycles.log()])

    # Away from integers, where the view has its kinks.
    point = (factors.temporal * 1.013 + 0.003).requires_grad_()
    assert torch.autograd.gradcheck(of, (point,), eps=1e-7, atol=1e-4, rtol=1e-3)


def test_dropped_partial_sums_mean_what_the_public_runs_executed() -> None:
    layer = Layer(2, 2, 60, 6, 64, 128)
    mapping = Mapping.parse("L3[WIO] K8 Q6 - L2[WI] N1 K16X - L1[O] C4 S2 R2 P60 C16X - L0[W] N1", layer)
    layers, factors = LayerTensors.stack([layer]), MappingTensors.stack([mapping])
    dim = torch.tensor([16.0], dtype=torch.float64)
    hardware = _hardware(dim, dim * 64, dim * 64)
    executed = as_published(layers, factors, hardware)
    dropped = features(PUBLIC, layers, factors, hardware).base_cycles
    assert dropped > 5 * features(GEMMINI, layers, factors, hardware).base_cycles
    assert executed[0].size[0, 3] == 61


def test_a_machine_of_other_terms_has_no_features() -> None:
    layers, factors, hardware = tensors(rows(2, 2))
    known = features(TIMELOOP, layers, factors, hardware)
    assert known.values.shape == (4, 0)
    assert (known.base_cycles > 0).all()
