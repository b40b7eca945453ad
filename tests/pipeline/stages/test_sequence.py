"""A network on the RTL: sampled layers, both designs, and all layers as one program."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from numpy.typing import NDArray
from onnx import helper

from pipeline.choices import Memory
from pipeline.stages.infer import infer
from pipeline.stages.inference.accelerator import Accelerator
from pipeline.stages.inference.network import Network, Runner
from pipeline.stages.inference.sequence import time_sequence
from tests.machines import GEMMINI
from tests.pipeline.stages.test_inference import constants, model

SOURCE = (1, 3, 6, 6)


def residual() -> onnx.ModelProto:
    """Two 3 x 3 convolutions, the second one on the result of the first; the sum of both, its maxima, their means."""
    generator = np.random.default_rng(5)
    values: dict[str, Any] = {}
    nodes, source = [], "q"
    for index, taps in enumerate([(4, 3, 3, 3), (4, 4, 3, 3)]):
        mine = constants(generator, taps, taps[0], index == 1)
        if index == 1:
            mine |= {"qs": values["0rs"], "qz": values["0rz"], "bs": values["0rs"] * mine["ks"]}
        values |= {f"{index}{name}": value for name, value in mine.items()}
        for inputs, output in (([source, "qs", "qz"], "x"), (["k", "ks", "kz"], "w"), (["bq", "bs", "bz"], "b")):
            names = [name if name == source else f"{index}{name}" for name in inputs]
            nodes.append(helper.make_node("DequantizeLinear", names, [f"{index}{output}"], axis=0))
        operands = [f"{index}{name}" for name in "xwb"]
        nodes.append(helper.make_node("Conv", operands, [f"{index}y"], pads=[1, 1, 1, 1]))
        source = f"{index}r"
        nodes.append(helper.make_node("QuantizeLinear", [f"{index}y", f"{index}rs", f"{index}rz"], [source]))
    for index in (0, 1):
        names = [f"{index}r", f"{index}rs", f"{index}rz"]
        nodes.append(helper.make_node("DequantizeLinear", names, [f"{index}f"]))
    nodes.append(helper.make_node("Add", ["0f", "1f"], ["sum"]))
    nodes.append(helper.make_node("Relu", ["sum"], ["clipped"]))
    nodes.append(helper.make_node("QuantizeLinear", ["clipped", "0rs", "1rz"], ["s"]))
    nodes.append(helper.make_node("MaxPool", ["s"], ["m"], kernel_shape=[2, 2], strides=[2, 2]))
    nodes.append(helper.make_node("DequantizeLinear", ["m", "0rs", "1rz"], ["mf"]))
    nodes.append(helper.make_node("AveragePool", ["mf"], ["means"], kernel_shape=[2, 2]))
    nodes.append(helper.make_node("QuantizeLinear", ["means", "0rs", "1rz"], ["r"]))
    return model(nodes, SOURCE, values)


def found(folder: Path) -> Path:
    """A folder as a search leaves it, without mappings."""
    hardware = dict(zip(GEMMINI.template.sizes, (4, 4, 4), strict=True))
    (folder / "design.json").write_text(json.dumps({"hardware": hardware}), encoding="utf-8")
    pd.DataFrame(columns=["mapping.mapping"]).to_csv(folder / "mappings.csv", index=False)
    onnx.save(residual(), folder / "a.onnx")
    return folder


def image() -> NDArray[np.uint8]:
    return np.random.default_rng(6).integers(0, 256, SOURCE, dtype=np.uint8)


@pytest.mark.xdist_group("rtl")
def test_one_program_takes_as_long_as_its_layers_and_the_host_where_nothing_is_cached(tmp_path: Path) -> None:
    accelerator = Accelerator.load(found(tmp_path), "gemmini", "simple")
    network = Network.load(tmp_path / "a.onnx")
    runner = Runner(network, 4, accelerator.run, accelerator.imitate, operators=accelerator.operators)
    result = runner.run({"q": image()})
    assert [item.wrong for item in result.steps] == [0, 0, 0, 0]
    time = time_sequence(result.trace, accelerator)
    assert time.operator_cycles == 8 * 4 * 4 * 2 * 2
    alone = time.layer_cycles + time.operator_cycles
    # A layer's first command waits in the sequence until the host has seen that the one before is done.
    assert alone <= time.cycles <= alone + 40
    assert time.host_cycles > time.operator_cycles + 4 * 600


@pytest.mark.parametrize(
    ("design", "memory"),
    [
        pytest.param("gemmini", "soc", marks=pytest.mark.xdist_group("rtl")),
        pytest.param("gemmini_commands", "simple", marks=pytest.mark.xdist_group("gemmini_commands")),
    ],
)
def test_layers_on_the_rtl_and_layers_from_integers_have_the_same_results(
    tmp_path: Path, design: str, memory: Memory
) -> None:
    folder = found(tmp_path)
    np.savez(folder / "x.npz", q=image())
    options = {"design": design, "memory": memory}
    whole, sampled = (
        infer(folder / "a.onnx", folder, folder / "x.npz", layers=layers, **options)  # type: ignore[arg-type]
        for layers in (None, 1)
    )
    assert whole.layers["on"].tolist() == ["rtl"] * 4
    assert sampled.layers["on"].tolist() == ["rtl", *["reference"] * 3]
    assert (whole.layers["wrong"] == 0).all()
    assert whole.host["kind"].tolist() == ["pooling"]
    columns = whole.layers.columns.drop("on")
    pd.testing.assert_frame_equal(whole.layers[columns], sampled.layers[columns])
