"""The loop unrollers in software: single operations for a design whose host sends every one of them.

All operations share one in-order stream, in which tiles overlap: the loads of the next tile are spread evenly over
the executes of the present one, the stores of the tile before over their first half, and what fills the accumulator
for the next tile over their second half (it may fill the rows that those stores read).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.commands import CONFIG_FIELDS, LOAD, LOOP_FIELDS, OPERATION_FIELDS, pack, unpack
from sim.compiler import ProgramError
from sim.operations import BASES, Operations, Tile, execute, fill_results, load_inputs, load_weights, store_results
from sim.program import Program
from sim.program_tiles import Indices

MAX_COMMANDS = 1 << 22
"""256 MiB of commands."""

_TOO_MANY = f"mapping has over {MAX_COMMANDS} single commands, more than are simulated"
_CHUNK = 1 << 16

_SHAPE = tuple(name for name in LOOP_FIELDS if name not in {"opcode", *BASES})
"""Fields of a tile that its operations depend on, addresses in memory apart."""


@dataclass(frozen=True, slots=True)
class _Template:
    """Operations of tiles that differ in their memory addresses only."""

    commands: NDArray[np.uint32]
    """Commands [n, 16] without memory addresses."""
    address: Indices
    """Memory addresses relative to those of the tile."""
    base: Indices
    """Index into ``BASES``."""
    place: NDArray[np.float64]
    """Place in the stream relative to the tile's number: its executes lie in (0, 1)."""


def unroll(program: Program, scratchpad_rows: int, accumulator_rows: int) -> Program:
    """``program`` with single operations instead of tiles. Raises ProgramError when there are too many."""
    loops = unpack(LOOP_FIELDS, program.commands[program.prologue :])
    _check_size(loops, program.dim)
    config = {name: int(value[0]) for name, value in unpack(CONFIG_FIELDS, program.commands[:1]).items()}
    keys = np.stack([loops[name] for name in _SHAPE] + _halves(loops["store"]), axis=1)
    shapes, shape_of, tiles = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    templates, total = [], 0
    for shape, count in zip(shapes.tolist(), tiles.tolist(), strict=True):
        *sizes, half, result_half = shape
        tile = Tile(
            loop=dict(zip(_SHAPE, sizes, strict=True)),
            config=config,
            is_matmul=program.is_matmul,
            dim=program.dim,
            input_base=half * (scratchpad_rows // 2),
            weights_end=(1 + half) * (scratchpad_rows // 2),
            result_base=result_half * (accumulator_rows // 2),
        )
        templates.append(_template(tile))
        total += count * len(templates[-1].base)
        if total > MAX_COMMANDS:
            raise ProgramError(_TOO_MANY)
    bases = np.stack([loops.get(name, np.zeros_like(shape_of)) for name in BASES], axis=1)
    body = _merge(templates, shape_of.reshape(-1), bases)
    return replace(program, commands=np.concatenate([program.commands[: program.prologue], body]))


def _check_size(loops: dict[str, Indices], dim: int) -> None:
    """Count preloads and computes before any is made."""
    blocks = [-(-loops[name] // dim) for name in ("ochs", "kchs", "ocols")]
    others = [loops[name] for name in ("krows", "kcols", "batches", "orows")]
    if 2 * np.prod([*blocks, *others], axis=0, dtype=np.float64).sum() > MAX_COMMANDS:
        raise ProgramError(_TOO_MANY)


def _halves(stores: Indices) -> list[Indices]:
    """Halves of scratchpad and accumulator of each tile: they alternate by tile, and by tile that stores."""
    return [np.arange(len(stores)) % 2, (np.cumsum(stores) - stores) % 2]


def _template(tile: Tile) -> _Template:
    weights, inputs, fills = load_weights(tile), load_inputs(tile), fill_results(tile)
    executes, stores = execute(tile), store_results(tile)
    operands = _join(weights, inputs)
    everything = _join(operands, fills, executes, stores)
    places = (
        _spread(operands) - 1,
        _spread(fills) / 2 - 0.5,
        # A preload and its compute share a place.
        np.repeat(_spread(executes)[1::2], 2),
        _spread(stores) / 2 + 1,
    )
    fields: dict[str, Indices | int] = {name: everything[name] for name in everything if name in OPERATION_FIELDS}
    fields["op"] = everything["opcode"] - LOAD
    commands = pack(OPERATION_FIELDS, fields, len(everything["base"]))
    return _Template(commands, everything["address"], everything["base"], np.concatenate(places))


def _join(*parts: Operations) -> Operations:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _spread(operations: Operations) -> NDArray[np.float64]:
    """Places of operations that are spread evenly over (0, 1)."""
    count = len(operations["base"])
    return (np.arange(count) + 0.5) / max(1, count)


def _merge(templates: list[_Template], shape_of: Indices, bases: Indices) -> NDArray[np.uint32]:
    """Commands [n, 16] of all tiles in the order of their places. ``bases`` are addresses [tiles, BASES]."""
    lengths = np.array([len(template.base) for template in templates])
    counts = lengths[shape_of]
    tile = np.repeat(np.arange(len(counts)), counts)
    # Row of each operation in the joined templates.
    shift = (np.cumsum(lengths) - lengths)[shape_of] - (np.cumsum(counts) - counts)
    row = np.arange(len(tile)) + np.repeat(shift, counts)
    order = np.argsort(np.concatenate([template.place for template in templates])[row] + tile, kind="stable")
    tile, row = tile[order], row[order]
    address = np.concatenate([template.address for template in templates])
    base = np.concatenate([template.base for template in templates])
    result: NDArray[np.uint32] = np.concatenate([template.commands for template in templates])[row]
    for first in range(0, len(row), _CHUNK):
        part = slice(first, first + _CHUNK)
        dram = bases[tile[part], base[row[part]]] + address[row[part]]
        result[part] |= pack(OPERATION_FIELDS, {"dram": dram}, len(dram))
    return result
