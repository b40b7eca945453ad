"""Published networks layer by layer: sampled layers on the RTL, all of them compared with onnxruntime."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from torch import nn

from benches.networks import INPUT, encoder_layer, quantised, resnet18, samples
from pipeline.stages.infer import Report, infer
from tests.machines import GEMMINI

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("rtl")]


def inferred(folder: Path, module: nn.Module, shape: tuple[int, ...], layers: int, *, per_channel: bool) -> Report:
    """One sample on the default hardware with the default tiler's mappings."""
    model = quantised(module, samples(shape), folder / "a.onnx", per_channel=per_channel)
    sizes = dict(zip(GEMMINI.template.sizes, GEMMINI.default_hardware.values, strict=True))
    (folder / "design.json").write_text(json.dumps({"hardware": sizes}), encoding="utf-8")
    pd.DataFrame(columns=["mapping.mapping"]).to_csv(folder / "mappings.csv", index=False)
    np.savez(folder / "x.npz", **{INPUT: samples(shape, 1)})
    return infer(model, folder, folder / "x.npz", design="gemmini", memory="soc", layers=layers)


def check(report: Report, layers: int, on_rtl: int) -> None:
    table = report.layers
    assert len(table) == layers
    assert (table["on"] == "rtl").sum() == on_rtl
    assert (table["wrong"] == 0).all()
    assert (table["rounded.steps"] <= 1).all()
    # Where float32 rounds across a half: rarely.
    assert table["rounded.differs"].sum() <= table["elements"].sum() / 1000


@pytest.mark.parametrize("per_channel", [False, True])
def test_a_resnet18_on_sampled_layers(tmp_path: Path, per_channel: bool) -> None:
    report = inferred(tmp_path, resnet18(), (3, 224, 224), 12, per_channel=per_channel)
    check(report, 21 + 8 + 1, 12)
    sums = report.layers["layer"].str.startswith("sum")
    assert (sums.sum(), (sums & (report.layers["on"] == "rtl")).sum()) == (8, 3)
    assert report.host[["kind", "operators"]].to_numpy().tolist() == [["pooling", 1]]
    assert "same prediction in 1 of 1" in "\n".join(report.lines)


def test_an_encoder_layer_of_the_size_of_bert_on_sampled_layers(tmp_path: Path) -> None:
    report = inferred(tmp_path, encoder_layer(), (128, 768), 4, per_channel=False)
    check(report, 8 + 2, 4)
    counts = report.layers["layer.count"].tolist()
    assert sorted(counts) == [1] * 8 + [12] * 2
