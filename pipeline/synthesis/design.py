"""Synthesis of a whole design, unit by unit."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipeline.synthesis.elaborate import elaborate
from pipeline.synthesis.macro_timing import macro_timing
from pipeline.synthesis.netlist import Options, synthesise
from pipeline.synthesis.result import Synthesis
from pipeline.synthesis.timing import critical_path, whole_path
from pipeline.synthesis.tools import find_sta
from pipeline.synthesis.units import split

WHOLE_INSTANCES = 64
"""Units with more instances are no part of the whole design's timing: each is a small module between registers, and
thousands of processing elements would fill the memory."""


def synthesise_design(
    sources: Sequence[Path],
    top: str,
    parameters: Mapping[str, int],
    options: Options,
    nanometres: float,
    progress: Callable[[str], None],
) -> Synthesis:
    """Elaborate ``top`` with ``parameters``, synthesise its units, and time them where OpenSTA is there.

    ``progress`` is told the module at hand. Raises RuntimeError with the first error of a tool.
    """
    progress("elaboration")
    units = split(elaborate(sources, top, parameters), top)
    netlists = {}
    for name, unit in units.units.items():
        progress(unit.module)
        netlists[name] = synthesise(unit, units, options)
    if find_sta() is None:
        return Synthesis(units, netlists, {}, None, options.liberty, nanometres)
    progress("timing")
    paths = {name: critical_path(netlist, units, options) for name, netlist in netlists.items()}
    instances = units.instances()
    some = [netlist for name, netlist in netlists.items() if instances[name] <= WHOLE_INSTANCES]
    left_out = [unit for name, unit in units.units.items() if instances[name] > WHOLE_INSTANCES]
    memories = macro_timing(units.macros(), units.boxes, nanometres)
    whole = whole_path(units.units[units.top], some, left_out, options, memories)
    return Synthesis(units, netlists, paths, whole, options.liberty, nanometres)
