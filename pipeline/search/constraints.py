"""What a search may build: array sizes, memory sizes, area."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pipeline.hardware import MAX_DIM, MAX_KIB, Hardware, HardwareTensors, Platform
from pipeline.machine.area import area_mm2

DIMS_BUILT: dict[Platform, tuple[int, ...]] = {"timeloop": (2, 4, 8, 16, 32, 64, 128), "rtl": (4, 8, 16, 32, 64)}
"""Array sizes of the published space (``timeloop``) and those that the RTL is built at (``rtl``)."""

DIMS_FIXED: dict[Platform, tuple[int, ...] | range] = {"timeloop": range(1, 129), "rtl": (2, 4, 8, 16, 32, 64)}
"""Array sizes that a search can be told to keep."""

KIB_RANGE: dict[Platform, tuple[float, float]] = {"timeloop": (1.0, 2048.0), "rtl": (4.0, 2048.0)}
"""Smallest and largest memory in KiB: the published space, and on ``rtl`` powers of two from 4 KiB."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Limits on the hardware of one search.

    ``fixed`` fixes everything, which makes the search a mapper; ``fix_dim`` fixes the array; the ``max_*`` limits
    hold for what the search builds. Raises ValueError that names a limit which leaves nothing to build.
    """

    platform: Platform
    fix_dim: int | None = None
    fixed: Hardware | None = None
    max_dim: int | None = None
    max_scratchpad_kib: float | None = None
    max_accumulator_kib: float | None = None
    max_area_mm2: float | None = None

    def __post_init__(self) -> None:
        if self.fixed is not None and self.fixed.platform != self.platform:
            raise ValueError(f"fixed hardware is for platform {self.fixed.platform}, the search for {self.platform}")
        if self.fixed is not None and (self.fix_dim is not None or self.max_dim is not None):
            raise ValueError("fixed hardware cannot be combined with a fixed or maximal dim")
        dim = self.fix_dim if self.fixed is None else self.fixed.dim
        legal = DIMS_FIXED[self.platform]
        if dim is not None and dim not in legal:
            known = f"from {legal[0]} to {legal[-1]}" if isinstance(legal, range) else f"one of {_listed(legal)}"
            raise ValueError(f"fixed dim = {dim}: must be {known} on {self.platform}")
        if self.max_dim is not None and not self.dims:
            raise ValueError(f"maximal dim = {self.max_dim!r}: the smallest array is {DIMS_BUILT[self.platform][0]}")
        low = KIB_RANGE[self.platform][0]
        for name in ("max_scratchpad_kib", "max_accumulator_kib"):
            value = getattr(self, name)
            if value is not None and not low <= value <= MAX_KIB:
                raise ValueError(f"{name} = {value!r}: must be from {low:g} to {MAX_KIB:g}")
        if self.max_area_mm2 is not None and not (self.max_area_mm2 > 0 and math.isfinite(self.max_area_mm2)):
            raise ValueError(f"maximal area = {self.max_area_mm2!r} mm2: must be above 0")

    @property
    def dims(self) -> tuple[int, ...]:
        """Array sizes that may be built."""
        if self.fixed is not None:
            return (self.fixed.dim,)
        if self.fix_dim is not None:
            return (self.fix_dim,)
        limit = self.max_dim or MAX_DIM
        return tuple(dim for dim in DIMS_BUILT[self.platform] if dim <= limit)

    @property
    def scratchpad_kib(self) -> float:
        """Largest scratchpad in physical KiB."""
        if self.fixed is not None:
            return self.fixed.scratchpad_kib
        return self.max_scratchpad_kib or KIB_RANGE[self.platform][1]

    @property
    def accumulator_kib(self) -> float:
        """Largest accumulator in physical KiB."""
        if self.fixed is not None:
            return self.fixed.accumulator_kib
        return self.max_accumulator_kib or KIB_RANGE[self.platform][1]

    @property
    def largest(self) -> HardwareTensors:
        """The largest hardware that the size limits allow, as a batch of one [1]; its area is not looked at."""
        sizes = [float(self.dims[-1]), self.scratchpad_kib, self.accumulator_kib]
        return HardwareTensors(*(torch.tensor([size], dtype=torch.float64) for size in sizes))

    def fixed_as(self, shape: tuple[int, ...]) -> HardwareTensors:
        """The fixed hardware as a batch of ``shape``."""
        assert self.fixed is not None
        sizes = (float(self.fixed.dim), self.fixed.scratchpad_kib, self.fixed.accumulator_kib)
        return HardwareTensors(*(torch.full(shape, size, dtype=torch.float64) for size in sizes))

    def allows(self, hardware: HardwareTensors) -> Bool[Tensor, "*b"]:
        """Whether each hardware keeps the limits."""
        ok = (
            (hardware.dim <= self.dims[-1])
            & (hardware.scratchpad_kib <= self.scratchpad_kib)
            & (hardware.accumulator_kib <= self.accumulator_kib)
        )
        if self.max_area_mm2 is not None:
            ok = ok & (area_mm2(hardware, self.platform) <= self.max_area_mm2)
        return ok

    def sample(self, count: int, generator: torch.Generator) -> HardwareTensors:
        """Random hardware [count]: array size and both memories log-uniform, whole KiB (``rtl``: powers of two).

        Raises ValueError when the area limit leaves (almost) nothing.
        """
        if self.fixed is not None:
            sizes = HardwareTensors.stack([self.fixed])
            return sizes[torch.zeros(count, dtype=torch.long)]
        found = HardwareTensors.stack([])
        for _ in range(200):
            drawn = self._draw(4 * count, generator)
            found = _concatenate(found, drawn[self.allows(drawn)])
            if found.dim.shape[0] >= count:
                return found[slice(0, count)]
        raise ValueError(f"maximal area = {self.max_area_mm2} mm2: no hardware was found that keeps it")

    def _draw(self, count: int, generator: torch.Generator) -> HardwareTensors:
        dims = torch.tensor(self.dims, dtype=torch.float64)
        dim = dims[torch.randint(len(self.dims), (count,), generator=generator)]
        memories = [self._draw_kib(count, limit, generator) for limit in (self.scratchpad_kib, self.accumulator_kib)]
        return HardwareTensors(dim, *memories)

    def _draw_kib(self, count: int, limit: float, generator: torch.Generator) -> Float[Tensor, " count"]:
        low = math.log2(KIB_RANGE[self.platform][0])
        high = math.log2(limit)
        if self.platform == "rtl":
            steps = torch.randint(int(low), math.floor(high) + 1, (count,), generator=generator)
            return 2.0 ** steps.to(torch.float64)
        uniform = torch.rand(count, generator=generator, dtype=torch.float64)
        return torch.round(2.0 ** (low + (high - low) * uniform))


def round_kib(kib: Float[Tensor, "*b"], platform: Platform) -> Float[Tensor, "*b"]:
    """Physical KiB rounded up to what is built; equals ``pipeline.hardware.round_kib`` on whole footprints."""
    slack = 1.0 - 1e-9  # a footprint that is whole up to rounding errors stays what it is
    if platform == "timeloop":
        return torch.ceil(kib * slack).clamp(min=1.0)
    return 2.0 ** torch.ceil(torch.log2((kib * slack).clamp(min=KIB_RANGE[platform][0])))


def _listed(values: Iterable[int]) -> str:
    return ", ".join(str(value) for value in values)


def _concatenate(first: HardwareTensors, second: HardwareTensors) -> HardwareTensors:
    return HardwareTensors(
        torch.cat([first.dim, second.dim]),
        torch.cat([first.scratchpad_kib, second.scratchpad_kib]),
        torch.cat([first.accumulator_kib, second.accumulator_kib]),
    )
