"""The fidelity bench's sample and scores."""

import pandas as pd
import pytest

from benches.fidelity import MAX_CYCLES, PER_STRATUM, SEED, sample, scores
from pipeline.files import reference_data
from pipeline.table import read_table

DATA = reference_data() / "firesim_gemmini.csv.gz"


@pytest.mark.skipif(not DATA.exists(), reason="the public FPGA measurements are not here")
def test_the_sample_covers_every_array_size_and_layer_kind_in_both_halves() -> None:
    chosen = sample(read_table(DATA), PER_STRATUM, MAX_CYCLES, SEED)
    assert len(chosen) >= 150
    assert chosen["target.cycle"].max() <= MAX_CYCLES
    counts = chosen.groupby(["dim", "kind", "half"]).size()
    assert sorted(chosen["dim"].unique()) == [4, 8, 16, 32, 64]
    assert len(counts) == 5 * 2 * 2
    assert counts.min() == PER_STRATUM // 2
    again = sample(read_table(DATA), PER_STRATUM, MAX_CYCLES, SEED)
    pd.testing.assert_frame_equal(chosen, again)


def test_scores_leave_out_rows_with_an_error_and_say_how_many() -> None:
    table = pd.DataFrame(
        {"target.cycle": [100, 200, 400, 800], "sim.cycles": [110, 200, 360, None], "error": ["", "", "", "no program"]}
    )
    found = scores(table, {"dim": "all"})
    assert (found["rows"], found["failed"], found["spearman"]) == (4, 1, pytest.approx(1.0))
    assert found["median_error_percent"] == pytest.approx(10.0)
    assert found["median_ratio"] == pytest.approx(1.0)
