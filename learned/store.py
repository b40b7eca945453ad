"""Trained models as one file: safetensors with a JSON header. No code is stored, so none runs on loading."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from learned.features import VERSION
from learned.kinds.kind import kind_named
from learned.model import Metadata, TrainedModel
from pipeline.files import write_atomically

HEADER = "dosa-hil latency model"
"""Name of the header entry that holds the metadata."""


def save(model: TrainedModel, path: Path) -> None:
    """Write ``model`` to exactly ``path``, atomically."""
    tensors = kind_named(model.metadata.kind).tensors(model.weights)
    about = json.dumps(dataclasses.asdict(model.metadata), allow_nan=False)
    stored = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    write_atomically(path, lambda temporary: save_file(stored, temporary, {HEADER: about}))


def load(path: Path) -> TrainedModel:
    """Read a model.

    Raises ValueError that names the file when it is missing, is no such model, or has other features than this
    version computes.
    """
    if not path.is_file():
        raise ValueError(f"model {path}: no such file")
    try:
        with safe_open(path, framework="pt") as stream:
            header = stream.metadata() or {}
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        about = _metadata(json.loads(header[HEADER]))
    except (SafetensorError, KeyError, TypeError, OSError, json.JSONDecodeError, ValidationError) as error:
        raise ValueError(f"model {path}: not a trained latency model") from error
    if about.features_version != VERSION:
        raise ValueError(
            f"model {path}: has features of version {about.features_version}, this is version {VERSION}; train it again"
        )
    if about.constants != tuple(constant.name for constant in about.machine.find().constants) and about.constants:
        raise ValueError(f"model {path}: its machine had other constants than this version's; train it again")
    return TrainedModel(about, _weights(about, tensors, path))


def _metadata(content: dict[str, Any]) -> Metadata:
    return TypeAdapter(Metadata).validate_python(content)


def _weights(about: Metadata, tensors: dict[str, Tensor], path: Path) -> object:
    try:
        return kind_named(about.kind).weights(tensors)
    except (KeyError, TypeError) as error:
        raise ValueError(f"model {path}: its weights are not those of kind {about.kind!r}") from error
