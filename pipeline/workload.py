"""Layers and workloads: what is computed, independent of any hardware."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.files import WORKLOADS
from pipeline.plain import did_you_mean, problems, shorten

DIMS = ("R", "S", "P", "Q", "C", "K", "N")
"""Dimensions of a layer: R x S filter, P x Q output, C input channels, K output channels, N batch."""

R, S, P, Q, C, K, N = range(len(DIMS))
"""Places of the dimensions in tensors and in ``DIMS``."""

MAX_SIZE = 1 << 20
MAX_BYTES = 1 << 20
"""Largest workload file that is read."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution; a matrix product has R = S = Q = N = 1 (P rows, C reduction, K columns).

    ``stride_w`` and ``dilation_w`` go with R and P, ``stride_h`` and ``dilation_h`` with S and Q.
    Raises ValueError when a size is not an integer from 1 to 2**20.
    """

    R: int
    S: int
    P: int
    Q: int
    C: int
    K: int
    N: int = 1
    stride_w: int = 1
    stride_h: int = 1
    dilation_w: int = 1
    dilation_h: int = 1

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_SIZE:
                raise ValueError(f"layer {name} = {value!r}: must be an integer from 1 to {MAX_SIZE}")

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes in the order of ``DIMS``."""
        return (self.R, self.S, self.P, self.Q, self.C, self.K, self.N)

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations, padding included as in Timeloop."""
        return self.R * self.S * self.P * self.Q * self.C * self.K * self.N

    @property
    def is_matmul(self) -> bool:
        """Whether the layer is a plain matrix product."""
        return self.R == self.S == self.Q == self.N == self.stride_w == self.stride_h == 1

    @property
    def input_w(self) -> int:
        """Input columns that the windows touch without padding."""
        return (self.P - 1) * self.stride_w + (self.R - 1) * self.dilation_w + 1

    @property
    def input_h(self) -> int:
        """Input rows that the windows touch without padding."""
        return (self.Q - 1) * self.stride_h + (self.S - 1) * self.dilation_h + 1

    def __str__(self) -> str:
        text = " ".join(f"{dim}{size}" for dim, size in zip(DIMS, self.sizes, strict=True))
        if (self.stride_w, self.stride_h) != (1, 1):
            text += f" stride {self.stride_w}x{self.stride_h}"
        if (self.dilation_w, self.dilation_h) != (1, 1):
            text += f" dilation {self.dilation_w}x{self.dilation_h}"
        return text


@dataclass(frozen=True, slots=True)
class WorkloadLayer:
    """A unique layer of a network and how often it occurs."""

    name: str
    layer: Layer
    count: int


@dataclass(frozen=True, slots=True)
class Workload:
    """A network as its unique layers with repeat counts, and where the shapes come from."""

    name: str
    source: str
    layers: tuple[WorkloadLayer, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError(f"workload {self.name!r} has no layers")
        seen: set[str] = set()
        for entry in self.layers:
            if entry.name in seen:
                raise ValueError(f"workload {self.name!r}: layer name {entry.name!r} occurs twice")
            seen.add(entry.name)

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of the whole network."""
        return sum(entry.layer.macs * entry.count for entry in self.layers)


class _LayerEntry(BaseModel):
    """A unique layer: R x S filter, P x Q output, C input channels, K output channels, N batch; pairs are W, H."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    count: int = Field(default=1, ge=1, le=MAX_SIZE, description="How often the network runs it.")
    R: int = 1
    S: int = 1
    P: int = 1
    Q: int = 1
    C: int = 1
    K: int = 1
    N: int = 1
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)


class WorkloadFile(BaseModel):
    """A workload as its file has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)
    source: str = Field(description="Where the shapes come from.")
    layers: tuple[_LayerEntry, ...] = Field(max_length=10_000)


def workload_names() -> list[str]:
    """Names of the workloads that come with the package."""
    return sorted(path.stem for path in WORKLOADS.glob("*.yaml"))


def load_workload(name_or_path: str) -> Workload:
    """Load a workload by name, or from a YAML file.

    Raises ValueError that names the file and the field when the content is not a workload,
    and when no workload of that name exists.
    """
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        if name_or_path not in workload_names():
            raise ValueError(
                f"unknown workload {shorten(name_or_path)}{did_you_mean(name_or_path, workload_names())}; "
                f"known: {', '.join(workload_names())}, or a .yaml file"
            )
        path = WORKLOADS / f"{name_or_path}.yaml"
    try:
        content = read_yaml(path, MAX_BYTES)
        entry = WorkloadFile.model_validate(content)
        layers = tuple(WorkloadLayer(item.name, _layer(item), item.count) for item in entry.layers)
        return Workload(entry.name, entry.source, layers)
    except OSError as error:
        raise ValueError(f"workload {name_or_path}: {error.strerror}") from error
    except ValidationError as error:
        raise ValueError(f"workload {name_or_path}: {'; '.join(problems(error, WorkloadFile)[:3])}") from error
    except ValueError as error:
        raise ValueError(f"workload {name_or_path}: {error}") from error


def read_yaml(path: Path, max_bytes: int) -> Any:
    """The content of a YAML file. Raises ValueError of one line when it is too large or no YAML."""
    size = path.stat().st_size
    if size > max_bytes:
        raise ValueError(f"{size} bytes, at most {max_bytes} are read")
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise ValueError(" ".join(str(error).split())[:300] or "cannot be read") from error


def dump_workload(workload: Workload) -> str:
    """The YAML text that ``load_workload`` reads back to the same workload."""
    lines = [
        f"name: {yaml.safe_dump(workload.name).splitlines()[0]}",
        f"source: {yaml.safe_dump(workload.source, width=10**6).splitlines()[0]}",
        "layers:",
    ]
    for entry in workload.layers:
        layer = entry.layer
        fields: dict[str, object] = {"name": entry.name, "count": entry.count}
        fields |= {dim: size for dim, size in zip(DIMS, layer.sizes, strict=True) if size != 1}
        if (layer.stride_w, layer.stride_h) != (1, 1):
            fields["stride"] = [layer.stride_w, layer.stride_h]
        if (layer.dilation_w, layer.dilation_h) != (1, 1):
            fields["dilation"] = [layer.dilation_w, layer.dilation_h]
        lines.append("  - " + yaml.safe_dump(fields, default_flow_style=True, sort_keys=False, width=10**6).strip())
    return "\n".join(lines) + "\n"


def _layer(entry: _LayerEntry) -> Layer:
    sizes = {dim: getattr(entry, dim) for dim in DIMS}
    return Layer(
        **sizes,
        stride_w=entry.stride[0],
        stride_h=entry.stride[1],
        dilation_w=entry.dilation[0],
        dilation_h=entry.dilation[1],
    )
