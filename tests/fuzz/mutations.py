"""Damaged inputs: a few edits away from valid ones, where parsers break."""

import copy
import datetime
import decimal
import random
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

TEXTS = (
    *("", " ", "0", "-1", "1", "1.5", "nan", "inf", "-inf", "1e308", "1e999", "0x10", "1_000", "1:30"),
    *("2147483648", "9223372036854775808", "9" * 400, "True", "None", "null", "~", "[]", "{}", "[1, [2]]"),
    *("x" * 5000, "\x00", "\ufeff", "\u202e", "\u0662", "\U0001d7dc", "a,b", '"', "'", "\r\n", "#"),
    *("&a [*a]", "!!binary x", "../../x", "/etc/passwd", "%s%n", "=1+1", "2026-01-01"),
    *("L3[WIO] K8", "N1", "K0", "K01", "C4X", " - "),
)  # fmt: skip
"""Texts that mean something to some parser."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1 << 20, (1 << 20) + 1, 1 << 63, 10**400, -(10**30), 0.5, 1e308),
    *(float("nan"), float("inf"), -float("inf"), "", "x", "nan", "1", "\x00", "../x", "x" * 5000),
    *([], {}, [[]], [1, 2, 3], {"a": 1}, {"R": 3}, [{}], b"x"),
    *(datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1)),
)  # fmt: skip
"""Values that a YAML file can hold."""

COLUMNS: tuple[Any, ...] = (
    *(None, True, np.nan, np.inf, 2**63, -(2**63), 0.1, "", "x", b"\xff", [1, 2], {"a": 1}),
    *(datetime.datetime(2026, 1, 1), datetime.timedelta(1), decimal.Decimal("1.1"), np.float16(1), np.uint8(3)),
)  # fmt: skip
"""Values that fill a column of a Parquet table, which gives it their type."""


@st.composite
def damaged_bytes(draw: st.DrawFn, valid: bytes) -> bytes:
    """``valid`` with one to four edits: cut, repeated, changed or inserted pieces."""
    content = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(0, len(content) - 1)))
        end = min(len(content), start + draw(st.sampled_from((1, 2, 8, 100, 10**6))))
        kind = draw(st.sampled_from(("cut", "repeat", "change", "insert", "text")))
        piece = bytes(content[start:end])
        if kind == "cut":
            del content[start:end]
        elif kind == "repeat":
            content[start:start] = piece * draw(st.integers(1, 3))
        elif kind == "change" and piece:
            content[start] = draw(st.integers(0, 255))
        elif kind == "insert":
            content[start:start] = draw(st.binary(min_size=1, max_size=20))
        else:
            content[start : start + draw(st.integers(0, 8))] = draw(st.sampled_from(TEXTS)).encode()
    return bytes(content)


def damaged_text(valid: str) -> st.SearchStrategy[str]:
    """``valid`` with a few edits, as any text."""
    return damaged_bytes(valid.encode()).map(lambda content: content.decode(errors="replace"))


@st.composite
def damaged_content(draw: st.DrawFn, valid: Any) -> Any:
    """The content of a YAML file with one to three values replaced, left out or added."""
    content = copy.deepcopy(valid)
    values = st.sampled_from(VALUES).map(copy.deepcopy)
    for _ in range(draw(st.integers(1, 3))):
        at = content
        while isinstance(at, dict | list) and at:
            key = draw(st.sampled_from(list(at) if isinstance(at, dict) else range(len(at))))
            if not isinstance(at[key], dict | list) or not at[key] or draw(st.integers(0, 3)) == 0:
                break
            at = at[key]
        if not isinstance(at, dict | list) or not at:
            return draw(values)
        kind = draw(st.sampled_from(("replace", "replace", "replace", "drop", "add")))
        if kind == "drop":
            del at[key]
        elif kind == "add" and isinstance(at, dict):
            at[draw(st.sampled_from(("x", "R", "name", "dim", 1, True)))] = draw(values)
        elif kind == "add":
            at.extend([at[key]] * draw(st.integers(1, 3)))
        else:
            at[key] = draw(values)
    return content


@st.composite
def damaged_table(draw: st.DrawFn, valid: pd.DataFrame) -> pd.DataFrame:
    """``valid`` with cells or columns replaced, left out, doubled or of other types; only texts in changed cells."""
    table = valid.copy()
    for _ in range(draw(st.integers(1, 4))):
        if not len(table.columns):
            break
        column = draw(st.sampled_from(list(table.columns)))
        kind = draw(st.sampled_from(("cell", "cell", "column", "drop", "rename", "rows")))
        if kind == "cell" and len(table):
            changed = [str(value) for value in table[column]]
            changed[draw(st.integers(0, len(changed) - 1))] = draw(st.sampled_from(TEXTS))
            table[column] = changed
        elif kind == "column":
            table[column] = pd.Series([draw(st.sampled_from(COLUMNS))] * len(table), index=table.index)
        elif kind == "drop":
            table = table.drop(columns=column)
        elif kind == "rename":
            new = draw(st.sampled_from(("error", "sim.cycles", "pred.cycles", "mapping.mapping", "x", "", "prob.R")))
            if new not in table:
                table = table.rename(columns={column: new})
        else:
            table = table.iloc[: draw(st.integers(0, len(table)))]
    return table.reset_index(drop=True)


def bits(content: bytes, seed: int, count: int) -> bytes:
    """``content`` with ``count`` bits turned over."""
    chosen = random.Random(seed)
    result = bytearray(content)
    for _ in range(count):
        at = chosen.randrange(len(result))
        result[at] ^= 1 << chosen.randrange(8)
    return bytes(result)
