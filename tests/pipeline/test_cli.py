"""The command line: what scripts outside the project rely on."""

import importlib
import subprocess
import sys

import pytest
import torch

from pipeline.cli import COMMANDS, STAGES, main
from pipeline.machine.timeloop.yaml_files import read_timeloop
from pipeline.mapping import Mapping
from pipeline.stages.entry import guarded
from pipeline.table import Row, columns_of, read_table, rows_of, write_table
from pipeline.workload import Layer
from tests.learned.cases import rows as learned_rows
from tests.learned.cases import table as learned_table
from tests.machines import GEMMINI, TIMELOOP

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
    mapping = Mapping(layer, ((("P", 64),), (("C", 4),), (("K", 4),), ()), (16, 16))
    rows = columns_of([Row(mapping, GEMMINI.template.hardware(16, 256, 64))] * 3)
    rows["note"] = ["first", "second", "third"]
    rows.loc[1, "mapping.mapping"] = "L3[WIO] K2"
    path = tmp_path / "in.csv"
    write_table(rows, path)
    return path


def test_help_starts_without_torch_and_says_what_the_commands_say():
    code = """if True:
        import sys, pipeline.cli
        sys.argv = ["dosa-hil", "--help"]
        try: pipeline.cli.main()
        finally: assert not {"torch", "pandas"} & set(sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for name, summary in (COMMANDS | STAGES).items():
        assert (f"  {name} " in done.stdout) == (name in COMMANDS)
        assert len(summary) <= 60 or name in STAGES  # more would be cut on a terminal of 80 characters
        module = importlib.import_module(f"pipeline.stages.{name.replace('-', '_')}")
        said = module.app.info.help if hasattr(module, "app") else module.main.__doc__.splitlines()[0]
        assert summary == said


def test_commands_compute_on_one_thread_unless_told_otherwise(monkeypatch):
    for given, threads in ((None, 1), ("2", 2)):
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        if given is not None:
            monkeypatch.setenv("OMP_NUM_THREADS", given)
        torch.set_num_threads(3)
        seen = []
        guarded(lambda seen=seen: seen.append(torch.get_num_threads()))
        assert seen == [threads]
    torch.set_num_threads(1)


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
    (row,) = rows_of(read_table(table).iloc[[2]], TIMELOOP.template)
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
        (("estimate", "IN", "IN"), "is the input"),
        (("estimate", "IN", "/proc/out.csv"), "/proc"),
        (("tile", "IN", "IN"), "is the input"),
        (("simulate", "IN", "IN"), "is the input"),
        (("simulate", "IN", "/proc/out.csv"), "/proc"),
        (("simulate", "IN", "out.csv", "--work-dir", "/proc/work"), "/proc"),
        (("simulate", "IN", "IN/out.csv"), "in.csv"),
        (("train", "IN", "IN"), "is the input"),
        (("train", "IN", "/proc/out.model"), "/proc"),
        (("workloads", "import", "IN", "/proc/out.yaml"), "/proc"),
        (("timeloop", "IN", 0, "/proc/out"), "/proc"),
        ((*SEARCH[:-1], "/proc/out"), "/proc"),
        (
            (*SEARCH, "--platform", "rtl", "--fix-dim", 12),
            "12: must be one of 2, 4, 8, 16, 32, 64 on gemmini",
        ),
        ((*SEARCH, "--platform", "rtl", "--fix-dim", 128), "fixed dim = 128: must be one of 2, 4"),
        ((*SEARCH, "--platform", "rtl", "--fix-hardware", "128,256,64"), "fixed dim = 128: must be one of 2, 4"),
        ((*SEARCH, "--platform", "timeloop", "--fix-dim", 129), "fixed dim = 129: must be from 1 to 128 on timeloop"),
        (("timeloop", "IN", 1, "out"), "row 1: mapping"),
        (("timeloop", "IN", 3, "out"), "there is no row 3, it has 3"),
        (("estimate", "IN", "out.csv", "--model", "absent.model"), "absent.model"),
        (("workloads", "show", "resnet51"), "unknown workload 'resnet51'"),
        (("workloads", "import", "absent.onnx", "out.yaml"), "absent.onnx"),
        (("simulate", "IN", "out.csv", "--design", "absent"), "absent"),
        (("train", "IN", "out.model"), "sim.cycles"),
        (("what-if", "IN", "IN"), "is the input"),
        (("what-if", "absent.csv"), "absent.csv: no such file"),
        (("what-if", "IN", "--layers", 1), "--layers needs the column sim.cycles"),
        (("what-if", "IN", "--change", "buss"), "--change buss; did you mean bus?: gemmini has bus, banks, queues,"),
        (("what-if", "IN", "--change", "reads_in_flight=x"), "or AXIS=NUMBER with one of bus_bytes, scratchpad_banks"),
        (("what-if", "IN", "--change", "bus", "--change", "bus"), "--change bus: is there twice"),
        (("what-if", "IN", "--design", "gemmini_commandz"), "did you mean gemmini_commands?"),
        ((*SEARCH, "--fix-hardware", "16,x"), "--fix-hardware '16,x'"),
        (("search", "--workload", "resnet51", *SEARCH[3:]), "unknown workload 'resnet51'"),
    ],
)
def test_bad_input_gives_one_line_that_names_the_offender(run, table, tmp_path, monkeypatch, arguments, culprit):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    status, out, err = run(*[str(argument).replace("IN", str(table)) for argument in arguments])
    assert status != 0
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert culprit in err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("command", ["estimate", "simulate", "tile", "what-if"])
def test_exit_status_is_1_when_no_row_could_be_handled(run, table, tmp_path, command):
    rows = read_table(table)
    rows["mapping.mapping"], rows["prob.R"] = "nonsense", 0
    write_table(rows, tmp_path / "bad.csv")
    out = tmp_path / "out.csv"
    status, _, err = run(command, tmp_path / "bad.csv", out)
    assert status == 1
    assert "3 of 3 rows have an error" in err
    assert read_table(out)["error"].ne("").all()


def test_an_output_that_is_the_input_under_another_name_is_refused(run, table, tmp_path):
    (tmp_path / "link.csv").symlink_to(table)
    before = table.read_bytes()
    status, _, err = run("tile", table, tmp_path / "link.csv")
    assert (status, "is the input" in err, table.read_bytes()) == (1, True, before)


def test_simulate_keeps_its_journal_where_a_relative_path_says(run, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = run("simulate", table.name, "out.csv", "--driver", "inprocess")
    assert status == 0
    assert "1 of 3 rows have an error" in err
    result = read_table(tmp_path / "out.csv")
    assert result["error"].ne("").tolist() == [False, True, False]
    assert result["sim.edp"][0] == pytest.approx(result["sim.cycles"][0] * result["sim.energy_uj"][0])


def test_what_if_prints_what_changes_save_and_writes_it_by_row(run, table):
    status, out, err = run("what-if", table, "--change", "host", "--change", "reads_in_flight=4")
    assert status == 0
    assert "1 of 3 rows have an error" in err
    head, host, reads, together, rest, cycles, last = out.splitlines()
    assert head.split() == ["what", "is", "changed", "saves", "alone", "share"]
    assert host.startswith("host: a host that takes no time ")
    assert reads.startswith("reads_in_flight=4: reads_in_flight 4 ")
    shares = [float(line.split()[-2]) for line in (host, reads, together, rest)]
    assert shares[0] + shares[1] == pytest.approx(shares[2], abs=0.11)
    assert shares[2] + shares[3] == pytest.approx(100, abs=0.11)
    result = read_table(table.parent / "in-what-if.csv")
    assert cycles == f"of {2 * result['what_if.cycles'][0]:,.0f} cycles"
    assert last == f"{table.parent / 'in-what-if.csv'}: 3 rows"
    assert result["what_if.share.host"].notna().tolist() == [True, False, True]


def test_unknown_options_are_refused(run):
    status, _, err = run("estimate", "a.csv", "b.csv", "--platform", "fpga")
    assert status != 0
    assert "fpga" in err
