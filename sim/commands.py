"""Encoding of the accelerator's commands: the structs of rtl/gemmini/gemmini_pkg.sv, lowest field first."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

WORDS = 16
CONFIG, LOOP_CONV, LOOP_MATMUL, LOAD, PRELOAD, COMPUTE, STORE, FENCE, POOL = range(9)

CONFIG_FIELDS: dict[str, int] = {
    "opcode": 4,
    "scaled": 1,
    "channel_scales": 1,
    "reserved_low": 4,
    "shift": 5,
    "reserved": 1,
    "zero": 8,
    "padding": 8,
    "stride_w": 16,
    "stride_h": 16,
    "dilation_w": 16,
    "dilation_h": 16,
    "input_batch": 32,
    "input_row": 32,
    "input_pixel": 32,
    "weight_krow": 32,
    "weight_kcol": 32,
    "weight_kch": 32,
    "output_batch": 32,
    "output_row": 32,
    "output_pixel": 32,
    "bias_batch": 32,
    "bias_row": 32,
    "bias_pixel": 32,
    "low": 8,
    "high": 8,
}
"""Width in bits of each field of ``config_t``."""

LOOP_FIELDS: dict[str, int] = {
    "opcode": 4,
    "broadcast": 1,
    "reserved_low": 1,
    "accumulate": 1,
    "refill": 1,
    "store": 1,
    "store_wide": 1,
    "scale_row": 10,
    "batches": 16,
    "orows": 16,
    "ocols": 16,
    "ochs": 16,
    "krows": 16,
    "kcols": 16,
    "kchs": 16,
    "upad": 16,
    "lpad": 16,
    "irows": 16,
    "icols": 16,
    "irows_real": 16,
    "icols_real": 16,
    "in": 40,
    "weights": 40,
    "out": 40,
    "bias": 40,
}
"""Width in bits of each field of ``loop_t``."""


OPERATION_FIELDS: dict[str, int] = {
    "opcode": 4,
    "flip": 1,
    "wide": 1,
    "refill": 1,
    "zeros": 1,
    "block_stride": 22,
    "result_rows": 7,
    "cols": 7,
    "rows": 7,
    "stride": 32,
    "dram": 40,
    "result_row": 22,
    "result_accumulate": 1,
    "result_acc": 1,
    "result_garbage": 1,
    "operand_row": 22,
    "operand_accumulate": 1,
    "operand_acc": 1,
    "operand_garbage": 1,
    "op": 2,
}
"""Width in bits of each field of a single operation: the opcode, then ``uop_t``."""


POOL_FIELDS: dict[str, int] = {
    "opcode": 4,
    "width": 8,
    "height": 8,
    "step": 8,
    "line": 22,
    "span": 22,
}
"""Width in bits of each field of ``pool_t``."""


def pack(
    fields: Mapping[str, int],
    values: Mapping[str, NDArray[np.int64] | int],
    count: int,
    host_cycles: int = 0,
    length: int = WORDS,
) -> NDArray[np.uint32]:
    """Commands [count, length] from one value or ``count`` values a field; fields without a value are zero.

    ``host_cycles`` is what the host needs from one of these commands to the next, before the last one.
    Raises ValueError that names a field whose value does not fit.
    """
    if unknown := set(values) - set(fields):
        raise ValueError(f"unknown command fields: {', '.join(sorted(unknown))}")
    words = np.zeros((count, length + 1), dtype=np.uint64)
    offset = 0
    for name, width in fields.items():
        value = np.broadcast_to(np.asarray(values.get(name, 0), dtype=np.int64), (count,))
        if count and (value.min() < 0 or int(value.max()) >> width):
            bad = int(value.min() if value.min() < 0 else value.max())
            raise ValueError(f"command field {name} = {bad} does not fit {width} bits")
        shifted = value.astype(np.uint64)
        word, bit = divmod(offset, 32)
        # A field of up to 40 bits touches at most three words.
        words[:, word] |= (shifted << np.uint64(bit)) & np.uint64(0xFFFFFFFF)
        words[:, word + 1] |= (shifted >> np.uint64(32 - bit)) & np.uint64(0xFFFFFFFF)
        if bit + width > 64:
            words[:, word + 2] |= shifted >> np.uint64(64 - bit)
        offset += width
    words[:-1, length - 1] |= np.uint64(host_cycles << 16)
    return np.ascontiguousarray(words[:, :length].astype(np.uint32))


def unpack(fields: Mapping[str, int], commands: NDArray[np.uint32]) -> dict[str, NDArray[np.int64]]:
    """The fields of commands [count, 16]: the inverse of ``pack``."""
    words = np.pad(commands, ((0, 0), (0, 1))).astype(np.uint64)
    values = {}
    offset = 0
    for name, width in fields.items():
        word, bit = divmod(offset, 32)
        value = (words[:, word] | words[:, word + 1] << np.uint64(32)) >> np.uint64(bit)
        if bit + width > 64:
            value |= words[:, word + 2] << np.uint64(64 - bit)
        values[name] = (value & np.uint64(2**width - 1)).astype(np.int64)
        offset += width
    return values
