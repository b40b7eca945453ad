"""A model is one file: what is read back predicts the same, what is not a model is refused by name."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from learned import model, store
from learned.data import Samples
from learned.evaluate import predict
from learned.features import VERSION
from learned.model import Metadata, TrainedModel
from pipeline.choices import MODEL_KINDS, ModelKind
from pipeline.machine.machine import MachineChoice
from tests.learned import cases


@pytest.fixture(scope="module")
def samples() -> Samples:
    return cases.samples("single_buffer")[torch.arange(50)]


@pytest.fixture(scope="module")
def trained(samples: Samples) -> dict[ModelKind, TrainedModel]:
    return {kind: model.fit(samples, Metadata(kind, MachineChoice(), "from-table", 0)) for kind in MODEL_KINDS}


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_a_model_read_back_predicts_the_same(
    kind: ModelKind, trained: dict[ModelKind, TrainedModel], samples: Samples, tmp_path: Path
) -> None:
    path = tmp_path / "model.any-ending"
    store.save(trained[kind], path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.any-ending"]
    read = store.load(path)
    assert read.metadata == trained[kind].metadata
    # Single precision: sums differ in the last bits with where tensors lie in memory.
    assert torch.allclose(predict(read, samples).cycles, predict(trained[kind], samples).cycles, rtol=1e-5)


def test_rows_of_another_feature_version_are_refused(trained: dict[ModelKind, TrainedModel], tmp_path: Path) -> None:
    path = tmp_path / "old"
    about = dataclasses.replace(trained["default"].metadata, features_version=VERSION + 1)
    store.save(dataclasses.replace(trained["default"], metadata=about), path)
    with pytest.raises(ValueError, match=rf"old: has features of version {VERSION + 1}.*train it again"):
        store.load(path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\x10" + b"\0" * 7 + b"{}" + b" " * 14])
def test_what_is_not_a_model_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a trained latency model"):
        store.load(path)


def test_a_cut_off_model_is_refused(trained: dict[ModelKind, TrainedModel], tmp_path: Path) -> None:
    path = tmp_path / "model"
    store.save(trained["default"], path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="not a trained latency model"):
        store.load(path)


def test_weights_of_another_kind_are_refused(trained: dict[ModelKind, TrainedModel], tmp_path: Path) -> None:
    path = tmp_path / "model"
    for kind, other in (("default", "dnn"), ("residual", "default"), ("analytical", "dnn")):
        store.save(trained[other], path)
        with safe_open(path, framework="pt") as stream:
            about = json.loads(stream.metadata()[store.HEADER])
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        save_file(tensors, path, {store.HEADER: json.dumps(about | {"kind": kind, "constants": []})})
        with pytest.raises(ValueError, match=f"not those of kind '{kind}'"):
            store.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="absent: no such file"):
        store.load(tmp_path / "absent")
