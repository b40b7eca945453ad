// SPDX-License-Identifier: Apache-2.0
// Command front end: one command a cycle from the host.
// A configuration, windows of a pooling and a fence wait until the accelerator is idle; a tile waits for a free loop
// slot; a single micro-operation waits until no tile is in flight and its class has room.
`include "assertions.svh"
module command_decoder
  import gemmini_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    output logic ready_o,
    input logic [CommandBits-1:0] command_i,
    input logic idle_i,
    output config_t config_o,
    output pool_t pool_o,
    // Tiles.
    input logic loop_busy_i,
    output logic loop_valid_o,
    input logic loop_ready_i,
    output loop_t loop_o,
    output logic loop_matmul_o,
    // Single operations.
    input logic [2:0] full_i,  // load, execute, store
    output logic uop_valid_o,
    output uop_t uop_o
);
  config_t config_q;
  pool_t pool_q;
  command_e opcode;
  logic full;

  assign opcode = command_e'(command_i[3:0]);
  assign config_o = config_q;
  assign pool_o = pool_q;
  assign loop_o = command_i[$bits(loop_t)-1:0];
  assign loop_matmul_o = opcode == CmdLoopMatmul;
  assign loop_valid_o = valid_i && (opcode == CmdLoopConv || opcode == CmdLoopMatmul);
  assign uop_o = command_i[$bits(uop_t)+3:4];

  always_comb begin
    ready_o = 1'b0;
    full = 1'b0;
    uop_valid_o = 1'b0;
    unique case (opcode)
      CmdConfig, CmdPool, CmdFence: ready_o = idle_i;
      CmdLoopConv, CmdLoopMatmul: ready_o = loop_ready_i;
      CmdLoad, CmdPreload, CmdCompute, CmdStore: begin
        if (opcode == CmdLoad) full = full_i[0];
        else if (opcode == CmdStore) full = full_i[2];
        else full = full_i[1];
        ready_o = !loop_busy_i && !full;
        uop_valid_o = valid_i && ready_o;
      end
      default: ready_o = 1'b1;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      config_q <= '0;
      pool_q <= PlainStores;
    end else if (valid_i && ready_o && opcode == CmdConfig) begin
      config_q <= command_i[$bits(config_t)-1:0];
      pool_q <= PlainStores;
    end else if (valid_i && ready_o && opcode == CmdPool) begin
      pool_q <= command_i[$bits(pool_t)-1:0];
    end
  end

  `ERROR_IF(valid_i && command_i[3:0] > 4'(CmdPool), ("unknown opcode %0d", command_i[3:0]))
endmodule
