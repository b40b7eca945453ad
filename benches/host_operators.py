"""What stays on the host: ``make bench-host_operators`` (QUICK=1: small images).

Quantised networks with the default tiler's mappings on the default hardware, memory ``soc``: the cycles and bytes of
the layers on the accelerator (timing build), and what pooling, additions and depthwise layers add on the host, counted
as ``pipeline/stages/inference/host.py`` says. ``equal_at`` is the number of cycles an element at which a kind takes as
long as the accelerator's layers: the order of the kinds does not depend on the host's speed, their shares do. The last
row of a network is all of it as one program.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benches.common import GEMMINI, Cell, quick, write
from benches.networks import INPUT, encoder_layer, mobilenet_v2, quantised, resnet18, samples
from pipeline.stages.entry import guarded
from pipeline.stages.infer import Report, infer

SIDE = 64 if quick() else 224
NETWORKS = {
    "resnet18": (resnet18, (3, SIDE, SIDE)),
    "mobilenet_v2": (mobilenet_v2, (3, SIDE, SIDE)),
    "bert_layer": (encoder_layer, (32 if quick() else 128, 768)),
}


def report_of(name: str, folder: Path) -> Report:
    """A network without any layer on the full build."""
    make, shape = NETWORKS[name]
    model = quantised(make(), samples(shape), folder / f"{name}.onnx")
    hardware = GEMMINI.default_hardware
    sizes = dict(zip(GEMMINI.template.sizes, hardware.values, strict=True))
    (folder / "design.json").write_text(json.dumps({"hardware": sizes}), encoding="utf-8")
    pd.DataFrame(columns=["mapping.mapping"]).to_csv(folder / "mappings.csv", index=False)
    np.savez(folder / "x.npz", **{INPUT: samples(shape, 1)})
    return infer(model, folder, folder / "x.npz", design="gemmini", memory="soc", layers=0)


def rows_of(name: str, report: Report) -> list[dict[str, Cell]]:
    """One row for the accelerator and one for each kind of operator on the host."""
    layers, host = report.layers, report.host
    cycles, moved = int(layers["sim.cycles"].sum()), int(layers["sim.moved_bytes"].sum())
    total, total_bytes = cycles + int(host["cycles"].sum()), moved + int(host["bytes"].sum())
    rows: list[dict[str, Cell]] = [
        {
            "network": name,
            "kind": "accelerator",
            "operators": len(layers),
            "megacycles": cycles / 1e6,
            "cycles_percent": 100 * cycles / total,
            "megabytes": moved / 1e6,
            "bytes_percent": 100 * moved / total_bytes,
            "equal_at": None,
        }
    ]
    for row in host.to_dict("records"):
        rows.append(
            {
                "network": name,
                "kind": str(row["kind"]),
                "operators": int(row["operators"]),
                "megacycles": row["cycles"] / 1e6,
                "cycles_percent": 100 * row["cycles"] / total,
                "megabytes": row["bytes"] / 1e6,
                "bytes_percent": 100 * row["bytes"] / total_bytes,
                "equal_at": cycles / row["elements"],
            }
        )
    one: dict[str, Cell] = {"network": name, "kind": "one program", "megacycles": report.time.cycles / 1e6}
    one["cycles_percent"] = 100 * report.time.cycles / total
    return [*rows, one]


def main() -> None:
    """Print the table and write ``results/bench/host_operators.json``."""
    rows: list[dict[str, Cell]] = []
    for name in NETWORKS:
        with TemporaryDirectory() as folder:
            rows += rows_of(name, report_of(name, Path(folder)))
    write("host_operators", rows, seeds=[0])


if __name__ == "__main__":
    guarded(main)
