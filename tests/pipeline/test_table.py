import pandas as pd
import pytest
from hypothesis import given, settings

from pipeline.machine.capacity import smallest_hardware
from pipeline.mapping import Mapping
from pipeline.table import Row, RowError, add_columns, columns_of, hardware_key, read_table, rows_of, write_table
from pipeline.workload import Layer
from tests.machines import GEMMINI
from tests.strategies import mappings


def example() -> pd.DataFrame:
    layer = Layer(1, 1, 64, 1, 64, 64)
    mapping = Mapping(layer, ((("P", 64),), (("C", 4),), (("K", 4),), ()), (16, 16))
    return columns_of(
        [Row(mapping, GEMMINI.template.hardware(16, 256, 64))] * 3, names=["a", "b", "c"], counts=[1, 2, 3]
    )


@settings(deadline=None, max_examples=50)
@given(mappings())
def test_rows_read_back_equal(mapping):
    row = Row(mapping, smallest_hardware([mapping], GEMMINI))
    assert rows_of(columns_of([row]), GEMMINI.template) == [row]


def test_a_structure_reads_back_and_what_is_missing_or_empty_is_the_default(tmp_path):
    hardware = GEMMINI.template.hardware(16, 256, 64)
    (mapping, *_) = (row.mapping for row in rows_of(example(), GEMMINI.template))
    rows = [Row(mapping, hardware), Row(mapping, hardware.restructured({"bus_bytes": 32, "load_queue": 4}))]
    table = columns_of(rows)
    assert [column for column in table if column not in example()] == ["arch.bus_bytes", "arch.load_queue"]
    write_table(table.astype({"arch.bus_bytes": object}).replace({"arch.bus_bytes": 16}, ""), tmp_path / "table.csv")
    assert rows_of(read_table(tmp_path / "table.csv"), GEMMINI.template) == rows
    key = hardware_key(pd.concat([example(), table], ignore_index=True), GEMMINI.template)
    assert key["arch.bus_bytes"].tolist() == [16, 16, 16, 16, 32]
    assert key["arch.reads_in_flight"].unique().tolist() == [16]


def test_the_rule_from_mapping_ignores_the_columns():
    table = example().assign(**{"arch.meshX": 128})
    (first, *_) = rows_of(table, GEMMINI.template, "from-mapping")
    assert isinstance(first, Row)
    assert first.hardware == GEMMINI.template.hardware(16, 4096, 4096)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_tables_read_back_equal_and_leave_nothing_else(ending, tmp_path):
    path = tmp_path / f"table{ending}"
    write_table(example(), path)
    pd.testing.assert_frame_equal(read_table(path), example())
    assert list(tmp_path.iterdir()) == [path]


def test_a_bad_row_is_marked_and_the_others_are_kept():
    table = example().astype({"prob.P": object})
    table.loc[1, "prob.P"] = "many"
    good, bad, other = rows_of(table, GEMMINI.template)
    assert isinstance(good, Row)
    assert isinstance(other, Row)
    assert bad == RowError("column prob.P: 'many' is not an integer")


def test_missing_columns_are_named():
    assert rows_of(example().drop(columns="arch.meshX"), GEMMINI.template)[0] == RowError(
        "column arch.meshX is missing or empty"
    )


@pytest.mark.parametrize("errors", [["", "", ""], ["", "too large", ""]])
def test_empty_errors_stay_empty_text_in_csv(errors, tmp_path):
    write_table(example().assign(error=errors), tmp_path / "table.csv")
    assert read_table(tmp_path / "table.csv")["error"].tolist() == errors


@pytest.mark.parametrize("name", ["x.txt", "x", "x.csv.zip"])
def test_an_unknown_ending_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.csv, \.csv\.gz, \.parquet"):
        write_table(example(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_unreadable_tables_are_named(tmp_path):
    broken = tmp_path / "broken.parquet"
    broken.write_text("no")
    with pytest.raises(ValueError, match=r"broken\.parquet: cannot be read"):
        read_table(broken)
    with pytest.raises(ValueError, match=r"absent\.csv: no such file"):
        read_table(tmp_path / "absent.csv")


def test_added_columns_come_after_those_that_were_there():
    table = add_columns(example(), [{"x": 1.0}, {"error": "too large"}, {"x": 3.0}])
    assert list(table.columns[-2:]) == ["x", "error"]
    assert table["error"].tolist() == ["", "too large", ""]
    assert table["x"].isna().tolist() == [False, True, False]
    assert add_columns(table, [{"x": 5.0}] * 3)["x"].tolist() == [5.0] * 3
