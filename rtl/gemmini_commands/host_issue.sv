// SPDX-License-Identifier: Apache-2.0
// Command issue of a host without loop unrollers: passes one command every HostCycles cycles.
// The host makes the next command while the present one waits: HostCycles cycles after a command was taken, or later,
// the next one is offered. A command that may pass does so in the same cycle; ready_o then follows ready_i.
// waiting_o: the host is busy with the next command.
`include "assertions.svh"
module host_issue #(
    parameter int unsigned HostCycles = 8
) (
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    output logic ready_o,
    output logic valid_o,
    input logic ready_i,
    output logic waiting_o
);
  localparam int unsigned TimerBits = $clog2(HostCycles + 1);
  typedef logic [TimerBits-1:0] timer_t;

  timer_t timer_q;

  assign waiting_o = timer_q != '0;
  assign valid_o = valid_i && !waiting_o;
  assign ready_o = ready_i && !waiting_o;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      timer_q <= '0;
    end else if (valid_o && ready_i) begin
      timer_q <= timer_t'(HostCycles - 1);
    end else if (waiting_o) begin
      timer_q <= timer_q - 1'b1;
    end
  end

  if (HostCycles < 1) begin : gen_illegal_host_cycles
    $error("host_issue: HostCycles = %0d is not at least 1", HostCycles);
  end
  `ASSERT_IF(assert_pace, waiting_o, !valid_o && !ready_o,
      ("host_issue: a command passes while the host makes the next one"))
endmodule
