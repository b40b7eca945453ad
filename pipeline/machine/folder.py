"""The machine of a design's folder: what its ``machine.py`` makes, or the pipeline of tiles that its yaml describes.

``machine.py`` holds one function::

    def make_machine(folder, memory, partial_sums="spill") -> Machine

It returns an object with the members of ``pipeline.machine.machine.Machine``, whose ``name`` is ``folder``. It may
import this project, and runs only for a folder that the user named.
"""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.choices import Memory, PartialSums
from pipeline.files import ROOT, digest
from pipeline.machine.tile_pipeline.machine import tile_pipeline

FILE = "machine.py"
FUNCTION = "make_machine"


@cache
def machine_in(folder: str, memory: Memory, partial_sums: PartialSums) -> Any:
    """The machine of the design in ``folder``, absolute or relative to the project.

    Raises ValueError of one line that names the file, whatever its Python raises.
    """
    path = ROOT / folder / FILE
    if not path.is_file():
        return tile_pipeline(folder, memory, partial_sums)
    shown = f"{path.parent.name}/{FILE}"
    try:
        machine = _function(path)(folder, memory, partial_sums)
    except (Exception, SystemExit) as error:
        said = " ".join(str(error).split())[:300]
        raise ValueError(
            f"{shown}: {said if type(error) is ValueError else f'{type(error).__name__}: {said}'}"
        ) from error
    if getattr(machine, "name", None) != folder:
        raise ValueError(
            f"{shown}: the machine's name is {getattr(machine, 'name', None)!r}, not its folder {folder!r}"
        )
    return machine


@cache
def _function(path: Path) -> Any:
    """The function of the file ``path``, which is executed. Raises ValueError when there is none."""
    spec = importlib.util.spec_from_file_location(f"design_machine_{digest(str(path))}", path)
    if spec is None or spec.loader is None:
        raise ValueError("cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function = getattr(module, FUNCTION, None)
    if not callable(function):
        raise ValueError(f"has no function {FUNCTION}")
    return function
