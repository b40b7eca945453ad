"""Programs: what tiles a mapping becomes, what they move, what cannot be compiled."""

import numpy as np
import pytest

from pipeline.mapping import Mapping
from pipeline.workload import Layer
from sim.commands import CONFIG, FENCE, LOAD, LOOP_FIELDS, pack, unpack
from sim.compiler import ProgramError
from sim.program import HOST_CYCLES, LOOP_CONV, Program, compile_program, default_shift
from sim.program_scales import SCALE_CHANNELS
from sim.scaling import Quantised, Scaling
from tests.machines import GEMMINI

CONVOLUTION = Layer(R=3, S=3, P=6, Q=6, C=8, K=8)
SPLIT = "L3[WIO] C2 K2 Q2 - L2[WI] K4X - L1[O] R3 S3 Q3 P6 C4X - L0[W] N1".replace("L2[WI] K4X", "L2[WI] N1 K4X")
HARDWARE = GEMMINI.template.hardware(4, 64, 64)


def program(layer: Layer = CONVOLUTION, text: str = SPLIT, partial_sums: str = "spill") -> Program:
    mapping = Mapping.parse(text, layer)
    return compile_program(layer, mapping, HARDWARE, partial_sums=partial_sums)  # type: ignore[arg-type]


def test_tiles_run_in_the_order_of_the_dram_loops() -> None:
    fields = program().fields
    assert fields["weights"].tolist()[::2] == [fields["weights"][0] + step for step in (0, 4, 4 * 8, 4 * 8 + 4)]
    assert len(fields["ochs"]) == 8


def test_a_reduction_loop_outside_an_output_loop_spills_and_refills_every_output() -> None:
    fields = program().fields
    assert fields["store_wide"].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    assert fields["refill"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert fields["out"].tolist()[:4] == fields["bias"].tolist()[4:]


def test_dropping_partial_sums_stores_the_last_reduction_tile_only() -> None:
    fields = program(partial_sums="drop").fields
    assert fields["store"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert not fields["refill"].any()
    assert not fields["store_wide"].any()


def test_a_reduction_loop_inside_keeps_the_accumulator() -> None:
    fields = program(text=SPLIT.replace("C2 K2 Q2", "K2 Q2 C2")).fields
    assert fields["accumulate"].tolist() == [0, 1] * 4
    assert fields["store"].tolist() == [0, 1] * 4
    assert not fields["store_wide"].any()


def test_traffic_adds_up_to_the_layer() -> None:
    traffic = program().expected_traffic()
    outputs = CONVOLUTION.P * CONVOLUTION.Q * CONVOLUTION.K
    assert traffic["macs"] == CONVOLUTION.macs
    assert traffic["dram_write_bytes"] == 4 * outputs + outputs
    assert traffic["weight_write_words"] == 2 * 9 * CONVOLUTION.C * CONVOLUTION.K


def test_padding_is_split_off_the_rows_that_are_loaded() -> None:
    fields = program(text=SPLIT.replace("C2 K2 Q2", "Q2 K2 C2")).fields
    assert fields["upad"].tolist() == [1] * 4 + [0] * 4
    assert fields["irows"].tolist() == [5] * 8
    assert fields["irows_real"].tolist() == [4] * 8


def test_public_matmuls_count_blocks_of_16_on_any_array() -> None:
    layer = Layer(R=1, S=1, P=64, Q=1, C=64, K=64)
    text = "L3[WIO] P2 - L2[WI] K16 K4X - L1[O] C16 P32 C4X - L0[W] N1"
    fields = program(layer, text, "drop").fields
    # 32 rows are 2 blocks of 16, run as 2 blocks of 4.
    assert set(fields["ocols"].tolist()) == {8}
    assert len(fields["ocols"]) == 8 * 4 * 4
    assert set(program(layer, text).fields["ocols"].tolist()) == {32}


def test_public_convolutions_are_square_with_one_more_output_for_even_filters() -> None:
    layer = Layer(R=2, S=2, P=6, Q=3, C=4, K=4)
    text = "L3[WIO] Q3 - L2[WI] N1 K4X - L1[O] R2 S2 P6 C4X - L0[W] N1"
    fields = program(layer, text, "drop").fields
    assert len(fields["orows"]) == 7 * 2
    assert fields["ocols"].tolist() == [6, 1] * 7


def test_public_convolutions_start_8_bytes_into_a_line_and_matmuls_at_its_start() -> None:
    matmul = Layer(R=1, S=1, P=64, Q=1, C=64, K=64)
    text = "L3[WIO] P2 - L2[WI] K16 K4X - L1[O] C16 P32 C4X - L0[W] N1"
    for tensors, offset in (
        (program(partial_sums="drop").placement, 8),
        (program().placement, 0),
        (program(matmul, text, "drop").placement, 0),
    ):
        assert [t.address % 64 for t in (tensors.inputs, tensors.weights, tensors.outputs)] == [offset] * 3


def test_only_public_runs_load_the_pixels_that_a_strided_1x1_filter_skips() -> None:
    layer = Layer(R=1, S=1, P=6, Q=6, C=4, K=4, stride_w=2, stride_h=2)
    text = "L3[WIO] Q6 - L2[WI] N1 K4X - L1[O] P6 C4X - L0[W] N1"
    public, ours = program(layer, text, "drop").fields, program(layer, text).fields
    assert (set(public["irows"].tolist()), set(public["icols"].tolist())) == ({2}, {12})
    assert (set(ours["irows"].tolist()), set(ours["icols"].tolist())) == ({1}, {6})


def test_every_tile_but_the_last_carries_the_cycles_of_the_host() -> None:
    cycles = program().commands[:, -1] >> 16
    assert cycles.tolist() == [0] + [HOST_CYCLES[LOOP_CONV]] * 7 + [0]


@pytest.mark.parametrize("reduction", [1, 9, 512, 4096])
def test_the_default_shift_keeps_most_outputs_in_range(reduction: int) -> None:
    generator = np.random.default_rng(1)
    products = generator.integers(-128, 128, (2, 500, reduction))
    outputs = (products[0] * products[1]).sum(axis=1) >> default_shift(Layer(1, 1, 1, 1, C=reduction, K=1))
    assert np.mean(np.abs(outputs) < 128) > 0.9
    assert np.abs(outputs).max() > 32


def test_a_tile_that_does_not_fit_is_named() -> None:
    with pytest.raises(ProgramError, match="accumulator rows"):
        compile_program(CONVOLUTION, Mapping.parse(SPLIT, CONVOLUTION), GEMMINI.template.hardware(4, 64, 0.25))


def test_a_quantised_program_starts_every_reduction_from_the_bias_and_loads_its_scales_first() -> None:
    mapping = Mapping.parse(SPLIT.replace("C2 K2 Q2", "K2 Q2 C2"), CONVOLUTION)
    quantised = Quantised(Scaling(np.arange(8), np.zeros(8, np.int64)), padding=-1)
    compiled = compile_program(CONVOLUTION, mapping, HARDWARE, quantised=quantised)
    assert (compiled.commands[: compiled.prologue, 0] & 15).tolist() == [CONFIG, LOAD, FENCE]
    assert compiled.fields["broadcast"].tolist() == [1, 0] * 4
    assert compiled.fields["scale_row"].tolist() == [0] * 4 + [1] * 4
    assert (compiled.fields["bias"][::2] - compiled.placement.bias.address).tolist() == [0, 0, 16, 16]
    inputs, weights = np.zeros((1, 6, 6, 8), np.int8), np.zeros((3, 3, 8, 8), np.int8)
    with pytest.raises(ProgramError, match="int32"):
        compiled.memory_image(inputs, weights, np.zeros((1, 6, 6, 8), np.int32))
    with pytest.raises(ProgramError, match="needs its partial sums"):
        compile_program(CONVOLUTION, mapping, HARDWARE, quantised=quantised, partial_sums="drop")


def test_more_scales_than_the_table_holds_are_refused() -> None:
    layer = Layer(R=1, S=1, P=1, Q=1, C=1, K=SCALE_CHANNELS + 1)
    mapping = Mapping.parse(f"L3[WIO] K{layer.K} - L2[WI] N1 - L1[O] N1 - L0[W] N1", layer)
    scales = Quantised(Scaling(np.ones(layer.K, np.int64), np.zeros(layer.K, np.int64)))
    with pytest.raises(ProgramError, match=f"fill {layer.K} rows, the accelerator has {SCALE_CHANNELS // 4}"):
        compile_program(layer, mapping, HARDWARE, quantised=scales)
    one = Quantised(Scaling.shifted(3))
    assert compile_program(layer, mapping, HARDWARE, quantised=one).fields.get("scale_row", 0) == 0


def test_operands_of_another_shape_are_refused() -> None:
    with pytest.raises(ProgramError, match=r"the program needs int8 \(1, 6, 6, 8\)"):
        program().memory_image(np.zeros((1, 5, 6, 8), np.int8), np.zeros((3, 3, 8, 8), np.int8), None)


def test_a_field_that_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match="command field batches = 65536 does not fit 16 bits"):
        pack(LOOP_FIELDS, {"batches": 1 << 16}, 1)


def test_every_field_comes_back_from_its_own_bits() -> None:
    values = {name: np.array([(1 << width) - 1]) for name, width in LOOP_FIELDS.items()}
    for name, value in values.items():
        back = unpack(LOOP_FIELDS, pack(LOOP_FIELDS, {name: value}, 1))
        assert {key for key, got in back.items() if got[0]} == {name}
        assert back[name][0] == value[0]
