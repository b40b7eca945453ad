"""Programs of single operations for the `gemmini` design, and what they compute when they run one after another."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.commands import COMPUTE, CONFIG, CONFIG_FIELDS, FENCE, LOAD, OPERATION_FIELDS, PRELOAD, STORE, pack
from sim.inprocess import Simulation
from sim.memory import MemorySettings

Operation = dict[str, int]
"""Fields of ``uop_t`` with the opcode."""


def load(row: int, dram: int, rows: int, dim: int, *, acc: bool = False, zeros: bool = False) -> Operation:
    """Rows of DIM elements from consecutive memory: int8 to the scratchpad, int32 to the accumulator."""
    place = {"operand_row": row, "operand_acc": int(acc), "dram": dram, "zeros": int(zeros), "wide": int(acc)}
    return {"opcode": LOAD, "rows": rows, "cols": dim, "stride": dim * (4 if acc else 1), "block_stride": rows} | place


def multiply(
    inputs: int, weights: int | None, result: int, rows: int, dim: int, *, accumulate: bool
) -> list[Operation]:
    """A preload and its compute; without ``weights`` the array keeps those it has."""
    kept = int(weights is None)
    where = {"operand_garbage": kept, "operand_row": weights or 0, "result_row": result, "result_acc": 1}
    adds = {"result_rows": rows, "result_accumulate": int(accumulate)}
    return [
        {"opcode": PRELOAD, "rows": dim, "cols": dim} | where | adds,
        {"opcode": COMPUTE, "rows": rows, "cols": dim, "operand_row": inputs, "stride": 1, "flip": 1 - kept},
    ]


def store(row: int, dram: int, rows: int, dim: int, *, wide: bool = True) -> Operation:
    """Accumulator rows to consecutive memory as int32, or rounded to int8."""
    place = {"operand_row": row, "operand_acc": 1, "dram": dram, "wide": int(wide)}
    return {
        "opcode": STORE,
        "rows": rows,
        "cols": dim,
        "stride": dim * (4 if wide else 1),
        "block_stride": rows,
    } | place


def commands(operations: Sequence[Operation], **config: int) -> NDArray[np.uint32]:
    """Commands [n + 1, 16]: a configuration (int8 results not clipped), then the operations."""
    names = OPERATION_FIELDS.keys() - {"op"}
    fields = {name: np.array([operation.get(name, 0) for operation in operations]) for name in names}
    fields["op"] = np.where(fields["opcode"] == FENCE, 0, fields["opcode"] - LOAD)
    single = pack(OPERATION_FIELDS, fields, len(operations))
    return np.ascontiguousarray(
        np.concatenate([pack(CONFIG_FIELDS, {"opcode": CONFIG, "low": -128 & 255, "high": 127} | config, 1), single])
    )


def run(
    simulation: Simulation,
    operations: Sequence[Operation],
    settings: MemorySettings,
    memory: NDArray[np.uint8] | None = None,
    **config: int,
) -> int:
    """Cycles of a program on ``memory``, which it changes (full build)."""
    simulation.load(commands(operations, **config), memory, 4096 if memory is None else memory.nbytes, settings)
    assert simulation.run_until_done()
    assert simulation.error == ""
    return simulation.io.cycles_o


def interpret(operations: Sequence[Operation], memory: NDArray[np.uint8], dim: int, rows: tuple[int, int]) -> None:
    """Change ``memory`` as the operations do, one at a time; ``rows`` of scratchpad and accumulator."""
    scratchpad = np.zeros((rows[0], dim), np.int8)
    accumulator = np.zeros((rows[1], dim), np.int32)
    weights = np.zeros((dim, dim), np.int32)
    preload: Operation = {}
    for operation in operations:
        first, count = operation["operand_row"], operation["rows"]
        if operation["opcode"] == LOAD:
            target = accumulator if operation["operand_acc"] else scratchpad
            size = count * dim * target.itemsize
            content = memory[operation["dram"] :][:size].view(target.dtype).reshape(count, dim)
            target[first : first + count] = 0 if operation["zeros"] else content
        elif operation["opcode"] == PRELOAD:
            preload = operation
            if not operation["operand_garbage"]:
                weights = scratchpad[first : first + dim].astype(np.int32)
        elif operation["opcode"] == COMPUTE:
            result = slice(preload["result_row"], preload["result_row"] + count)
            product = scratchpad[first : first + count].astype(np.int32) @ weights
            accumulator[result] = product + (accumulator[result] if preload["result_accumulate"] else 0)
        else:
            memory[operation["dram"] :][: 4 * dim * count] = accumulator[first : first + count].view(np.uint8).ravel()
