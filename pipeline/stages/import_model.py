"""``dosa-hil workloads import``: an ONNX model as a workload file."""

import sys
from pathlib import Path
from typing import TextIO

from pipeline.files import write_text
from pipeline.onnx.importer import Imported, import_onnx
from pipeline.workload import dump_workload

ENOUGH = 0.99
"""Imported share of the multiply-accumulates below which a warning is given."""


def import_model(model: Path, out: Path, batch: int | None, dims: list[str], stream: TextIO) -> str:
    """Import ``model`` into the workload file ``out``; the text says how much of it that is.

    ``dims`` are open sizes as NAME=N. What is left out goes to ``stream``. Raises ValueError when nothing is left,
    after the reasons were printed.
    """
    if out.suffix not in {".yaml", ".yml"}:
        raise ValueError(f"workload {out}: the name must end in .yaml")
    imported = import_onnx(model, out.stem, batch, dict(_size(text) for text in dims))
    if imported.workload is None:
        # The error line is all that goes to standard error when a command fails.
        _print_left_out(imported, sys.stdout)
        raise ValueError(f"model {model}: holds no convolution or matrix product that can be imported")
    write_text(out, dump_workload(imported.workload))
    _print_left_out(imported, stream)
    return "\n".join(_summary(imported, out))


def _summary(imported: Imported, out: Path) -> list[str]:
    workload = imported.workload
    assert workload is not None
    lines = [f"{out}: {len(workload.layers)} unique layers, {workload.macs / 1e9:.3f} GMAC"]
    if imported.without_products:
        kinds = ", ".join(f"{count} {kind}" for kind, count in imported.without_products.items())
        lines.append(f"operators without products: {kinds}")
    more = "" if imported.complete else " that are known"
    return [*lines, f"imported {imported.macs:,} of {imported.all_macs:,} MACs{more} ({_percent(imported.share)})"]


def _print_left_out(imported: Imported, stream: TextIO) -> None:
    for item in imported.left_out:
        print(f"not imported: {item}", file=stream)
    if imported.assumed:
        names = ", ".join(imported.assumed[:20]) + (" ..." if len(imported.assumed) > 20 else "")
        print(f"open sizes that count as 1 (set them with --batch N or --dim NAME=N): {names}", file=stream)
    if imported.workload and imported.share < ENOUGH:
        print(f"warning: only {_percent(imported.share)} of the model's MACs are imported", file=stream)
    elif imported.workload and not imported.complete:
        print("warning: how many MACs are left out is not known for all operators", file=stream)


def _percent(share: float) -> str:
    """``share`` in percent, 100 only where it is all."""
    return "100 %" if share == 1 else f"{min(share, 0.9999):.2%}".replace("%", " %")


def _size(text: str) -> tuple[str, int]:
    name, separator, size = text.rpartition("=")
    if not separator or not name or not size.strip().isdigit():
        raise ValueError(f"--dim {text!r}: expected NAME=N")
    return name.strip(), int(size)
