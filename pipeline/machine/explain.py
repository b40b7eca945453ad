"""What stands behind an estimate, as named columns and as text."""

from collections.abc import Mapping as Record
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

PREFIX = "explain."


@dataclass(frozen=True, slots=True)
class Explanation:
    """Named values behind a batch of estimates, and what bounds each."""

    columns: dict[str, Tensor]
    """By ``group.name``, each [B]."""
    bound: list[str]
    """Name of the largest term of each row."""


def named(group: str, terms: Any) -> dict[str, Tensor]:
    """The fields of a dataclass of tensors as ``group.name``."""
    return {f"{group}.{field.name}": getattr(terms, field.name) for field in fields(terms)}


def largest(terms: Any, names: Sequence[str]) -> list[str]:
    """The name of the largest of some fields of each row: what bounds it."""
    index = torch.stack([getattr(terms, name) for name in names]).argmax(0)
    return [names[i] for i in index.tolist()]


def capacity_columns(need_kib: dict[str, Tensor], sizes: dict[str, Tensor]) -> dict[str, Tensor]:
    """KiB used and KiB there are of each memory."""
    columns: dict[str, Tensor] = {}
    for size, used in need_kib.items():
        name = size.removesuffix("_kib")
        columns |= {f"kib.{name}_used": used, f"kib.{name}_size": sizes[size]}
    return columns


def explain_record(record: Record[str, object]) -> str:
    """The explanation of one row as lines of text, from its ``explain.*`` columns."""
    groups: dict[str, list[str]] = {}
    for name, value in record.items():
        if name.startswith(PREFIX):
            group, _, part = name.removeprefix(PREFIX).partition(".")
            shown = f"{value:,.6g}" if isinstance(value, float) else str(value)
            groups.setdefault(group, []).append(f"{part} {shown}".strip())
    return "\n".join(f"  {group:10} {', '.join(parts)}" for group, parts in groups.items())
