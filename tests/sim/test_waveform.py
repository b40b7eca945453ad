"""Waveforms of a row, read back by the reader that Surfer uses."""

from pathlib import Path

import pandas as pd
import pytest
import pywellen
from typer.testing import CliRunner

from pipeline.cli import command_line
from pipeline.stages.wave import asked_wave
from pipeline.synthesis.activity import read_saif
from sim.waveform import recorder
from sim.waveform.recorder import check_headers

ROWS = """mapping.mapping,prob.R,prob.S,prob.P,prob.Q,prob.C,prob.K,arch.meshX,arch.mem1_depth,arch.mem2_depth
L2[WIO] N1 - L1[WI] Q2 K2 C8 P2 K4X - L0[O] P4X,1,1,8,2,8,8,4,128,1024
L2[WIO] Q2 - L1[WI] K2 C8 P2 K4X - L0[O] P4X,1,1,8,2,8,8,4,128,1024
"""
BYTES_PER_BEAT = 16
"""Of the bus."""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("row.fst", "expected ROW:FILE such as 1:row.fst"),
        ("x:row.vcd", "expected ROW:FILE"),
        ("0:row.vcd", "the table has rows 1 to 2"),
        ("3:row.vcd", "the table has rows 1 to 2"),
        ("1:row.png", "row.png: a waveform is a .fst, a .vcd or a .saif file"),
        ("1:in.vcd", "is the input"),
    ],
)
def test_a_wrong_request_is_named_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.vcd").touch()
    with pytest.raises(ValueError, match=message):
        asked_wave(text, 2, Path("in.vcd"))


def test_missing_headers_are_said_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_HEADERS", "#include <no_such_header.h>\n")
    with pytest.raises(RuntimeError, match=r"install 'zlib1g-dev' and 'liblz4-dev' .* or write a \.vcd file"):
        check_headers("fst")
    check_headers("vcd")


@pytest.mark.long
@pytest.mark.xdist_group("rtl")
@pytest.mark.parametrize("form", ["vcd", "fst"])
def test_a_waveform_holds_what_the_counters_say(tmp_path: Path, form: str) -> None:
    if form == "fst":
        try:
            check_headers("fst")
        except RuntimeError as error:
            pytest.skip(str(error))
    table, out, wave = tmp_path / "in.csv", tmp_path / "out.csv", tmp_path / "new" / f"row.{form}"
    table.write_text(ROWS, encoding="utf-8")
    arguments = ["simulate", str(table), str(out), "--design", "output_stationary", "--driver", "inprocess"]
    done = CliRunner().invoke(
        command_line("simulate"), [*arguments, "--datapath", "full", "--wave", f"2:{wave}"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    row = pd.read_csv(out).iloc[1]
    assert f"all {row['sim.cycles']} cycles of row 2" in done.output
    read = pywellen.Waveform(str(wave))
    cycles = int(row["sim.cycles"])
    names = ("clk_i", "rst_ni", "cycles_o", "answer_q.r_valid", "flags.r_ready")
    clock, reset, counted, valid, ready = (read[f"tb.{name}"].signal for name in names)
    assert [clock.value_at(time) for time in range(4)] == [1, 0, 1, 0]
    assert reset.value_at(0) == 1
    assert [counted.value_at(2 * cycle) for cycle in (0, 10, cycles)] == [0, 10, cycles]
    beats = sum(valid.value_at(2 * cycle) and ready.value_at(2 * cycle) for cycle in range(cycles))
    assert beats * BYTES_PER_BEAT == row["sim.dram_read_bytes"]


@pytest.mark.long
@pytest.mark.xdist_group("rtl")
def test_a_waveform_of_the_first_cycles_is_of_those(tmp_path: Path) -> None:
    table, out, wave = tmp_path / "in.csv", tmp_path / "out.csv", tmp_path / "row.vcd"
    table.write_text(ROWS, encoding="utf-8")
    arguments = ["simulate", str(table), str(out), "--design", "output_stationary", "--driver", "inprocess"]
    asked = ["--wave", f"1:{wave}", "--wave-cycles", "50"]
    done = CliRunner().invoke(
        command_line("simulate"), [*arguments, "--datapath", "full", *asked], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    assert "the first 50 cycles of row 1" in done.output
    counted = pywellen.Waveform(str(wave))["tb.cycles_o"].signal
    assert counted.value_at(98) == counted.value_at(10_000) == 49


@pytest.mark.long
@pytest.mark.xdist_group("rtl")
def test_how_often_bits_change_is_of_the_form_that_is_synthesised(tmp_path: Path) -> None:
    table, out, saif = tmp_path / "in.csv", tmp_path / "out.csv", tmp_path / "row.saif"
    row = "L3[WIO] Q2 - L2[WI] K4X - L1[O] C4 K4 C4X - L0[W] P8,1,1,8,2,16,16,4,128,1024"
    table.write_text(f"{ROWS.splitlines()[0]}\n{row}\n", encoding="utf-8")
    arguments = ["simulate", str(table), str(out), "--driver", "inprocess", "--wave", f"1:{saif}"]
    done = CliRunner().invoke(command_line("simulate"), [*arguments, "--datapath", "full"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    row, activity = pd.read_csv(out).iloc[0], read_saif(saif)
    assert activity.cycles == row["sim.cycles"] + 2  # one before the start, one after the end
    beats = activity.bits["tb.i_design.rd_rsp_valid_i"].high * (2 * activity.cycles - 1) / 2
    assert beats * BYTES_PER_BEAT == pytest.approx(row["sim.dram_read_bytes"], abs=1)
    element = activity.place("u_element")
    assert element.endswith("gen_plain.u_array.gen_rows[0].gen_elements[0].u_element")
    assert activity.bits[f"{element}.weights_q[1][7]"].changes > 0


def test_how_often_bits_change_is_asked_of_the_full_build_alone(tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text(ROWS, encoding="utf-8")
    asked = ["--datapath", "timing", "--wave", f"1:{tmp_path / 'row.saif'}"]
    with pytest.raises(ValueError, match="--datapath full"):
        CliRunner().invoke(
            command_line("simulate"),
            ["simulate", str(table), str(tmp_path / "out.csv"), *asked],
            catch_exceptions=False,
        )
