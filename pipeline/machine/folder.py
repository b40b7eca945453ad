"""The machine of a design's folder: what its ``machine.py`` makes, or the pipeline of tiles that its yaml describes.

``machine.py`` holds one function::

    def make_machine(folder, memory, partial_sums="spill") -> Machine

It returns an object with the members of ``pipeline.machine.machine.Machine``, whose ``name`` is ``folder``. It may
import this project, and runs only for a folder that the user named.
"""

from functools import cache
from typing import Any

import torch

from pipeline.choices import Memory, PartialSums
from pipeline.files import ROOT, check_inside
from pipeline.foreign import ForeignError, function_of, guarded, named, one_line
from pipeline.hardware import HardwareTensors
from pipeline.machine.tile_pipeline.machine import tile_pipeline
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.workload import Layer

FILE = "machine.py"
FUNCTION = "make_machine"

TRIED = Layer(R=1, S=1, P=64, Q=1, C=64, K=64)
"""The layer that a new machine is tried on."""


@cache
def machine_in(folder: str, memory: Memory, partial_sums: PartialSums, members: tuple[str, ...]) -> Any:
    """The machine of the design in ``folder``, absolute or relative to the project.

    What ``machine.py`` makes must have ``members``, and is tried on one mapping.

    Raises ValueError of one line that names the file, whatever its Python raises.
    """
    path = ROOT / folder / FILE
    check_inside(path, path.parent)
    if not path.is_file():
        return tile_pipeline(folder, memory, partial_sums)
    try:
        with guarded(path):
            machine = function_of(path, FUNCTION)(folder, memory, partial_sums)
            _check(machine, folder, members)
            _try(machine)
    except ForeignError:
        raise
    except ValueError as error:
        raise ValueError(f"{named(path)}: {one_line(error)}") from error
    return machine


def _check(machine: Any, folder: str, members: tuple[str, ...]) -> None:
    """Raise ValueError when it is not known by its folder or lacks a member."""
    if getattr(machine, "name", None) != folder:
        raise ValueError(f"the machine's name is {getattr(machine, 'name', None)!r}, not its folder {folder!r}")
    if missing := [member for member in members if not hasattr(machine, member)]:
        raise ValueError(f"the machine has no {', '.join(missing)}")
    if machine.template.name != folder:
        raise ValueError(f"the machine's template is named {machine.template.name!r}, not its folder {folder!r}")


def _try(machine: Any) -> None:
    """Raise ValueError when what the default mapping costs is no number above 0."""
    hardware = machine.default_hardware
    mapping = machine.default_mapping(TRIED, hardware)
    layers, mappings = LayerTensors.stack([TRIED]), MappingTensors.stack([mapping])
    sizes = HardwareTensors.stack([hardware])
    with torch.no_grad():
        cost = machine.cost(layers, mappings, sizes)
        found = {
            "latency": machine.latency(layers, mappings, sizes),
            "terms['cycles']": machine.terms(layers, mappings, sizes)["cycles"],
            "cost.cycles": cost.cycles,
            "cost.energy_uj": cost.energy_uj,
            "area_mm2": machine.area_mm2(sizes),
            **machine.footprint_kib(layers, mappings, sizes.dim),
        }
    for name, value in found.items():
        if not isinstance(value, torch.Tensor) or value.shape != (1,) or not 0 < float(value) < float("inf"):
            raise ValueError(f"{name} of the default mapping of {TRIED} is {value}, not a tensor of one number above 0")
