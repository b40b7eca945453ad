"""Hardware: the sizes of one accelerator, and what a mapping needs of them."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.files import digest
from pipeline.mapping import Mapping

Platform = Literal["timeloop", "rtl"]
PLATFORMS: tuple[Platform, ...] = ("timeloop", "rtl")

ACCUMULATOR_BYTES = 4
"""Bytes of one int32 output in the accumulator."""

MAX_DIM = 1024
MAX_KIB = float(1 << 20)


@dataclass(frozen=True, slots=True)
class Hardware:
    """An accelerator with ``dim`` x ``dim`` processing elements and its physical memory sizes.

    ``scratchpad_kib`` holds int8 inputs and weights in rows of ``dim`` bytes, ``accumulator_kib`` int32 outputs in
    rows of ``dim`` x 4 bytes. On ``rtl`` one tile may fill half of each memory (double buffering), on ``timeloop``
    all of it. Raises ValueError that names a size which is out of range or not a whole number of rows.
    """

    dim: int
    scratchpad_kib: float
    accumulator_kib: float
    platform: Platform = "rtl"

    def __post_init__(self) -> None:
        if self.platform not in PLATFORMS:
            raise ValueError(f"hardware platform {self.platform!r} is not one of {', '.join(PLATFORMS)}")
        if not isinstance(self.dim, int) or not 1 <= self.dim <= MAX_DIM:
            raise ValueError(f"hardware dim = {self.dim!r}: must be an integer from 1 to {MAX_DIM}")
        for name in ("scratchpad_kib", "accumulator_kib"):
            value = getattr(self, name)
            if not 0 < value <= MAX_KIB:
                raise ValueError(f"hardware {name} = {value!r}: must be above 0 and at most {MAX_KIB:g}")
            object.__setattr__(self, name, float(value))
        for name, rows in (("scratchpad_kib", self._rows()[0]), ("accumulator_kib", self._rows()[1])):
            if rows != int(rows) or rows < 1:
                raise ValueError(
                    f"hardware {name} = {getattr(self, name):g} is not a whole number of rows at dim {self.dim}"
                )

    def _rows(self) -> tuple[float, float]:
        return (
            self.scratchpad_kib * 1024 / self.dim,
            self.accumulator_kib * 1024 / (self.dim * ACCUMULATOR_BYTES),
        )

    @property
    def scratchpad_rows(self) -> int:
        """Physical scratchpad rows of ``dim`` bytes."""
        return int(self._rows()[0])

    @property
    def accumulator_rows(self) -> int:
        """Physical accumulator rows of ``dim`` x 4 bytes."""
        return int(self._rows()[1])

    @property
    def tile_scratchpad_rows(self) -> int:
        """Scratchpad rows that one tile may fill."""
        return self.scratchpad_rows // self.buffers

    @property
    def tile_accumulator_rows(self) -> int:
        """Accumulator rows that one tile may fill."""
        return self.accumulator_rows // self.buffers

    @property
    def buffers(self) -> int:
        """Tiles that share each memory: 2 with double buffering (``rtl``), else 1."""
        return 2 if self.platform == "rtl" else 1

    @property
    def id(self) -> str:
        """A name that changes with anything that defines the hardware."""
        sizes = f"d{self.dim}-s{self.scratchpad_kib:g}-a{self.accumulator_kib:g}"
        return f"{sizes}-{digest(self.dim, self.scratchpad_kib, self.accumulator_kib, self.platform)[:6]}"

    @classmethod
    def from_tile_rows(cls, dim: int, scratchpad_rows: int, accumulator_rows: int, platform: Platform) -> "Hardware":
        """Hardware from the rows that one tile may fill (the meaning of the columns ``arch.mem*_depth``)."""
        buffers = 2 if platform == "rtl" else 1
        return cls(
            dim,
            scratchpad_rows * buffers * dim / 1024,
            accumulator_rows * buffers * dim * ACCUMULATOR_BYTES / 1024,
            platform,
        )


@dataclass(frozen=True, slots=True)
class Footprint:
    """Rows that one tile of a mapping fills on an array of ``dim`` x ``dim``."""

    scratchpad_rows: int
    accumulator_rows: int


def footprint(mapping: Mapping, dim: int, platform: Platform) -> Footprint:
    """Rows that a tile of ``mapping`` needs.

    ``timeloop`` counts words, the accumulator per column of the array; ``rtl`` counts the rows of Gemmini's own
    layout, where channels are padded to blocks of ``dim``.
    """
    return _timeloop_footprint(mapping, dim) if platform == "timeloop" else _rtl_footprint(mapping, dim)


def _input_extent(outputs: int, taps: int, stride: int, dilation: int) -> int:
    return (outputs - 1) * stride + (taps - 1) * dilation + 1


def _timeloop_footprint(mapping: Mapping, dim: int) -> Footprint:
    layer = mapping.layer
    tile = {name: mapping.tile(name) for name in "RSPQCKN"}
    weights = tile["R"] * tile["S"] * tile["C"] * tile["K"]
    width = _input_extent(tile["P"], tile["R"], layer.stride_w, layer.dilation_w)
    height = _input_extent(tile["Q"], tile["S"], layer.stride_h, layer.dilation_h)
    inputs = tile["N"] * tile["C"] * width * height
    outputs = math.prod(mapping.tile(name, level=1) for name in "PQKN")
    return Footprint(math.ceil((weights + inputs) / dim), outputs)


def _rtl_footprint(mapping: Mapping, dim: int) -> Footprint:
    layer = mapping.layer
    tile = {name: mapping.tile(name) for name in "RSPQCKN"}
    c_blocks, k_blocks = math.ceil(tile["C"] / dim), math.ceil(tile["K"] / dim)
    if layer.is_matmul:
        rows = math.ceil(tile["P"] / dim) * dim
        return Footprint(rows * c_blocks + c_blocks * dim * k_blocks, rows * k_blocks)
    width = tile["P"] * layer.stride_w + (tile["R"] - 1) * layer.dilation_w
    height = tile["Q"] * layer.stride_h + (tile["S"] - 1) * layer.dilation_h
    inputs = c_blocks * tile["N"] * width * height
    weights = k_blocks * tile["S"] * tile["R"] * tile["C"]
    return Footprint(inputs + weights, k_blocks * tile["N"] * tile["P"] * tile["Q"])


def array_size(mapping: Mapping) -> int:
    """Smallest power of two of at least 2 that holds both spatial factors."""
    return 1 << math.ceil(math.log2(max(2, mapping.spatial_c, mapping.spatial_k)))


def check_fits(mapping: Mapping, hardware: Hardware) -> None:
    """Raise ValueError that names the memory or array size which is too small for ``mapping``."""
    if max(mapping.spatial_c, mapping.spatial_k) > hardware.dim:
        raise ValueError(
            f"mapping spatial C{mapping.spatial_c} x K{mapping.spatial_k} exceeds an array of dim {hardware.dim}"
        )
    need = footprint(mapping, hardware.dim, hardware.platform)
    for name, rows, limit in (
        ("scratchpad", need.scratchpad_rows, hardware.tile_scratchpad_rows),
        ("accumulator", need.accumulator_rows, hardware.tile_accumulator_rows),
    ):
        if rows > limit:
            raise ValueError(f"mapping needs {rows} {name} rows a tile, {hardware.id} has {limit}")


def smallest_hardware(mappings: Iterable[Mapping], platform: Platform, dim: int | None = None) -> Hardware:
    """The smallest hardware that fits all ``mappings``, sizes rounded up to whole KiB; ``dim`` fixes the array.

    On ``rtl`` memory sizes are rounded up to powers of two, which is what design points are built with.
    """
    mappings = list(mappings)
    dim = dim or max(array_size(mapping) for mapping in mappings)
    needs = [footprint(mapping, dim, platform) for mapping in mappings]
    scratchpad = max(need.scratchpad_rows for need in needs) * dim / 1024
    accumulator = max(need.accumulator_rows for need in needs) * dim * ACCUMULATOR_BYTES / 1024
    return Hardware(dim, round_kib(scratchpad, platform), round_kib(accumulator, platform), platform)


def round_kib(tile_kib: float, platform: Platform) -> float:
    """Physical KiB for a tile of ``tile_kib``: whole KiB, on ``rtl`` twice that and a power of two of at least 4."""
    if platform == "timeloop":
        return float(max(1, math.ceil(tile_kib)))
    return float(1 << max(2, math.ceil(math.log2(max(1.0, 2 * tile_kib)))))


@dataclass(frozen=True, slots=True)
class HardwareTensors:
    """Hardware as tensors, batched on the leading dimensions ``*b``; sizes may be real numbers (relaxed)."""

    dim: Float[Tensor, "*b"]
    """Processing elements per row and column."""
    scratchpad_kib: Float[Tensor, "*b"]
    """Physical KiB."""
    accumulator_kib: Float[Tensor, "*b"]
    """Physical KiB."""

    @classmethod
    def stack(cls, hardware: Iterable[Hardware]) -> "HardwareTensors":
        """Hardware [B] as float64 tensors."""
        sizes = [(item.dim, item.scratchpad_kib, item.accumulator_kib) for item in hardware]
        table = torch.tensor(sizes, dtype=torch.float64).reshape(-1, 3)
        return cls(table[:, 0], table[:, 1], table[:, 2])

    def __getitem__(self, index: object) -> "HardwareTensors":
        return HardwareTensors(self.dim[index], self.scratchpad_kib[index], self.accumulator_kib[index])  # type: ignore[index]
