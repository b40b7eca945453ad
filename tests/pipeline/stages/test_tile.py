"""The stage that adds default tiles to a table."""

import pandas as pd

from pipeline.mapping import Mapping
from pipeline.stages.tile import tile_table
from pipeline.table import layer_of

COLUMNS = {"prob.R": 3, "prob.S": 3, "prob.P": 56, "prob.Q": 56, "prob.C": 64, "prob.K": 64, "prob.N": 1}
HARDWARE = {"arch.meshX": 16, "arch.mem1_depth": 512, "arch.mem2_depth": 8192}


def test_every_row_gets_its_tile_and_a_legal_mapping_and_a_bad_row_its_error() -> None:
    good = COLUMNS | HARDWARE | {"note": "kept"}
    table = tile_table(pd.DataFrame([good, good | {"prob.K": -1}, good | {"arch.mem2_depth": 1}]))
    assert table["tile"].tolist() == ["3_3_23_22_64_16_1", "", ""]
    assert table["note"].tolist() == ["kept"] * 3
    assert table["error"].tolist()[0] == ""
    assert "layer K = -1" in table["error"].tolist()[1]
    assert "not even the smallest tile fits" in table["error"].tolist()[2]
    layer = layer_of(good)
    assert Mapping.parse(table["mapping.mapping"][0], layer).tile("P") == 23
