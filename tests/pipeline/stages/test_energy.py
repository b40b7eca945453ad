"""Energy of simulations: counted where the RTL counts all words, else the machine's estimate, which is marked."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.hardware import HardwareTensors
from pipeline.machine.machine import machine_of
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.measurement import COUNTERS, known_classes
from pipeline.stages import simulate
from pipeline.stages.reporting.tables import cached_table, cycles_table, energy_table
from pipeline.table import Row, columns_of
from pipeline.workload import Layer
from sim.design import Design
from sim.memory import MemorySettings
from sim.runner import Request
from sim.task import Record, Task
from tests.machines import GEMMINI

LAYER = Layer(R=1, S=1, P=8, Q=1, C=8, K=8)
MAPPING = Mapping.parse("L3[WIO] N1 - L2[WI] K2 C2 K4X - L1[O] C4X - L0[W] P8", LAYER)
HARDWARE = GEMMINI.template.hardware(4, 32, 16)
LOOPS = [name for name in COUNTERS if name.endswith("_cycles")]


@pytest.mark.parametrize("counters", [COUNTERS, ("compute_cycles",), (*LOOPS, "macs")])
def test_energy_is_counted_where_all_words_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counters: tuple[str, ...]
) -> None:
    values = dict.fromkeys(counters, 100)
    record = Record("key", 100 * len(LOOPS), values | {"host_cycles": 100})
    monkeypatch.setattr(simulate, "simulate", lambda *_: [record])
    request = Request(Design("d", (), "digest", counters), Task(MAPPING, HARDWARE, "timing", MemorySettings(0)))
    table = columns_of([Row(MAPPING, HARDWARE)], ["one"], [2])
    result = simulate.measure(table, [request], driver="inprocess", jobs=1, work_dir=tmp_path)
    machine = machine_of("gemmini")
    sizes = HardwareTensors.stack([HARDWARE])
    words = machine.words(LayerTensors.stack([LAYER]), MappingTensors.stack([MAPPING]), sizes)
    expected = float(machine.energy(words, sizes).total.item())
    is_counted = counters == COUNTERS
    assert (simulate.ESTIMATED in result) != is_counted
    assert (result.loc[0, "sim.energy_uj"] == pytest.approx(expected)) != is_counted
    layers = result.assign(workload="net")
    levels = energy_table(layers, "found", machine.template).drop(columns=["workload", "design"])
    assert levels.sum(axis=1)[0] == pytest.approx(2 * result.loc[0, "sim.energy_uj"])
    classes = [name for name in LOOPS if name in counters or name == "host_cycles"]
    assert known_classes(result.columns) == classes
    assert cycles_table(layers, "found")[classes].sum(axis=1)[0] == 2 * 100 * len(classes)


def test_energy_with_caches_apart_stands_beside_the_published_rule() -> None:
    layers = pd.DataFrame(
        {
            "workload": ["a", "a", "b"],
            "layer.count": [2, 1, 3],
            "sim.energy_uj": [4.0, 2.0, 5.0],
            simulate.CACHED: [1.0, 1.0, 2.0],
        }
    )
    found = layers.assign(**{"sim.energy_uj": layers["sim.energy_uj"] / 2})
    table = cached_table(layers, found).set_index("workload")
    assert table["default, published rule (µJ)"].tolist() == [10.0, 15.0]
    assert table["found, caches apart (µJ)"].tolist() == [3.0, 6.0]
    assert table["below default, published rule"].tolist() == [2.0, 2.0]
    assert table["below default, caches apart"].tolist() == [1.0, 1.0]
    assert cached_table(layers.drop(columns=simulate.CACHED), found).empty
