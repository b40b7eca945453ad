"""What stands behind an estimate, as named columns and as text."""

from collections.abc import Mapping as Record
from dataclasses import fields

import torch
from torch import Tensor

from pipeline.choices import PartialSums
from pipeline.hardware import HardwareTensors, Platform
from pipeline.machine.capacity import footprint_kib
from pipeline.machine.energy import LevelEnergy, words_energy, words_moved
from pipeline.machine.gemmini.machine import Gemmini
from pipeline.machine.gemmini.view import Terms
from pipeline.machine.timeloop.accesses import Accesses, Words, timeloop_accesses
from pipeline.machine.timeloop.roofs import Roofs, timeloop_roofs
from pipeline.mapping import LayerTensors, MappingTensors

PREFIX = "explain."


def explain_columns(
    layers: LayerTensors,
    mappings: MappingTensors,
    hardware: HardwareTensors,
    platform: Platform,
    partial_sums: PartialSums,
) -> dict[str, list[float] | list[str]]:
    """Columns behind the estimates of a batch [B]: capacity, words, cycles and energy by level, the binding roof."""
    columns = _capacity(layers, mappings, hardware, platform)
    words = words_moved(layers, mappings, hardware, platform)
    columns |= _prefixed("words", words)
    if platform == "timeloop":
        accesses = timeloop_accesses(layers, mappings)
        roofs = timeloop_roofs(accesses, hardware)
        columns |= _prefixed("accesses", accesses) | _prefixed("cycles", roofs)
        bound = _largest(roofs, [field.name for field in fields(roofs)])
    else:
        machine = Gemmini("soc" if partial_sums == "drop" else "simple", partial_sums)
        terms = machine.view(layers, mappings, hardware)
        columns |= _prefixed("rtl", terms)
        bound = _largest(terms, ["compute_cycles", "load_cycles", "store_cycles"])
    columns |= _prefixed("energy_uj", words_energy(words, hardware))
    texts: dict[str, list[float] | list[str]] = {PREFIX + "bound": bound}
    return texts | {PREFIX + name: value.tolist() for name, value in columns.items()}


def explain_record(record: Record[str, object]) -> str:
    """The explanation of one row as lines of text, from its ``explain.*`` columns."""
    groups: dict[str, list[str]] = {}
    for name, value in record.items():
        if name.startswith(PREFIX):
            group, _, part = name.removeprefix(PREFIX).partition(".")
            shown = f"{value:,.6g}" if isinstance(value, float) else str(value)
            groups.setdefault(group, []).append(f"{part} {shown}".strip())
    return "\n".join(f"  {group:10} {', '.join(parts)}" for group, parts in groups.items())


def _capacity(
    layers: LayerTensors, mappings: MappingTensors, hardware: HardwareTensors, platform: Platform
) -> dict[str, Tensor]:
    scratchpad, accumulator = footprint_kib(layers, mappings, hardware.dim, platform)
    return {
        "kib.scratchpad_used": scratchpad,
        "kib.scratchpad_size": hardware.scratchpad_kib,
        "kib.accumulator_used": accumulator,
        "kib.accumulator_size": hardware.accumulator_kib,
    }


def _prefixed(group: str, terms: Accesses | Words | Roofs | LevelEnergy | Terms) -> dict[str, Tensor]:
    return {f"{group}.{field.name}": getattr(terms, field.name) for field in fields(terms)}


def _largest(terms: Roofs | Terms, names: list[str]) -> list[str]:
    """The name of the largest term of each row: what bounds it."""
    largest = torch.stack([getattr(terms, name) for name in names]).argmax(0)
    return [names[index] for index in largest.tolist()]
