"""Properties proved for every input, where simulation only samples: yosys's SAT solver with induction."""

import importlib.util
import re
from pathlib import Path

import pytest

from pipeline.synthesis.elaborate import linked, read_command
from pipeline.synthesis.tools import yosys
from rtl.design import RTL

pytestmark = pytest.mark.skipif(importlib.util.find_spec("pyosys") is None, reason="pyosys is not installed")
GEMMINI = RTL / "gemmini"

QUEUE = """module proof(
    input logic clk_i, input logic rst_ni, input logic push_i, input logic pop_i, input logic [1:0] data_i,
    output logic ok_o
);
  // A plain model: a shift register, the oldest item in place 0.
  logic [1:0] items_q[DEPTH];
  logic [3:0] count_q;
  logic ready, valid;
  logic [1:0] data;
  fifo #(.data_t(logic [1:0]), .Depth(DEPTH)) u_fifo (
      .clk_i, .rst_ni, .push_valid_i(push_i), .push_ready_o(ready), .push_i(data_i),
      .pop_valid_o(valid), .pop_ready_i(pop_i), .pop_o(data)
  );
  logic push, pop;
  assign push = push_i && count_q != DEPTH;
  assign pop = pop_i && count_q != 0;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) count_q <= '0;
    else count_q <= count_q + 4'(push) - 4'(pop);
  end
  always_ff @(posedge clk_i) begin
    for (int i = 0; i < DEPTH; i++) begin
      if (pop && i + 1 < DEPTH) items_q[i] <= items_q[i+1];
      if (push && i == count_q - 4'(pop)) items_q[i] <= data_i;
    end
  end
  // What links the two, so that a step of induction is enough.
  logic linked;
  always_comb begin
    linked = u_fifo.count_q == count_q && u_fifo.head_q < DEPTH &&
        u_fifo.tail_q == ((u_fifo.head_q + count_q) % DEPTH);
    for (int i = 0; i < DEPTH; i++) begin
      if (i < count_q) linked = linked && u_fifo.items_q[(u_fifo.head_q + i) % DEPTH] == items_q[i];
    end
  end
  // Never more than there is room for, never full or empty at the wrong time, and the items in their order.
  assign ok_o = linked && count_q <= DEPTH && ready == (count_q != DEPTH) && valid == (count_q != 0) &&
      (!valid || data == items_q[0]);
endmodule
"""

BUFFER = """module proof(
    input logic clk_i, input logic rst_ni, input logic push_i, input logic pop_i, input logic [7:0] data_i,
    output logic ok_o
);
  logic [7:0] items_q[DEPTH];
  logic [3:0] count_q;
  logic [7:0] data;
  logic push, pop;
  assign push = push_i && count_q != DEPTH;
  assign pop = pop_i && count_q != 0;
  beat_buffer #(.Bytes(1), .Depth(DEPTH)) u_buffer (
      .clk_i, .rst_ni, .push_i(push), .data_i, .pop_i(pop), .data_o(data)
  );
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) count_q <= '0;
    else count_q <= count_q + 4'(push) - 4'(pop);
  end
  always_ff @(posedge clk_i) begin
    for (int i = 0; i < DEPTH; i++) begin
      if (pop && i + 1 < DEPTH) items_q[i] <= items_q[i+1];
      if (push && i == count_q - 4'(pop)) items_q[i] <= data_i;
    end
  end
  // In the memory is what is not the oldest.
  logic linked;
  always_comb begin
    linked = count_q <= DEPTH && u_buffer.head_q < DEPTH && u_buffer.tail_q == ((u_buffer.head_q + count_q) % DEPTH);
    for (int i = 1; i < DEPTH; i++) begin
      if (i < count_q) linked = linked && u_buffer.u_beats.rows_q[(u_buffer.head_q + i) % DEPTH] == items_q[i];
    end
  end
  assign ok_o = linked && (count_q == 0 || data == items_q[0]);
endmodule
"""

CLASSES = """module proof
  import gemmini_pkg::*;
(
    input logic clk_i, input logic rst_ni, input logic busy_i, input logic loading_i, input logic storing_i,
    input logic [31:0] skip_i, input load_events_t loads_i, input execute_events_t executes_i,
    input store_events_t stores_i, output logic ok_o
);
  logic [NumCounters-1:0][63:0] counters, before_q;
  logic busy_q, was_busy_q, known_q;
  logic [32:0] cycles_q, passed_q;
  performance_counters u_counters (
      .clk_i, .rst_ni, .busy_i, .loading_i, .storing_i, .skip_i, .loads_i, .executes_i, .stores_i,
      .counters_o(counters)
  );
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) {busy_q, was_busy_q, known_q} <= '0;
    else {busy_q, was_busy_q, known_q} <= {busy_i, busy_q, 1'b1};
  end
  always_ff @(posedge clk_i) begin
    cycles_q <= 33'd1 + 33'(skip_i);
    passed_q <= cycles_q;
    before_q <= counters;
  end
  // Of the classes of cycles exactly one grows in a busy cycle, by the cycles that passed, and none in another.
  localparam int Classes[4] = '{CounterCompute, CounterLoad, CounterStore, CounterFillDrain};
  logic [3:0] grows;
  logic right;
  always_comb begin
    right = 1'b1;
    for (int i = 0; i < 4; i++) begin
      grows[i] = counters[Classes[i]] != before_q[Classes[i]];
      if (grows[i]) right = right && counters[Classes[i]] == before_q[Classes[i]] + 64'(passed_q);
    end
    right = right && $countones(grows) == int'(was_busy_q);
  end
  assign ok_o = !known_q || right;
endmodule
"""


def prove(folder: Path, sources: list[Path], proof: str, steps: str) -> str:
    """Prove that ``ok_o`` of the module ``proof`` is always 1 after a reset; raises RuntimeError where it is not."""
    path = folder / "proof.sv"
    path.write_text(proof, encoding="utf-8")
    read = re.sub(r"--blackboxed-module \S+", "", read_command(linked(folder, [*sources, path]), "proof", {}))
    script = f"""{read}
prep -top proof -flatten
memory_map
async2sync
dffunmap
opt -full
sat -verify -seq 1 -set-at 1 rst_ni 0 -prove ok_o 1 {steps} proof
"""
    return yosys(script, folder)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_queue_never_overflows_and_keeps_its_order(tmp_path: Path, depth: int) -> None:
    sources = [GEMMINI / "assertions.svh", GEMMINI / "fifo.sv"]
    said = prove(tmp_path, sources, QUEUE.replace("DEPTH", str(depth)), "-tempinduct -maxsteps 12")
    assert "SUCCESS" in said


def test_a_queue_that_overflows_is_caught(tmp_path: Path) -> None:
    text = (GEMMINI / "fifo.sv").read_text(encoding="utf-8")
    full = "push_ready_o = count_q != CountBits'(Depth)"
    assert full in text
    wrong = tmp_path / "wrong.sv"
    wrong.write_text(text.replace(full, "push_ready_o = 1'b1"), encoding="utf-8")
    with pytest.raises(RuntimeError, match="proof did fail"):
        prove(tmp_path, [GEMMINI / "assertions.svh", wrong], QUEUE.replace("DEPTH", "2"), "-tempinduct -maxsteps 12")


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_beat_buffer_shows_the_oldest_beat(tmp_path: Path, depth: int) -> None:
    sources = [GEMMINI / name for name in ("assertions.svh", "sram_1r1w.sv", "beat_buffer.sv")]
    said = prove(tmp_path, sources, BUFFER.replace("DEPTH", str(depth)), "-tempinduct -maxsteps 4")
    assert "SUCCESS" in said


def test_a_beat_buffer_that_reads_too_late_is_caught(tmp_path: Path) -> None:
    text = (GEMMINI / "beat_buffer.sv").read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.sv"
    assert text.count(".read_row_i(head)") == 1
    wrong.write_text(text.replace(".read_row_i(head)", ".read_row_i(head_q)"), encoding="utf-8")
    sources = [GEMMINI / "assertions.svh", GEMMINI / "sram_1r1w.sv", wrong]
    with pytest.raises(RuntimeError, match="proof did fail"):
        prove(tmp_path, sources, BUFFER.replace("DEPTH", "3"), "-tempinduct -maxsteps 4")


COUNTERS = [GEMMINI / "assertions.svh", GEMMINI / "gemmini_pkg.sv"]


@pytest.mark.long
def test_every_busy_cycle_counts_in_exactly_one_class(tmp_path: Path) -> None:
    said = prove(tmp_path, [*COUNTERS, GEMMINI / "performance_counters.sv"], CLASSES, "-tempinduct -maxsteps 4")
    assert "SUCCESS" in said


@pytest.mark.long
def test_a_cycle_that_counts_twice_is_caught(tmp_path: Path) -> None:
    text = (GEMMINI / "performance_counters.sv").read_text(encoding="utf-8")
    assert text.count("else if (storing_q)") == 1
    wrong = tmp_path / "wrong.sv"
    wrong.write_text(text.replace("else if (storing_q)", "if (storing_q)"), encoding="utf-8")
    with pytest.raises(RuntimeError, match="proof did fail"):
        prove(tmp_path, [*COUNTERS, wrong], CLASSES, "-tempinduct -maxsteps 4")
