"""The command line: what scripts outside the project rely on."""

import subprocess
import sys

import pytest

from pipeline.cli import main
from pipeline.hardware import Hardware
from pipeline.machine.timeloop.yaml_files import read_timeloop
from pipeline.mapping import Mapping
from pipeline.table import Row, columns_of, read_table, rows_of, write_table
from pipeline.workload import Layer
from tests.learned.cases import rows as learned_rows
from tests.learned.cases import table as learned_table

SEARCH = ("search", "--workload", "bert", "--method", "random", "--evaluations", 1, "--seed", 0, "--out", "out")


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line in this process; gives (exit status, standard output, standard error)."""

    def call(*arguments: object):
        monkeypatch.setattr(sys, "argv", ["dosa-hil", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return call


@pytest.fixture
def table(tmp_path):
    """A table of two good rows with a bad one between them."""
    layer = Layer(1, 1, 64, 1, 64, 64)
    mapping = Mapping(layer, ((("P", 64),), (("C", 4),), (("K", 4),), ()), 16, 16)
    rows = columns_of([Row(mapping, Hardware(16, 256, 64))] * 3)
    rows["note"] = ["first", "second", "third"]
    rows.loc[1, "mapping.mapping"] = "L3[WIO] K2"
    path = tmp_path / "in.csv"
    write_table(rows, path)
    return path


def test_help_starts_without_torch():
    code = "import sys, pipeline.cli; sys.exit('torch' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_workloads_are_listed_and_shown(run):
    status, out, _ = run("workloads", "list")
    assert status == 0
    assert "resnet50" in out
    status, out, _ = run("workloads", "show", "bert")
    assert status == 0
    assert "P128 Q1 C768 K3072" in out


@pytest.mark.parametrize("platform", ["timeloop", "rtl"])
def test_estimate_keeps_columns_and_order_and_marks_bad_rows(run, table, tmp_path, platform):
    out = tmp_path / "out.parquet"
    status, _, err = run("estimate", table, out, "--platform", platform)
    assert status == 0
    assert "1 of 3 rows have an error" in err
    result = read_table(out)
    assert result["note"].tolist() == ["first", "second", "third"]
    assert result["error"].ne("").tolist() == [False, True, False]
    for column in ("pred.cycles", "pred.energy_uj", "pred.edp", "pred.area_mm2"):
        assert result[column].notna().tolist() == [True, False, True]
    assert result["pred.edp"][0] == pytest.approx(result["pred.cycles"][0] * result["pred.energy_uj"][0])


def test_a_row_becomes_timeloop_files_that_read_back(run, table, tmp_path):
    status, out, err = run("timeloop", table, 2, tmp_path / "timeloop")
    assert (status, out, err) == (0, "", "")
    (row,) = rows_of(read_table(table).iloc[[2]], "timeloop")
    assert read_timeloop(tmp_path / "timeloop") == (row.mapping, row.hardware)


def test_estimate_says_when_a_model_was_trained_by_the_other_rule_for_the_array(run, table, tmp_path):
    measured = tmp_path / "measured.csv"
    write_table(learned_table(learned_rows(6, 4)), measured)
    model = tmp_path / "model"
    assert run("train", measured, model, "--kind", "analytical", "--dim", "from-mapping")[0] == 0
    for rule, said in (("from-table", True), ("from-mapping", False)):
        status, _, err = run("estimate", measured, tmp_path / "out.csv", "--model", model, "--dim", rule)
        assert status == 0
        assert ("was trained with --dim from-mapping" in err) == said


def test_tile_adds_a_mapping_that_estimate_reads(run, table, tmp_path):
    out = tmp_path / "tiled.csv"
    status, _, _ = run("tile", table, out)
    assert status == 0
    tiled = read_table(out)
    assert tiled["tile"][0] == "1_1_64_1_64_64_1"
    status, _, err = run("estimate", out, tmp_path / "estimated.csv", "--platform", "rtl")
    assert (status, err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (("estimate", "absent.csv", "out.csv"), "absent.csv: no such file"),
        (("estimate", "IN", "out.txt"), "out.txt: the name must end in"),
        (("timeloop", "IN", 1, "out"), "row 1: mapping"),
        (("timeloop", "IN", 3, "out"), "there is no row 3, it has 3"),
        (("estimate", "IN", "out.csv", "--model", "absent.model"), "absent.model"),
        (("workloads", "show", "resnet51"), "unknown workload 'resnet51'"),
        (("workloads", "import", "absent.onnx", "out.yaml"), "absent.onnx"),
        (("simulate", "IN", "out.csv", "--design", "absent"), "absent"),
        (("train", "IN", "out.model"), "sim.cycles"),
        ((*SEARCH, "--fix-hardware", "16,x"), "--fix-hardware '16,x'"),
        ((*SEARCH, "--workload", "resnet51"), "unknown workload 'resnet51'"),
    ],
)
def test_bad_input_gives_one_line_that_names_the_offender(run, table, tmp_path, monkeypatch, arguments, culprit):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    status, out, err = run(*[table if argument == "IN" else argument for argument in arguments])
    assert status != 0
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert culprit in err
    assert sorted(tmp_path.rglob("*")) == before


def test_simulate_keeps_its_journal_where_a_relative_path_says(run, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = run("simulate", table.name, "out.csv", "--driver", "inprocess")
    assert status == 0
    assert "1 of 3 rows have an error" in err
    result = read_table(tmp_path / "out.csv")
    assert result["error"].ne("").tolist() == [False, True, False]
    assert result["sim.edp"][0] == pytest.approx(result["sim.cycles"][0] * result["sim.energy_uj"][0])


def test_unknown_options_are_refused(run):
    status, _, err = run("estimate", "a.csv", "b.csv", "--platform", "fpga")
    assert status != 0
    assert "fpga" in err
