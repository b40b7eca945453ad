"""``make bench-onnx_import``: how many ONNX files are imported exactly.

Every ``.onnx`` file under the folders in ``ONNX_MODELS`` (paths with ``:`` between) is imported and counted by a run in
onnxruntime, open sizes as 1. Without ``ONNX_MODELS`` the files are those that onnx and onnxruntime bring with them.
"""

import os
import time
from pathlib import Path

import onnx
import onnxruntime

from benches import common
from benches.onnx_oracle import macs
from pipeline.onnx.importer import import_onnx


def folders() -> list[Path]:
    """Where the files are."""
    given = [Path(text) for text in os.environ.get("ONNX_MODELS", "").split(":") if text]
    packaged = [Path(onnx.__file__).parent / "backend" / "test" / "data" / "light", Path(onnxruntime.__file__).parent]
    return given or packaged


def row(path: Path, name: str) -> dict[str, common.Cell]:
    """One file: imported, left out and counted multiply-accumulates."""
    start = time.perf_counter()
    try:
        found = import_onnx(path, "bench")
        cells: dict[str, common.Cell] = {"imported": found.macs, "of": found.all_macs, "complete": found.complete}
    except ValueError as error:
        cells = {"imported": None, "note": str(error)[-60:]}
    cells["seconds"] = round(time.perf_counter() - start, 2)
    try:
        cells["counted"] = macs(path)
    except Exception as error:  # whatever onnxruntime raises for a file that it cannot run
        cells["note"] = f"not counted: {' '.join(str(error).split())[:60]}"
    cells["exact"] = cells.get("counted") == (cells["imported"] or 0) if "counted" in cells else None
    return {"file": name} | cells


def main() -> None:
    """Print one row a file and how many are exact."""
    files = [(path, folder) for folder in folders() for path in sorted(folder.rglob("*.onnx"))]
    rows = [row(path, str(path.relative_to(folder))) for path, folder in files[: 4 if common.quick() else None]]
    judged = [entry for entry in rows if entry["exact"] is not None]
    exact = sum(bool(entry["exact"]) for entry in judged)
    common.write("onnx_import", rows)
    print(f"{exact} of {len(judged)} files that onnxruntime ran are imported exactly; {len(rows)} files in all")


if __name__ == "__main__":
    main()
