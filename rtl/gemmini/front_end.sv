// Command front end: decodes commands and turns tiles into micro-operations, one a cycle for the reservation station.
// LoopUnrollers = 0 leaves out the loop unrollers: tile commands are then illegal.
// A single operation passes in the cycle in which it is accepted; one of a tile the cycle after its unit starts.
module front_end
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter int unsigned ScratchpadRows = 16384,
    parameter int unsigned AccumulatorRows = 1024,
    parameter bit LoopUnrollers = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,
    input logic cmd_valid_i,
    output logic cmd_ready_o,
    input logic [CommandBits-1:0] cmd_i,
    // Nothing is in flight: the configuration may change.
    input logic idle_i,
    output config_t config_o,
    output logic loops_busy_o,
    // Reservation station.
    input logic load_full_i,
    input logic execute_full_i,
    input logic store_full_i,
    output logic uop_valid_o,
    output uop_t uop_o,
    output logic quiet_o
);
  loop_t loop;
  logic loop_valid, loop_ready, loop_matmul;
  logic loop_uop_valid, single_uop_valid;
  uop_t loop_uop, single_uop;

  command_decoder u_decoder (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .valid_i(cmd_valid_i),
      .ready_o(cmd_ready_o),
      .command_i(cmd_i),
      .idle_i(idle_i),
      .config_o(config_o),
      .loop_busy_i(loops_busy_o),
      .loop_valid_o(loop_valid),
      .loop_ready_i(loop_ready),
      .loop_o(loop),
      .loop_matmul_o(loop_matmul),
      .load_full_i(load_full_i),
      .execute_full_i(execute_full_i),
      .store_full_i(store_full_i),
      .uop_valid_o(single_uop_valid),
      .uop_o(single_uop)
  );

  if (LoopUnrollers) begin : gen_loops
    loop_unroller #(
        .Dim(Dim),
        .ScratchpadRows(ScratchpadRows),
        .AccumulatorRows(AccumulatorRows)
    ) u_loops (
        .clk_i(clk_i),
        .rst_ni(rst_ni),
        .config_i(config_o),
        .valid_i(loop_valid),
        .ready_o(loop_ready),
        .loop_i(loop),
        .matmul_i(loop_matmul),
        .busy_o(loops_busy_o),
        .load_full_i(load_full_i),
        .execute_full_i(execute_full_i),
        .store_full_i(store_full_i),
        .uop_valid_o(loop_uop_valid),
        .uop_o(loop_uop),
        .quiet_o(quiet_o)
    );
  end else begin : gen_no_loops
    assign loop_ready = 1'b0;
    assign loops_busy_o = 1'b0;
    assign loop_uop_valid = 1'b0;
    assign loop_uop = '0;
    assign quiet_o = 1'b1;
    logic unused_tile;
    assign unused_tile = ^{loop, loop_matmul};

    assert_no_tile :
    assert property (@(posedge clk_i) disable iff (!rst_ni) !loop_valid)
    else $error("front_end: a tile command without loop unrollers");
  end

  assign uop_valid_o = loop_uop_valid || single_uop_valid;
  always_comb begin
    uop_o = loop_uop;
    if (single_uop_valid) uop_o = single_uop;
  end
endmodule
