// SPDX-License-Identifier: Apache-2.0
// Command front end: decodes commands and turns tiles into micro-operations, one a cycle for the reservation station.
// Design.loop_unrollers = 0 leaves out the loop unrollers: tile commands are then illegal.
// A single operation passes in the cycle in which it is accepted; one of a tile the cycle after its unit starts.
`include "assertions.svh"
module front_end
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input logic cmd_valid_i,
    output logic cmd_ready_o,
    input logic [CommandBits-1:0] cmd_i,
    // Nothing is in flight: the configuration may change.
    input logic idle_i,
    output config_t config_o,
    output pool_t pool_o,
    output logic loops_busy_o,
    // Reservation station.
    input logic [2:0] full_i,  // load, execute, store
    output logic uop_valid_o,
    output uop_t uop_o,
    output logic quiet_o
);
  loop_t loop;
  logic loop_valid, loop_ready, loop_matmul;
  logic loop_uop_valid, single_uop_valid;
  uop_t loop_uop, single_uop;

  command_decoder u_decoder (
      .clk_i,
      .rst_ni,
      .valid_i(cmd_valid_i),
      .ready_o(cmd_ready_o),
      .command_i(cmd_i),
      .idle_i,
      .config_o,
      .pool_o,
      .loop_busy_i(loops_busy_o),
      .loop_valid_o(loop_valid),
      .loop_ready_i(loop_ready),
      .loop_o(loop),
      .loop_matmul_o(loop_matmul),
      .full_i,
      .uop_valid_o(single_uop_valid),
      .uop_o(single_uop)
  );

  if (Design.loop_unrollers) begin : gen_loops
    loop_unroller #(
        .Design(Design)
    ) u_loops (
        .clk_i,
        .rst_ni,
        .config_i(config_o),
        .valid_i(loop_valid),
        .ready_o(loop_ready),
        .loop_i(loop),
        .matmul_i(loop_matmul),
        .busy_o(loops_busy_o),
        .full_i,
        .uop_valid_o(loop_uop_valid),
        .uop_o(loop_uop),
        .quiet_o
    );
  end else begin : gen_no_loops
    assign loop_ready = 1'b0;
    assign loops_busy_o = 1'b0;
    assign loop_uop_valid = 1'b0;
    assign loop_uop = '0;
    assign quiet_o = 1'b1;
    logic unused_tile;
    assign unused_tile = ^{loop, loop_matmul};
    `ERROR_IF(loop_valid, ("a tile command for a design without loop unrollers"))
  end

  assign uop_valid_o = loop_uop_valid || single_uop_valid;
  always_comb begin
    uop_o = loop_uop;
    if (single_uop_valid) uop_o = single_uop;
  end
endmodule
